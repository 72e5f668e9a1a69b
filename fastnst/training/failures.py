"""Says in words what TensorFlow could not do."""

import re

import tensorflow as tf

# Where in a graph it happened, and in which part of a pipeline.
_PLACE = re.compile(
    r"\{\{.*?\}\} ?| ?\[(\[\{\{.*|Op:.*)"
    r"|Error in user-defined function passed to .*? Iterator::\S+: "
)
_NO_REASON = ("Graph execution error", "Detected at node", "<stack traces", " ")


def reason(error: tf.errors.OpError) -> str:
    """Returns the line of an error's message that says why, ended by a point.

    Args:
        error: Raised by TensorFlow; its message tells the place in the graph
            and stack traces as well, on lines before and after.
    """
    for line in _PLACE.sub("", str(error.message)).splitlines():
        if line.strip() and not line.startswith(_NO_REASON):
            return line.strip().rstrip(".") + "."
    return f"{type(error).__name__}."

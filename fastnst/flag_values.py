"""The values of flags: as text, as numbers, or not wanted."""

import math
from typing import Any

from absl import flags


def of_command(module: str) -> dict[str, str]:
    """Returns the flags of a command that have a value, as text, sorted.

    Args:
        module: Name of the module of the command.
    """
    return {
        flag.name: as_text(flag.value)
        for flag in sorted(
            flags.FLAGS.get_key_flags_for_module(module), key=lambda f: f.name
        )
        if flag.value not in (None, [])
    }


def as_text(value: Any) -> str:
    """Returns the value of a flag as it is written on a command line."""
    return ",".join(value) if isinstance(value, list) else str(value)


def numbers(name: str, values: list[str]) -> list[float]:
    """Converts the values of a list flag.

    Raises:
        ValueError: If one is not a number of at least 0; names the flag.
    """
    try:
        result = [float(value) for value in values]
    except ValueError:
        result = []
    if not result or not all(0 <= value < math.inf for value in result):
        raise ValueError(
            f"--{name} must be numbers of at least 0, separated by commas. "
            f"Received: {','.join(values)}."
        )
    return result


def check_used(name: str, other: str, used: bool) -> None:
    """Refuses a flag that would change nothing.

    Args:
        name: Of the flag.
        other: What it belongs to, for the error.
        used: Whether that was chosen.

    Raises:
        ValueError: If the flag is given, and not used.
    """
    flag = flags.FLAGS[name]
    if flag.present and not used:
        raise ValueError(
            f"--{name} belongs to {other}: give both or neither. "
            f"Received: --{name}={as_text(flag.value)}."
        )

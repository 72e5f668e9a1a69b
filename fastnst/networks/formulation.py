"""Which of its equal formulations a layer is traced in.

Networks are written for TensorFlow, and where that is slow or wrong in LiteRT
for LiteRT too: its processors, and its GPU engine with floats of 16 bits.
"""

from collections.abc import Iterator
import contextlib
import contextvars

_FOR_LITERT = contextvars.ContextVar("fastnst_for_litert", default=False)


@contextlib.contextmanager
def for_litert() -> Iterator[None]:
    """Makes what is traced inside fit for LiteRT."""
    token = _FOR_LITERT.set(True)
    try:
        yield
    finally:
        _FOR_LITERT.reset(token)


def is_for_litert() -> bool:
    """Tells whether `for_litert` is active."""
    return _FOR_LITERT.get()

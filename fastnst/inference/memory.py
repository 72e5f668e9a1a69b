"""Whether the memory is large enough, asked before the work begins.

Linux gives memory that it does not have and ends the process when it is used:
an error that nobody can catch. So what is clearly too large is refused.
"""

import pathlib

import keras
import tensorflow as tf

_MEMINFO = pathlib.Path("/proc/meminfo")
_CGROUP = pathlib.Path("/sys/fs/cgroup")
# Floats alive at once for each pixel of the result, measured on the CPU with
# both presets and factors: 66 and 79 with 16 filters, 209 and 213 with 64.
_FLOATS = 32
_FLOATS_PER_FILTER = 3


def available_bytes() -> int | None:
    """Returns how much memory this process may still take.

    Returns:
        Bytes, the least of the machine's and the container's; None where the
        system does not tell.
    """
    found = []
    try:
        for line in _MEMINFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                found.append(1024 * int(line.split()[1]))
        limit = (_CGROUP / "memory.max").read_text(encoding="utf-8")
        if limit.strip() != "max":
            used = (_CGROUP / "memory.current").read_text(encoding="utf-8")
            found.append(int(limit) - int(used))
    except (OSError, ValueError):
        pass  # Another system, or one without such a limit.
    return min(found, default=None)


def upscaling_bytes(network: keras.Model, height: int, width: int) -> int:
    """Estimates what a super-resolution network needs on the CPU.

    Args:
        network: A `SuperResolutionNetwork`.
        height: Of the low-resolution image.
        width: The same.

    Returns:
        Bytes, between 1 and 1.25 times what was measured.
    """
    filters = network.upsampling[-1].filters
    floats = _FLOATS + _FLOATS_PER_FILTER * filters
    return 4 * floats * height * width * network.factor**2


def check_upscaling(network: keras.Model, height: int, width: int) -> None:
    """Refuses a low-resolution image that is too large for the memory.

    Where TensorFlow computes on a GPU nothing is refused: it says itself when
    the memory of a GPU is full.

    Args:
        network: A `SuperResolutionNetwork`.
        height: Of the low-resolution image.
        width: The same.

    Raises:
        ValueError: If it is.
    """
    needed, available = upscaling_bytes(network, height, width), None
    if not tf.config.list_physical_devices("GPU"):
        available = available_bytes()
    if available is not None and needed > available:
        raise ValueError(
            f"{width}x{height} pixels are too many for the memory: enlarging "
            f"them {network.factor} times needs about {needed / 1e9:.1f} GB, "
            f"and {available / 1e9:.1f} GB are free. Cut it into parts."
        )

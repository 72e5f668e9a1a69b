"""Whether the memory is large enough, asked before the work begins.

Linux gives memory that it does not have and ends the process when it is used:
an error that nobody can catch. So what is clearly too large is done in parts,
or refused.
"""

import pathlib

import keras
import tensorflow as tf

_MEMINFO = pathlib.Path("/proc/meminfo")
_CGROUP = pathlib.Path("/sys/fs/cgroup")
# Floats alive at once for each pixel of the result, and for each pixel and
# filter of the last layers, measured on the CPU with both presets. Enlarging 4
# and 8 times: 66 and 79 with 16 filters, 209 and 213 with 64. Style transfer:
# 109 with 8 filters, 153 with 32.
_FLOATS = {"super_resolution": (32, 3), "style_transfer": (96, 2)}
# Results of fewer pixels fit any machine.
_SMALL_PIXELS = 2**18
# A picture that needs more is done in parts even where the memory is there:
# others need it too, and parts take a fifth more time at most.
_LARGE_BYTES = 3 * 10**9
# Of what is free, a share is left to the rest of the machine.
_SHARE = 0.7


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


def needed_bytes(network: keras.Model, height: int, width: int) -> int:
    """Estimates what a network needs on the CPU for a whole picture.

    Args:
        network: A transform network.
        height: Of the picture that enters it.
        width: The same.

    Returns:
        Bytes, between 1 and 1.25 times what was measured.
    """
    floats, per_filter = _FLOATS[network.task]
    if network.task == "super_resolution":
        filters = network.upsampling[-1].filters
    else:
        filters = network.blocks[-1].arguments["filters"]
    floats += per_filter * filters
    return 4 * floats * _result_pixels(network, height, width)


def fits(network: keras.Model, height: int, width: int) -> bool:
    """Tells whether a whole picture should go through a network at once.

    Where TensorFlow computes on a GPU it says itself when the memory of the
    GPU is full.

    Args:
        network: A transform network.
        height: Of the picture that enters it.
        width: The same.
    """
    if _result_pixels(network, height, width) <= _SMALL_PIXELS:
        return True
    free = _free_bytes()
    return free is None or needed_bytes(network, height, width) <= min(
        _LARGE_BYTES, _SHARE * free
    )


def check(network: keras.Model, height: int, width: int) -> None:
    """Refuses a picture that is too large for the memory as a whole.

    Args:
        network: A transform network.
        height: Of the picture that enters it.
        width: The same.

    Raises:
        ValueError: If it is.
    """
    needed, free = needed_bytes(network, height, width), _free_bytes()
    if free is not None and needed > free:
        raise ValueError(
            f"{width}x{height} pixels are too many for the memory: as a whole "
            f"they need about {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB "
            "are free. Set `tile` to auto (--tile=auto)."
        )


def check_result(height: int, width: int, num_bytes: int) -> None:
    """Refuses a result that, made in parts, is itself too large to be held.

    Args:
        height: Of the result.
        width: The same.
        num_bytes: That it takes; to be written it is held twice.

    Raises:
        ValueError: If it is.
    """
    needed, free = 2 * num_bytes, available_bytes()
    if free is not None and needed > free:
        raise ValueError(
            f"A result of {width}x{height} pixels is too large for the memory: "
            f"to make and write it takes {needed / 1e9:.1f} GB, and "
            f"{free / 1e9:.1f} GB are free. Give a smaller picture, or cut it."
        )


def _result_pixels(network: keras.Model, height: int, width: int) -> int:
    return height * width * network.factor**2


def _free_bytes() -> int | None:
    """Returns the free memory; None where it is unknown or a GPU computes."""
    if tf.config.list_physical_devices("GPU"):
        return None
    return available_bytes()

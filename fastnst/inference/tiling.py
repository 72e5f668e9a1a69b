"""Pictures too large for the memory: the same pixels, a part at a time."""

from collections.abc import Callable
import math

import keras
import numpy as np
import tensorflow as tf

from fastnst.inference import memory
from fastnst.inference import row_buffers
from fastnst.inference import strips
from fastnst.inference import tiles

# Pixels of a strip: enough work for every processor, little memory (the
# largest layers take a kilobyte a pixel).
_STRIP_PIXELS = 2**18
_SMALLEST_STRIP = 32
# What a tile of a super-resolution network may take.
_TILE_BYTES = 10**9
_SMALLEST_TILE = 32
# Feature maps beyond this, or half of what is free, go to the disk.
_BUFFER_BYTES = 3 * 10**9


def checked(tile: str | int) -> str | int:
    """Returns "auto", "off" or the number of rows that a user asks for.

    Raises:
        ValueError: If `tile` is none of them.
    """
    if tile in ("auto", "off"):
        return tile
    try:
        rows = int(str(tile))
    except ValueError:
        rows = 0
    if rows < 1:
        raise ValueError(
            "`tile` must be auto, off, or how many rows a part of the picture "
            f"has. Received: tile={tile!r}."
        )
    return rows


def default_rows(network: keras.Model, width: int) -> int:
    """Returns how many rows at a time keep the memory small.

    Args:
        network: A transform network.
        width: Of the picture.
    """
    if network.task == "style_transfer":
        return max(_SMALLEST_STRIP, _STRIP_PIXELS // width)
    pixels = _TILE_BYTES / memory.needed_bytes(network, 1, 1)
    side = int(math.sqrt(pixels)) - 2 * tiles.reach(network)
    return max(_SMALLEST_TILE, side)


def transform(
    network: keras.Model,
    picture: np.ndarray,
    style_blend: tf.Tensor | None = None,
    *,
    rows: int,
    progress: Callable[[float], object] | None = None,
) -> np.ndarray:
    """Runs a network on a picture, a part at a time.

    Args:
        network: A transform network.
        picture: uint8 or float32, shape (height, width, 3), in [0, 255].
        style_blend: float32, shape (1, num_styles), of a style transfer
            network.
        rows: Height of the strips of style transfer, height and width of the
            tiles of super-resolution.
        progress: Called with the share that is done, 0 to 1.

    Returns:
        The type of `picture`, height and width times the network's factor:
        what the network makes of the whole picture, but for rounding.

    Raises:
        OSError: If the disk has no room for what the memory cannot hold.
        ValueError: If the memory cannot hold the result of super-resolution.
    """
    progress = progress or (lambda share: None)
    if network.task == "style_transfer":
        return _stylized(network, picture, style_blend, rows, progress)
    return _enlarged(network, picture, rows, progress)


def _stylized(network, picture, style_blend, rows, progress) -> np.ndarray:
    free = memory.available_bytes() or math.inf
    run = strips.StripRun(
        network,
        style_blend,
        rows=rows,
        buffers=row_buffers.RowBuffers(int(min(_BUFFER_BYTES, free / 2))),
        progress=progress,
    )
    result = np.empty_like(picture)
    for top, strip in run.stylized(picture):
        result[top:top + strip.shape[0]] = as_pixels(strip, picture.dtype)
    return result


def _enlarged(network, picture, rows, progress) -> np.ndarray:
    height, width = [network.factor * side for side in picture.shape[:2]]
    memory.check_result(
        height, width, 3 * height * width * picture.itemsize
    )
    result = np.empty([height, width, 3], picture.dtype)
    num_done = 0
    for top, left, tile in tiles.enlarged(network, picture, rows):
        bottom, right = top + tile.shape[0], left + tile.shape[1]
        result[top:bottom, left:right] = as_pixels(tile, picture.dtype)
        num_done += tile.shape[0] * tile.shape[1]
        progress(num_done / (height * width))
    return result


def as_pixels(transformed: tf.Tensor, dtype: np.dtype) -> np.ndarray:
    """Returns pixels as float32, or rounded half to even for uint8."""
    if dtype == np.uint8:
        rounded = tf.clip_by_value(tf.round(transformed), 0.0, 255.0)
        return tf.cast(rounded, tf.uint8).numpy()
    return tf.cast(transformed, tf.float32).numpy()

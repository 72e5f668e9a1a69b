"""A super-resolution network run on tiles of a picture, exactly.

It has no statistics of the whole picture: an output pixel depends on a few
pixels around it only, so a tile with that many neighbors is enough.
"""

from collections.abc import Iterator
import math

import keras
import numpy as np
import tensorflow as tf

# Bicubic enlargement reads two pixels on either side.
_BICUBIC_REACH = 2


def reach(network: keras.Model) -> int:
    """Returns how far away a pixel can be that an output pixel depends on.

    Args:
        network: A `SuperResolutionNetwork`.

    Returns:
        Low-resolution pixels.
    """
    steps = [network.first, *network.residual_steps, network.after_blocks]
    pixels = float(
        sum(_margin(step.convolution) for step in steps if step is not None)
    )
    scale = 1
    for step in network.upsampling:
        # A doubling reads its neighbors in the map that it doubles.
        pixels += _margin(step.convolution) / scale
        scale *= 2
    pixels += _margin(network.last) / scale
    return max(_BICUBIC_REACH, math.ceil(pixels))


def _margin(convolution) -> int:
    return int(np.max(convolution.kernel_size)) // 2


def enlarged(
    network: keras.Model, picture: np.ndarray, side: int
) -> Iterator[tuple[int, int, tf.Tensor]]:
    """Enlarges a picture tile by tile.

    Args:
        network: A `SuperResolutionNetwork`.
        picture: uint8 or float32, shape (height, width, 3), in [0, 255].
        side: Height and width of a tile, without the neighbors.

    Yields:
        The first row and column of a tile in the enlarged picture, and its
        pixels: float32, shape (height, width, 3), in [0, 255].
    """
    halo, factor = reach(network), network.factor
    for rows in _ranges(picture.shape[0], side, halo):
        for columns in _ranges(picture.shape[1], side, halo):
            (begin, end, top), (first, last, left) = rows, columns
            tile = tf.cast(picture[None, begin:end, first:last], tf.float32)
            pixels = network(tile, training=False)[0]
            yield (
                factor * top,
                factor * left,
                pixels[
                    factor * (top - begin):factor * (top - begin + side),
                    factor * (left - first):factor * (left - first + side),
                ],
            )


def _ranges(size: int, side: int, halo: int):
    """Yields begin and end of what is read, and where the tile begins."""
    for place in range(0, size, side):
        yield max(0, place - halo), min(size, place + side + halo), place

"""The stability term: the output must move with the input.

Differs from the paper, which has no such term. Where a content image is flat, a
network invents a texture, and hangs it on the grid that its strides give it:
dots 4 or 8 pixels apart in the sky, which stand still, or jump, when it moves.
Along the borders, where convolutions see padding, it draws a frame. A copy of
the content image, mirrored outward, has its borders elsewhere and another grid:
stylized, it must show the same. Its noise, that of a camera, shows what changes
from frame to frame.
"""

import tensorflow as tf

from fastnst import losses

TERM = "stability"
# The strides of the networks repeat after 4 pixels.
_LARGEST_SHIFT = 3
# Pixels that a copy is mirrored outward at least; what padding changes is seen
# mostly in fewer.
_MIRRORED = 12
# Standard deviation of the noise of a camera, of 255.
_NOISE = 2.0


def disturb(
    images: tf.Tensor, step: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mirrors images outward, by 12 to 15 pixels above and left, adds noise.

    Args:
        images: float32, shape (batch, height, width, 3), in [0, 255], height
            and width of more than 16.
        step: int32 scalar: another step, another shift and noise.

    Returns:
        float32 images, shape (batch, height + 28, width + 28, 3), and where
        the first pixel of the content images is in them, int32, shape (2,).
    """
    outward = _MIRRORED + _LARGEST_SHIFT + 1
    sizes = [size + _MIRRORED + outward for size in _sizes(images)]
    shift = tf.random.stateless_uniform(
        [2], tf.stack([0, step]), 0, _LARGEST_SHIFT + 1, tf.int32
    )
    mirrored = tf.pad(
        images, [[0, 0], [outward] * 2, [outward] * 2, [0, 0]], "REFLECT"
    )
    place = _MIRRORED + shift
    moved = _cut_out(mirrored, outward - place, sizes)
    noise = tf.random.stateless_normal(
        tf.shape(moved), tf.stack([1, step]), stddev=_NOISE
    )
    return moved + noise, place


def instability_loss(
    part: tf.Tensor, whole: tf.Tensor, place: tf.Tensor
) -> tf.Tensor:
    """Computes how far outputs are from moving with their input.

    Args:
        part: What the network makes of one input, float32, shape (batch,
            height, width, 3).
        whole: What it makes of another that shows more, float32, shape (batch,
            at least height, at least width, 3).
        place: Where the first pixel of `part` is in `whole`, int32, shape (2,).

    Returns:
        float32, shape (batch,): the mean squared difference between `part` and
        the same part of `whole`.
    """
    return losses.pixel_loss(part, _cut_out(whole, place, _sizes(part)))


def _sizes(images: tf.Tensor) -> list:
    """Returns height and width, numbers where they are known."""
    return [images.shape[i] or tf.shape(images)[i] for i in (1, 2)]


def _cut_out(images: tf.Tensor, begin: tf.Tensor, sizes: list) -> tf.Tensor:
    part = tf.slice(
        images, tf.pad(begin, [[1, 1]]), tf.stack([-1, *sizes, -1])
    )
    known = [size if isinstance(size, int) else None for size in sizes]
    return tf.ensure_shape(part, [images.shape[0], *known, images.shape[3]])

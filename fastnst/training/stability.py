"""The stability term: the stylized image must move with the content image.

Differs from the paper, which has no such term. Where a content image is flat, a
network invents a texture, and hangs it on the grid that its strides give it:
dots 4 or 8 pixels apart in the sky, which stand still, or jump, when the sky
moves. Stylizing a shifted copy of the content image shows such a texture, since
it does not shift; camera noise shows what changes from frame to frame.
"""

import tensorflow as tf

from fastnst import losses

TERM = "stability"
# The strides of the networks repeat after 4 pixels.
_LARGEST_SHIFT = 3
# Standard deviation of the noise of a camera, of 255.
_NOISE = 2.0
# Pixels from the border that the shift, which rolls the image around, may
# change for other reasons.
_MARGIN = 12


def disturb(
    images: tf.Tensor, step: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Shifts images by 0 to 3 pixels down and right, and adds noise.

    Args:
        images: float32, shape (batch, height, width, 3), in [0, 255].
        step: int32 scalar: another step, another shift and noise.

    Returns:
        float32 images of the same shape, what leaves on one side entering on
        the other, and the shift, int32, shape (2,).
    """
    shift = tf.random.stateless_uniform(
        [2], tf.stack([0, step]), 0, _LARGEST_SHIFT + 1, tf.int32
    )
    noise = tf.random.stateless_normal(
        tf.shape(images), tf.stack([1, step]), stddev=_NOISE
    )
    return tf.roll(images, shift, [1, 2]) + noise, shift


def instability_loss(
    stylized_images: tf.Tensor, disturbed: tf.Tensor, shift: tf.Tensor
) -> tf.Tensor:
    """Computes how far stylized images are from moving with their content.

    Args:
        stylized_images: float32, shape (batch, height, width, 3), height and
            width of more than 24.
        disturbed: What the network makes of the disturbed content images, the
            same shape.
        shift: int32, shape (2,), as `disturb` returned it.

    Returns:
        float32, shape (batch,): the mean squared difference, inside a margin
        of 12 pixels, between the shifted stylized images and `disturbed`.
    """
    inside = slice(_MARGIN, -_MARGIN)
    moved = tf.roll(stylized_images, shift, [1, 2])
    return losses.pixel_loss(
        disturbed[:, inside, inside], moved[:, inside, inside]
    )

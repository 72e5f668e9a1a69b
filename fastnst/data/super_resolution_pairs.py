"""Pairs of low-resolution images and the truth, made of patches of photos."""

import tensorflow as tf

from fastnst.data import low_resolution


def super_resolution_pairs(
    batches: tf.data.Dataset, *, factor: int, degradation: str
) -> tf.data.Dataset:
    """Adds to batches of patches what a camera of less resolution would see.

    Args:
        batches: Of (images, next_position), as `content_images` returns them,
            images of a static size that the factor divides.
        factor: How many times smaller.
        degradation: One of `low_resolution.DEGRADATIONS`.

    Returns:
        A dataset of (low_resolution_images, images, next_position). The
        low-resolution images are float32, whole numbers in [0, 255], as they
        would be read from a file.

    Raises:
        ValueError: If factor, degradation and size do not fit.
    """
    low_resolution.check_degradation(factor, degradation)
    image_size = batches.element_spec[0].shape[1]
    if image_size % factor:
        raise ValueError(
            f"The images' side must be a multiple of the factor, {factor}. "
            f"Received: {image_size}."
        )

    def pair(images: tf.Tensor, next_position: tf.Tensor):
        low_resolution_images = low_resolution.degrade_patches(
            images, factor, degradation=degradation, eight_bit=True
        )
        return low_resolution_images, images, next_position

    # One worker keeps the order, and the patches are small.
    return batches.map(pair).prefetch(tf.data.AUTOTUNE)

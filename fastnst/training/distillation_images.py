"""What a loss network is shown while it is distilled.

Training a transform network takes a loss network from the gray of an untrained
network over half-stylized images to stylized ones, and it must be right on the
whole way, not only on photographs.
"""

from collections.abc import Callable
from collections.abc import Sequence

import keras
import tensorflow as tf

_GRAY = 127.5
# Largest deviation of the noise, gray levels.
_NOISE = 40.0


class DistillationImages:
    """Makes four kinds of images from photographs, a quarter of each.

    Photographs; stylized ones; blends of the two; and pale, noisy ones. Half
    of all have their color channels in another order. What a step gets depends
    on seed and step only.

    Args:
        stylizers: Trained networks, images to stylized images, both float32
            in [0, 255]; they take turns. Without any, photographs take the
            place of stylized ones.
        seed: Of shares, noise and colors.
    """

    def __init__(
        self,
        stylizers: Sequence[Callable[[tf.Tensor], tf.Tensor]],
        *,
        seed: int = 0,
    ):
        self._stylizers = tuple(stylizers)
        self._seed = seed

    def __call__(self, photos: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Makes the images of a step.

        Args:
            photos: float32, shape (batch, height, width, 3), in [0, 255];
                batch a multiple of 4.
            step: Integer, shape ().

        Returns:
            float32, the shape of `photos`, in [0, 255].
        """
        first, second, third, fourth = tf.split(photos, 4)
        seeds = [tf.stack([self._seed * 8 + n, tf.cast(step, tf.int32)])
                 for n in range(5)]
        stylized = self._stylized(tf.concat([second, third], 0), step)
        stylized, half = tf.split(stylized, 2)
        blends = third + _shares(third, seeds[0]) * (half - third)
        images = tf.concat(
            [first, stylized, blends, _pale(fourth, seeds[1:4])], 0
        )
        return _recolored(images, seeds[4])

    def _stylized(self, photos: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        if not self._stylizers:
            return photos
        return tf.switch_case(
            tf.cast(step, tf.int32) % len(self._stylizers),
            [lambda network=network: network(photos)
             for network in self._stylizers],
        )


def in_every_style(
    network: keras.Model,
) -> list[Callable[[tf.Tensor], tf.Tensor]]:
    """Returns a stylizer for each style of a style transfer network."""

    def stylizer(style: int):
        def stylize(images: tf.Tensor) -> tf.Tensor:
            styles = tf.fill(tf.shape(images)[:1], style)
            return network(images, tf.one_hot(styles, network.num_styles))

        return stylize

    return [stylizer(style) for style in range(network.num_styles)]


def _shares(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws a number in [0, 1) for each image."""
    return tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed)


def _pale(photos: tf.Tensor, seeds: Sequence[tf.Tensor]) -> tf.Tensor:
    """Takes contrast from photographs, and adds noise."""
    noise = tf.random.stateless_normal(tf.shape(photos), seeds[0])
    noise *= _NOISE * tf.square(_shares(photos, seeds[1]))
    pale = _GRAY + _shares(photos, seeds[2]) * (photos - _GRAY)
    return tf.clip_by_value(pale + noise, 0.0, 255.0)


def _recolored(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Gives every second image its channels in an order drawn at random."""
    order = tf.argsort(tf.random.stateless_uniform([3], seed))
    odd = tf.range(tf.shape(images)[0])[:, None, None, None] % 2 == 1
    return tf.where(odd, tf.gather(images, order, axis=3), images)

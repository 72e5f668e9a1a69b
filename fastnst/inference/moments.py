"""Mean and variance of each channel of a picture, gathered strip by strip."""

import numpy as np
import tensorflow as tf


class Moments:
    """Merges the statistics of strips (Chan, Golub and LeVeque 1983).

    Sums of squares would cancel where the mean is large; here each strip has
    its own mean, and the merged numbers are float64.
    """

    def __init__(self):
        self._count = 0
        self._mean = np.zeros([], np.float64)
        self._squares = np.zeros([], np.float64)

    def add(self, features: tf.Tensor) -> None:
        """Adds a strip: float, shape (1, height, width, channels)."""
        mean, variance = [
            moment.numpy().astype(np.float64)
            for moment in tf.nn.moments(
                tf.cast(features, tf.float32), [0, 1, 2]
            )
        ]
        count = features.shape[1] * features.shape[2]
        total = self._count + count
        step = mean - self._mean
        self._squares = (
            self._squares
            + variance * count
            + step**2 * (self._count * count / total)
        )
        self._mean = self._mean + step * (count / total)
        self._count = total

    def result(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns mean and variance, float32, shape (channels,)."""
        return (
            tf.constant(self._mean, tf.float32),
            tf.constant(self._squares / self._count, tf.float32),
        )

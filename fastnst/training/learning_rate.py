"""The learning rate over a training in stages of different image sizes."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

SCHEDULES = ("constant", "cosine")
_WARM_UP_STEPS = 100
_FINAL_FRACTION = 0.02


class CosineOverStages(keras.optimizers.schedules.LearningRateSchedule):
    """A warm-up of 100 steps, then half a cosine down to 2 %.

    Differs from the paper, whose learning rate is constant. The cosine runs
    over the cost of the training, not over its steps: a step on images of half
    the side moves it a quarter as far.

    Args:
        learning_rate: The highest learning rate.
        image_sizes: Side of the images of each stage, in pixels.
        num_steps: Number of steps of each stage.
    """

    def __init__(
        self,
        learning_rate: float,
        image_sizes: Sequence[int],
        num_steps: Sequence[int],
    ):
        self.learning_rate = learning_rate
        self.image_sizes = tuple(image_sizes)
        self.num_steps = tuple(num_steps)

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        costs = np.square(np.asarray(self.image_sizes, np.float64))
        total = float(np.dot(costs, self.num_steps))
        first = np.concatenate([[0], np.cumsum(self.num_steps)[:-1]])
        done = tf.add_n(
            [
                float(cost / total) * tf.clip_by_value(step - begin, 0.0, steps)
                for cost, begin, steps in zip(costs, first, self.num_steps)
            ]
        )
        cosine = 0.5 * (1.0 + tf.cos(np.pi * done))
        fraction = _FINAL_FRACTION + (1.0 - _FINAL_FRACTION) * cosine
        warm_up = tf.minimum(1.0, (step + 1.0) / _WARM_UP_STEPS)
        return self.learning_rate * warm_up * fraction

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "image_sizes": self.image_sizes,
            "num_steps": self.num_steps,
        }


def schedule(
    name: str,
    learning_rate: float,
    image_sizes: Sequence[int],
    num_steps: Sequence[int],
) -> float | CosineOverStages:
    """Returns what an optimizer takes as its learning rate.

    Raises:
        ValueError: If `name` is not one of `SCHEDULES`.
    """
    if name not in SCHEDULES:
        raise ValueError(
            f"The schedule must be one of {', '.join(SCHEDULES)}. "
            f"Received: {name!r}."
        )
    if name == "constant":
        return learning_rate
    return CosineOverStages(learning_rate, image_sizes, num_steps)

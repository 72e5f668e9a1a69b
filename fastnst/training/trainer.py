"""What the trainers of both tasks have in common: all but their step."""

from typing import Any

import keras
import tensorflow as tf

from fastnst.training import training_step


class Trainer(keras.Model):
    """Owns a transform network, its objective, and where its training stands.

    The loss network is in the objective, outside Keras' tracking.

    Args:
        transform_network: The network to train, built.
        objective: What it is trained for; has `weights`.

    Attributes:
        term_weights: Term name to weight.
        data_position: int64 variable, the position in the stream of images
            after the last step.
        usual_gradient_norm: float32 variable, how long gradients were of late.
    """

    def __init__(self, transform_network: keras.Model, objective: Any):
        super().__init__()
        self.transform_network = transform_network
        self.objective = objective
        self.term_weights = dict(objective.weights)
        self.data_position = training_step.data_position()
        self.usual_gradient_norm = training_step.usual_gradient_norm()
        self.built = True

    @property
    def step(self) -> tf.Tensor:
        """Number of steps done, int32, shape (): what random draws hang on."""
        steps = tf.convert_to_tensor(self.optimizer.iterations)
        return tf.cast(steps, tf.int32)

    @property
    def metrics(self):
        """None: the step returns its own numbers."""
        return []

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: all is built.

        Keras would average a batch over the workers first, and with more than
        one cannot.
        """

"""Trains a super-resolution network against pixels or features."""

import keras

from fastnst.training import super_resolution_objective
from fastnst.training import training_step


class SuperResolutionTrainer(keras.Model):
    """Owns the training step of a super-resolution network.

    The loss network is in the objective, outside Keras' tracking. Compile it
    with an optimizer and fit it on batches of (low_resolution_images,
    true_images, next_position) as `fastnst.data.super_resolution_pairs` makes
    them.

    Args:
        transform_network: The network to train, built.
        objective: What it is trained for.

    Attributes:
        data_position: int64 variable, the position in the stream of images
            after the last step.
        usual_gradient_norm: float32 variable, how long gradients were of late.
    """

    def __init__(
        self,
        transform_network: keras.Model,
        objective: super_resolution_objective.SuperResolutionObjective,
    ):
        super().__init__()
        self.transform_network = transform_network
        self.objective = objective
        self.data_position = training_step.data_position()
        self.usual_gradient_norm = training_step.usual_gradient_norm()
        self.built = True

    @property
    def metrics(self):
        """None: the step returns its own numbers."""
        return []

    def train_step(self, data):
        """Enlarges a batch, and changes the network to do it better.

        Args:
            data: Low-resolution images and the truth, float32, shape (batch,
                height, width, 3), the truth `factor` times as large, in
                [0, 255]; and the position after the batch.

        Returns:
            What `training_step` returns.
        """
        low_resolution_images, true_images, next_position = data
        true_features = self.objective.features(true_images)

        def compute_terms():
            enlarged_images = self.transform_network(
                low_resolution_images, training=True
            )
            return self.objective.terms(
                enlarged_images, true_images, true_features
            )

        return training_step.training_step(
            self, next_position, compute_terms, self.objective.weights
        )

"""Trains a super-resolution network against pixels or features."""

from fastnst.training import trainer
from fastnst.training import training_step


class SuperResolutionTrainer(trainer.Trainer):
    """Owns the training step of a super-resolution network.

    Its objective is a `SuperResolutionObjective`. Compile it with an optimizer
    and fit it on batches of (low_resolution_images, true_images, next_position)
    as `fastnst.data.super_resolution_pairs` makes them.

    Args:
        transform_network: The network to train, built.
        objective: A `SuperResolutionObjective`.
    """

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
            self, next_position, compute_terms, self.term_weights
        )

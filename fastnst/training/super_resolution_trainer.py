"""Trains a super-resolution network against pixels or features."""

import keras
import tensorflow as tf

from fastnst.data import low_resolution
from fastnst.training import stability
from fastnst.training import super_resolution_objective
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
        stability_weight: As `Trainer` takes it.
        degradation: What makes low-resolution images for the stability term.
    """

    def __init__(
        self,
        transform_network: keras.Model,
        objective: super_resolution_objective.SuperResolutionObjective,
        *,
        stability_weight: float = 0.0,
        degradation: str = "bicubic",
    ):
        super().__init__(
            transform_network, objective, stability_weight=stability_weight
        )
        self._degradation = degradation

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
            terms = self.objective.terms(
                enlarged_images, true_images, true_features
            )
            if stability.TERM in self.term_weights:
                terms[stability.TERM] = self._instability(
                    enlarged_images, true_images
                )
            return terms

        return training_step.training_step(
            self, next_position, compute_terms, self.term_weights
        )

    def _instability(self, enlarged_images, true_images) -> tf.Tensor:
        """Computes the stability term of the first half of the batch."""
        factor = self.transform_network.factor
        half = ((true_images.shape[0] or tf.shape(true_images)[0]) + 1) // 2
        patches, place = stability.cut_out_elsewhere(
            true_images[:half], factor, self.step
        )
        low_resolution_images = low_resolution.degrade_patches(
            patches, factor, degradation=self._degradation, eight_bit=True
        )
        return stability.instability_loss(
            self.transform_network(low_resolution_images, training=True),
            enlarged_images[:half],
            place,
            # Bicubic sees two low-resolution pixels beyond the border.
            margin=2 * factor,
        )

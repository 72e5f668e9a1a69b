"""Trains a small loss network to see what VGG16 sees."""

from collections.abc import Mapping

import keras
import tensorflow as tf

from fastnst import losses
from fastnst.networks import loss_network
from fastnst.networks import small_loss_network
from fastnst.training import distillation_images
from fastnst.training import trainer
from fastnst.training import training_step

_FEATURES = "features_"
_GRAMS = "grams_"


class DistillationObjective:
    """Compares a small loss network's features with VGG16's.

    For each layer there are two terms, both relative to the size of what
    VGG16 sees, so that all layers count alike: the squared distance of the
    features, and that of the Gram matrices.

    Args:
        teacher: The loss network to learn from.
        gram_weight: Weight of the terms of Gram matrices; those of features
            have 1.

    Attributes:
        weights: Term name to weight.
    """

    def __init__(
        self, teacher: loss_network.LossNetwork, *, gram_weight: float
    ):
        self._teacher = teacher
        layers = small_loss_network.LAYERS
        self.weights = {
            **{_FEATURES + layer: 1.0 for layer in layers},
            **{_GRAMS + layer: gram_weight for layer in layers},
        }

    def targets(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Computes what the small network shall see.

        Args:
            images: float32, shape (batch, height, width, 3), in [0, 255].

        Returns:
            Layer name to float32 features.
        """
        return self._teacher(images, small_loss_network.LAYERS)

    def terms(
        self,
        features: Mapping[str, tf.Tensor],
        targets: Mapping[str, tf.Tensor],
    ) -> dict[str, tf.Tensor]:
        """Computes each term, without its weight.

        Args:
            features: Layer name to float32 features, as many channels as
                VGG16's.
            targets: As `targets` returns them.

        Returns:
            Term name to float32 values, shape (batch,).
        """
        result = {}
        for layer, target in targets.items():
            result[_FEATURES + layer] = _relative(
                losses.feature_reconstruction_loss, features[layer], target
            )
            result[_GRAMS + layer] = _relative(
                losses.style_reconstruction_loss,
                losses.gram_matrix(features[layer]),
                losses.gram_matrix(target),
            )
        return result


def _relative(distance, values: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Divides distances by the mean distance of the targets from zero."""
    size = tf.reduce_mean(distance(tf.zeros_like(targets), targets))
    return distance(values, targets) / size


class Distiller(trainer.Trainer):
    """Owns the training step of a small loss network.

    Compile it with an optimizer and fit it on batches of (content_images,
    next_position) as `fastnst.data.content_images` makes them.

    Args:
        network: Of `small_loss_network.build`, heads as wide as VGG16.
        objective: What it is trained for.
        images: Makes the images it is trained on.
    """

    def __init__(
        self,
        network: keras.Model,
        objective: DistillationObjective,
        images: distillation_images.DistillationImages,
    ):
        super().__init__(network, objective)
        self._images = images
        self._features = loss_network.FeatureExtractor(
            network.input, small_loss_network.outputs(network)
        )

    def train_step(self, data):
        """Shows images to both networks; changes the small one.

        Args:
            data: Content images, float32, shape (batch, height, width, 3), in
                [0, 255], batch a multiple of 4, and the position after them.

        Returns:
            What `training_step` returns.
        """
        photos, next_position = data
        images = self._images(photos, self.step)
        targets = self.objective.targets(images)

        def compute_terms():
            features = self._features(images, small_loss_network.LAYERS)
            return self.objective.terms(features, targets)

        return training_step.training_step(
            self, next_position, compute_terms, self.objective.weights
        )

"""The objective of super-resolution, section 3.2, term by term."""

import tensorflow as tf

from fastnst import losses
from fastnst.training.style_objective import TOTAL_VARIATION

PIXEL = "pixel"
FEATURE = "feature"


class SuperResolutionObjective:
    """Compares enlarged images with the truth, by pixels and by features.

    The paper trains with one of the two terms; both together, and total
    variation, are possible too. The pixel term and total variation are cheap
    and always computed, to be looked at; features only if they weigh.

    Args:
        loss_network: Callable (images, layers) -> {layer: float32 features};
            None will do if `feature_weight` is 0.
        pixel_weight: Weight of the pixel loss.
        feature_weight: Weight of the feature reconstruction loss, eq. (2).
        feature_layer: Where that is taken.
        tv_weight: Weight of the total variation.

    Attributes:
        weights: Term name to weight, in the order of the terms.

    Raises:
        ValueError: If neither pixels nor features weigh, or the loss network
            is missing.
    """

    def __init__(
        self,
        loss_network,
        *,
        pixel_weight: float,
        feature_weight: float,
        feature_layer: str = "relu2_2",
        tv_weight: float = 0.0,
    ):
        if min(pixel_weight, feature_weight) < 0 or not (
            pixel_weight or feature_weight
        ):
            raise ValueError(
                "`pixel_weight` and `feature_weight` must be at least 0, and "
                f"one of them more. Received: pixel_weight={pixel_weight}, "
                f"feature_weight={feature_weight}."
            )
        if feature_weight and loss_network is None:
            raise ValueError(
                "`loss_network` must be given for a `feature_weight` above 0. "
                f"Received: feature_weight={feature_weight}."
            )
        self._loss_network = loss_network
        self._feature_layer = feature_layer
        self.weights = {PIXEL: pixel_weight}
        if feature_weight:
            self.weights[FEATURE] = feature_weight
        self.weights[TOTAL_VARIATION] = tv_weight

    def features(self, images: tf.Tensor) -> tf.Tensor | None:
        """Computes the features that are compared.

        Args:
            images: float32, shape (batch, height, width, 3), in [0, 255].

        Returns:
            float32 features of the layer; None if they have no weight.
        """
        if FEATURE not in self.weights:
            return None
        layer = self._feature_layer
        return self._loss_network(images, (layer,))[layer]

    def terms(
        self,
        enlarged_images: tf.Tensor,
        true_images: tf.Tensor,
        true_features: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Computes each term without its weight.

        Args:
            enlarged_images: float32, shape (batch, height, width, 3).
            true_images: The same, in [0, 255].
            true_features: As `features` returns them for `true_images`.

        Returns:
            Term name to float32 values, shape (batch,), in the order of
            `weights`.
        """
        terms = {PIXEL: losses.pixel_loss(enlarged_images, true_images)}
        if FEATURE in self.weights:
            terms[FEATURE] = losses.feature_reconstruction_loss(
                self.features(enlarged_images), true_features
            )
        terms[TOTAL_VARIATION] = losses.total_variation_loss(enlarged_images)
        return terms

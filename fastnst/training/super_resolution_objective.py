"""The objective of super-resolution, section 3.2, term by term."""

import tensorflow as tf

from fastnst import losses
from fastnst.networks import padding
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
        feature_blur: Share of each neighbor in the blur of rows and columns
            that images go through before the loss network, at most 0.25. The
            paper has none (0): relu2_2 sees that there is texture, and after
            max pooling not where, so a network draws a weave of 2.5 pixels.
            0.15 leaves the loss network half of that.
        tv_weight: Weight of the total variation.

    Attributes:
        weights: Term name to weight, in the order of the terms.

    Raises:
        ValueError: If neither pixels nor features weigh, the loss network is
            missing, or the blur is no blur.
    """

    def __init__(
        self,
        loss_network,
        *,
        pixel_weight: float,
        feature_weight: float,
        feature_layer: str = "relu2_2",
        feature_blur: float = 0.0,
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
        if not 0 <= feature_blur <= 0.25:
            raise ValueError(
                "`feature_blur` must be between 0 and 0.25. "
                f"Received: {feature_blur}."
            )
        self._loss_network = loss_network
        self._feature_layer = feature_layer
        self._feature_blur = feature_blur
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
        if self._feature_blur:
            images = _blurred(images, self._feature_blur)
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


def _blurred(images: tf.Tensor, share: float) -> tf.Tensor:
    """Blurs rows and columns by (share, 1 - 2 share, share)."""
    row = tf.constant([share, 1 - 2 * share, share])
    kernel = tf.tile((row[:, None] * row)[..., None, None], [1, 1, 3, 1])
    padded = padding.reflection_padding(images, 1)
    return tf.nn.depthwise_conv2d(padded, kernel, [1, 1, 1, 1], "VALID")

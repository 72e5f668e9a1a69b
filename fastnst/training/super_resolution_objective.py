"""The objective of super-resolution, section 3.2, term by term."""

import tensorflow as tf

from fastnst import losses
from fastnst.training.style_objective import TOTAL_VARIATION

PIXEL = "pixel"
FEATURE = "feature"
OUTER_BANDS = "outer_bands"


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
        outer_bands_weight: Weight of `outer_bands_loss`. The paper has none
            (0): relu2_2 sees that there is texture, and after max pooling not
            where, so a network draws a weave of 2.5 pixels.
        factor: How many times larger enlarged images are.
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
        outer_bands_weight: float = 0.0,
        factor: int = 4,
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
        self._factor = factor
        self.weights = {PIXEL: pixel_weight}
        if feature_weight:
            self.weights[FEATURE] = feature_weight
        if outer_bands_weight:
            self.weights[OUTER_BANDS] = outer_bands_weight
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
        if OUTER_BANDS in self.weights:
            terms[OUTER_BANDS] = outer_bands_loss(
                enlarged_images, true_images, self._factor
            )
        terms[TOTAL_VARIATION] = losses.total_variation_loss(enlarged_images)
        return terms


def outer_bands_loss(
    images: tf.Tensor, true_images: tf.Tensor, factor: int
) -> tf.Tensor:
    """Computes the squared distance of pixels in coarse and in fine structure.

    Coarse is what two means of factor x factor pixels leave, one of the other.
    Fine is what remains when the blur by (1/4, 1/2, 1/4) of rows and columns
    has been subtracted twice: all of a wave of 2 pixels, 0.82 of one of 2.5, a
    quarter of one of 4. What edges need lies between and costs little.

    Args:
        images: float, shape (batch, height, width, channels), in [0, 255], at
            least 2 * factor - 1 and 5 pixels a side.
        true_images: The same.
        factor: How many times larger the images are than what they were
            enlarged from.

    Returns:
        float, shape (batch,), the sum of both mean squares.
    """
    difference = images - true_images
    coarse = tf.nn.avg_pool2d(difference, factor, 1, "VALID")
    coarse = tf.nn.avg_pool2d(coarse, factor, factor // 2, "VALID")
    fine = _sharpened(_sharpened(difference))
    return tf.reduce_mean(tf.square(coarse), [1, 2, 3]) + tf.reduce_mean(
        tf.square(fine), [1, 2, 3]
    )


def _sharpened(images: tf.Tensor) -> tf.Tensor:
    """Subtracts the blur; the outermost pixels are lost."""
    row = tf.constant([0.25, 0.5, 0.25], images.dtype)
    kernel = (row[:, None] * row)[..., None, None]
    kernel = tf.tile(kernel, [1, 1, images.shape[-1], 1])
    blurred = tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], "VALID")
    return images[:, 1:-1, 1:-1] - blurred

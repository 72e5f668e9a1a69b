"""The objective of style transfer, eq. (5), term by term."""

from collections.abc import Mapping
from collections.abc import Sequence

import tensorflow as tf

from fastnst import losses

TOTAL_VARIATION = "total_variation"
_SCALES = (1.0, 0.5, 0.25)


class StyleObjective:
    """Weighs content, style and smoothness of stylized images.

    The same object serves training, the optimization of a single image and
    the evaluation of a trained network. Style targets are computed once.

    Args:
        loss_network: Callable (images, layers) -> {layer: float32 features}.
        style_images: One float32 image per style, shape (height, width, 3),
            in [0, 255]; sizes may differ.
        content_layer: Where the feature reconstruction loss is taken.
        content_weight: Its weight.
        style_weights: Style layer to the weight of its reconstruction loss.
        tv_weight: Weight of the total variation.
        style_scales: Differs from the paper: sizes, of 1, 0.5 and 0.25, at
            which the style loss is taken; the smaller see larger strokes. The
            paper has (1,).

    Attributes:
        weights: Term name to weight, in the order of the terms.

    Raises:
        ValueError: If a scale is not one of the three.
    """

    def __init__(
        self,
        loss_network,
        style_images: Sequence[tf.Tensor],
        *,
        content_layer: str,
        content_weight: float,
        style_weights: Mapping[str, float],
        tv_weight: float,
        style_scales: Sequence[float] = (1.0,),
    ):
        if not style_scales or not set(style_scales) <= set(_SCALES):
            raise ValueError(
                f"`style_scales` must be taken from {_SCALES}. "
                f"Received: style_scales={list(style_scales)}."
            )
        self._loss_network = loss_network
        self._content_layer = content_layer
        self._style_layers = tuple(style_weights)
        self._scales = tuple(style_scales)
        self.num_styles = len(style_images)
        self.weights = {"content": content_weight}
        for scale in self._scales:
            for layer, weight in style_weights.items():
                # The scales share a layer's weight: more of them do not make
                # the style stronger.
                self.weights[_style_term(layer, scale)] = weight / len(
                    self._scales
                )
        self.weights[TOTAL_VARIATION] = tv_weight
        self._style_grams = self._targets(style_images)

    def _targets(self, style_images) -> dict[str, tf.Tensor]:
        """Computes the Gram matrices of the styles, (num_styles, C, C)."""
        grams = [
            self._gram_matrices(tf.cast(image, tf.float32)[None])
            for image in style_images
        ]
        return {
            term: tf.concat([gram[term] for gram in grams], 0)
            for term in grams[0]
        }

    def _gram_matrices(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        grams = {}
        for scale in self._scales:
            features = self._loss_network(
                _reduced(images, scale), self._style_layers
            )
            for layer in self._style_layers:
                grams[_style_term(layer, scale)] = losses.gram_matrix(
                    features[layer]
                )
        return grams

    def content_features(self, content_images: tf.Tensor) -> tf.Tensor:
        """Computes what the stylized images shall keep.

        Args:
            content_images: float32, shape (batch, height, width, 3).

        Returns:
            float32 features of the content layer.
        """
        return self._loss_network(content_images, (self._content_layer,))[
            self._content_layer
        ]

    def terms(
        self,
        stylized_images: tf.Tensor,
        content_features: tf.Tensor,
        style_blend: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Computes each term of eq. (5) without its weight.

        Args:
            stylized_images: float32, shape (batch, height, width, 3).
            content_features: As `content_features` returns them.
            style_blend: float32, shape (batch, num_styles); None is the first
                style. The target of a blend is the blend of the targets.

        Returns:
            Term name to float32 values, shape (batch,), in the order of
            `weights`: "content", "style_<layer>", "total_variation".
        """
        needed = {self._content_layer, *self._style_layers}
        features = self._loss_network(stylized_images, tuple(needed))
        content = losses.feature_reconstruction_loss(
            features[self._content_layer], content_features
        )
        result = {"content": content}
        for term, gram in self._stylized_grams(
            stylized_images, features
        ).items():
            target = self._style_grams[term]
            if style_blend is None:
                target = target[0]
            else:
                target = tf.einsum("bs,scd->bcd", style_blend, target)
            result[term] = losses.style_reconstruction_loss(gram, target)
        result[TOTAL_VARIATION] = losses.total_variation_loss(stylized_images)
        return result

    def _stylized_grams(self, images, features) -> dict[str, tf.Tensor]:
        grams = {}
        for scale in self._scales:
            if scale != 1.0:
                features = self._loss_network(
                    _reduced(images, scale), self._style_layers
                )
            for layer in self._style_layers:
                grams[_style_term(layer, scale)] = losses.gram_matrix(
                    features[layer]
                )
        return grams

    def total(self, terms: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Computes eq. (5), the weighted sum of the terms, shape (batch,)."""
        return tf.add_n(
            [weight * terms[term] for term, weight in self.weights.items()]
        )

    def style_loss(self, terms: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Computes the weighted sum of the style terms, shape (batch,)."""
        return tf.add_n(
            [self.weights[term] * terms[term] for term in self._style_grams]
        )


def _style_term(layer: str, scale: float) -> str:
    return f"style_{layer}" if scale == 1.0 else f"style_{layer}_at_{scale:g}"


def _reduced(images: tf.Tensor, scale: float) -> tf.Tensor:
    """Reduces images by averaging squares of 1, 2 x 2 or 4 x 4 pixels."""
    if scale == 1.0:
        return images
    side = round(1.0 / scale)
    return tf.nn.avg_pool2d(images, side, side, "VALID")

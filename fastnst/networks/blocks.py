"""The blocks of the style transfer network: convolution, norm, residual."""

from typing import Any

import keras
import tensorflow as tf

from fastnst.networks import layers
from fastnst.networks import normalization


@keras.saving.register_keras_serializable("fastnst")
class ConvolutionBlock(keras.layers.Layer):
    """Convolution, conditional normalization and, if asked for, ReLU.

    Args:
        filters: Number of output channels.
        kernel_size: Odd side of the kernel.
        norm: "instance" or "batch".
        num_styles: Rows of the normalization.
        relu: Whether a ReLU ends the block.
        convolution: The other arguments of `Convolution`.
        **kwargs: Keras' layer arguments.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        norm: str = "instance",
        num_styles: int = 1,
        relu: bool = True,
        convolution: dict | None = None,
        **kwargs,
    ):
        # The style blend must not be rounded to bfloat16.
        super().__init__(autocast=False, **kwargs)
        self.arguments: dict[str, Any] = {
            "filters": filters,
            "kernel_size": kernel_size,
            "norm": norm,
            "num_styles": num_styles,
            "relu": relu,
            "convolution": dict(convolution or {}),
        }
        self.relu = relu
        self.convolution = self._convolution_layer()
        self.normalization = normalization.ConditionalNormalization(
            norm, num_styles, dtype=self.dtype_policy, name="normalization"
        )

    def _convolution_layer(self):
        return layers.Convolution(
            self.arguments["filters"],
            self.arguments["kernel_size"],
            dtype=self.dtype_policy,
            name="convolution",
            **self.arguments["convolution"],
        )

    def build(self, input_shape):
        self.convolution.build(input_shape)
        self.normalization.build((*input_shape[:-1], self.arguments["filters"]))

    def call(self, features, style_blend, training=False):
        features = self.convolution(features)
        features = self.normalization(features, style_blend, training=training)
        return self.activated(features)

    def activated(self, normalized: tf.Tensor) -> tf.Tensor:
        """Ends the block: ReLU, or nothing."""
        return tf.nn.relu(normalized) if self.relu else normalized

    def get_config(self):
        return {**super().get_config(), **self.arguments}


@keras.saving.register_keras_serializable("fastnst")
class ResidualBlock(keras.layers.Layer):
    """The residual block of Gross and Wilber 2016, no ReLU after the sum.

    Args:
        filters: Number of channels in and out.
        norm: "instance" or "batch".
        num_styles: Rows of the normalizations.
        convolution: `Convolution` arguments of both 3x3 convolutions. With
            padding "valid" each side of the picture loses 2 pixels and the
            identity is cropped by as many.
        **kwargs: Keras' layer arguments.
    """

    def __init__(
        self,
        filters: int,
        *,
        norm: str = "instance",
        num_styles: int = 1,
        convolution: dict | None = None,
        **kwargs,
    ):
        # The style blend must not be rounded to bfloat16.
        super().__init__(autocast=False, **kwargs)
        self.arguments: dict[str, Any] = {
            "filters": filters,
            "norm": norm,
            "num_styles": num_styles,
            "convolution": dict(convolution or {}),
        }
        self.first, self.second = [
            ConvolutionBlock(
                filters,
                3,
                norm=norm,
                num_styles=num_styles,
                relu=relu,
                convolution=convolution,
                dtype=self.dtype_policy,
                name=name,
            )
            for name, relu in (("first", True), ("second", False))
        ]

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build(input_shape)

    def call(self, features, style_blend, training=False):
        residual = self.first(features, style_blend, training=training)
        residual = self.second(residual, style_blend, training=training)
        return self.added(features, residual)

    def added(self, features: tf.Tensor, residual: tf.Tensor) -> tf.Tensor:
        """Adds the residual to the identity, cropped to its size."""
        if self.arguments["convolution"].get("padding") == "valid":
            features = features[:, 2:-2, 2:-2]
        return features + residual

    def get_config(self):
        return {**super().get_config(), **self.arguments}

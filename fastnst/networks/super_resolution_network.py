"""The super-resolution networks: the paper's, and one that does more for less.

Thousands of multiply-adds per low-resolution pixel, width 1 (a test counts):

                                   x4 paper  default   x8 paper  default
    first convolution                    16        2         16        2
    residual blocks                     295      590        295      590
    convolution after them                -       37          -       37
    upsampling                          184       66        774      229
    last convolution                    249        7        995       28
    bicubic upsampling                    -        4          -       14
    together                            744      705       2080      900

The paper spends six tenths (x8: nearly nine tenths) of its work on enlarged
feature maps. At low resolution the same layer goes through 16 or 64 times fewer
pixels and sees 4 or 8 times as far, so the preset "default" moves the work
there: twice the residual blocks for 95 % (x8: 43 %) of the multiply-adds.
"""

import keras
import numpy as np
import tensorflow as tf

from fastnst.networks import layers
from fastnst.networks import normalization
from fastnst.networks import padding

FACTORS = (4, 8)
PRESETS = ("default", "paper")

_FILTERS = 64
_NUM_PAPER_BLOCKS = 4
_NUM_DEFAULT_BLOCKS = 8
# One entry for each doubling; the last maps are the largest.
_UPSAMPLING_FILTERS = {4: (32, 16), 8: (32, 32, 16)}


@keras.saving.register_keras_serializable("fastnst")
class SuperResolutionNetwork(keras.Model):
    """Enlarges images 4 or 8 times (Johnson et al. 2016, section 3.2).

    Preset "paper" is Table 2 of the supplement layer by layer: 9x9
    convolution, four residual blocks, convolutions with stride 1/2, 9x9
    convolution and a tanh scaled to [0, 255]; batch normalization, zero
    padding, 64 filters.

    Preset "default" differs from the paper:

    - It adds detail to the bicubic enlargement instead of drawing the picture
      anew: it starts as good, and colors cannot drift, which the paper's
      histogram matching has to repair.
    - No batch normalization: it costs memory and accuracy in regression (Lim et
      al. 2017) and behaves differently in training and in use.
    - Eight residual blocks, and small kernels after them.
    - Upsampling is nearest neighbor and a 3x3 convolution: neighboring output
      pixels share weights, so less of a grid than with stride 1/2 or a filter
      set per sub-pixel. The latter was 0.8 dB behind on Set5 after 100 s of
      training (one trial, a ninth block instead, two CPU cores).
    - No tanh: the sum is clipped to [0, 255], and not in training, where a
      clipped pixel would have no gradient to bring it back.

    Args:
        factor: 4 or 8.
        preset: "default" or "paper".
        width: Multiplies the number of filters of every layer.
        **kwargs: Keras' model arguments. Under `dtype="mixed_bfloat16"` the
            last layer and what follows it stay float32.

    Call arguments:
        images: float or uint8, shape (batch, height, width, 3), in [0, 255],
            any height and width.
        training: Whether batch normalization uses the batch's statistics, and
            the default preset leaves its output unclipped.

    Returns:
        float32 (float64 in a float64 network), shape (batch, factor * height,
        factor * width, 3), in [0, 255].

    Raises:
        ValueError: If the factor or preset is unknown or the width not
            positive.
    """

    task = "super_resolution"

    def __init__(
        self,
        factor: int = 4,
        preset: str = "default",
        width: float = 1.0,
        **kwargs,
    ):
        _check_arguments(factor, preset, width)
        # Pixels rounded to bfloat16 would lose the last bit of eight.
        super().__init__(autocast=False, **kwargs)
        self.factor, self.preset, self.width = factor, preset, width
        self.after_blocks = None
        if preset == "paper":
            self._make_paper_layers()
        else:
            self._make_default_layers()

    def _make_paper_layers(self):
        filters = self._scaled(_FILTERS)
        self.first = self._step(self._convolution(filters, 9))
        self.residual_steps = [
            self._step(self._convolution(filters, 3), relu=i % 2 == 0)
            for i in range(2 * _NUM_PAPER_BLOCKS)
        ]
        doublings = [_FILTERS] * len(_UPSAMPLING_FILTERS[self.factor])
        self.upsampling = self._upsampling(doublings, "transposed")
        self.last = layers.Convolution(
            3, 9, padding="same", use_bias=True, dtype=self._output_dtype
        )

    def _make_default_layers(self):
        filters = self._scaled(_FILTERS)
        self.first = self._step(self._convolution(filters, 3), relu=False)
        # Without normalization a sum of eight residuals must start small.
        self.residual_steps = [
            self._step(
                self._convolution(filters, 3, 0.02 if i % 2 else 2.0),
                relu=i % 2 == 0,
            )
            for i in range(2 * _NUM_DEFAULT_BLOCKS)
        ]
        self.after_blocks = self._step(
            self._convolution(filters, 3, 1.0), relu=False
        )
        doublings = _UPSAMPLING_FILTERS[self.factor]
        self.upsampling = self._upsampling(doublings, "nearest")
        # Starts within about one gray level of bicubic.
        self.last = self._convolution(3, 3, 1e-4, dtype=self._output_dtype)

    def _scaled(self, filters: int) -> int:
        return max(1, round(self.width * filters))

    def _convolution(self, filters, kernel_size, variance=2.0, dtype=None):
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            kernel_initializer=keras.initializers.VarianceScaling(variance),
            dtype=dtype or self.dtype_policy,
        )

    def _upsampling(self, filters, kind):
        return [
            self._step(
                layers.Convolution(
                    self._scaled(number),
                    3,
                    upsampling=kind,
                    use_bias=True,
                    dtype=self.dtype_policy,
                )
            )
            for number in filters
        ]

    def _step(self, convolution, relu=True):
        return ConvolutionStep(
            convolution,
            batch_norm=self.preset == "paper",
            relu=relu,
            dtype=self.dtype_policy,
        )

    @property
    def _output_dtype(self) -> str:
        return "float64" if self.compute_dtype == "float64" else "float32"

    def build(self, input_shape=None):
        if self.built:
            return
        self.first.build((None, None, None, 3))
        filters = self.first.filters
        steps = [*self.residual_steps, self.after_blocks, *self.upsampling]
        for step in filter(None, steps):
            step.build((None, None, None, filters))
            filters = step.filters
        self.last.build((None, None, None, filters))

    def call(self, images, training=False):
        images = tf.cast(images, self._output_dtype)
        # Differs from the paper: it does not say how pixels enter.
        features = tf.cast(images / 127.5 - 1, self.compute_dtype)
        features = self._features(features, training)
        output = self.last(tf.cast(features, self._output_dtype))
        if self.preset == "paper":
            return 127.5 * (tf.tanh(output) + 1)
        # Differs from the paper: adds detail to the bicubic enlargement.
        output = bicubic_upsampling(images, self.factor) + 127.5 * output
        return output if training else tf.clip_by_value(output, 0, 255)

    def _features(self, features, training):
        features = self.first(features, training=training)
        shortcut = features
        for first, second in zip(
            self.residual_steps[::2], self.residual_steps[1::2]
        ):
            residual = first(features, training=training)
            features = features + second(residual, training=training)
        if self.after_blocks is not None:
            # As in Lim et al. 2017: the blocks are one large residual.
            features = shortcut + self.after_blocks(features, training=training)
        for step in self.upsampling:
            features = step(features, training=training)
        return features

    def get_config(self):
        return {
            **super().get_config(),
            "factor": self.factor,
            "preset": self.preset,
            "width": self.width,
        }


class ConvolutionStep(keras.layers.Layer):
    """A convolution, then batch normalization and ReLU where asked for.

    Args:
        convolution: The layer that convolves.
        batch_norm: Whether batch normalization follows.
        relu: Whether a ReLU follows.
        **kwargs: Keras' layer arguments.
    """

    def __init__(self, convolution, *, batch_norm=False, relu=True, **kwargs):
        super().__init__(**kwargs)
        self.convolution = convolution
        self.filters = convolution.filters
        self.relu = relu
        self.batch_norm = None
        if batch_norm:
            self.batch_norm = keras.layers.BatchNormalization(
                momentum=normalization.BATCH_NORM_MOMENTUM,
                epsilon=normalization.EPSILON,
                synchronized=True,
                dtype=self.dtype_policy,
            )

    def build(self, input_shape):
        self.convolution.build(input_shape)
        if self.batch_norm is not None:
            self.batch_norm.build((*input_shape[:-1], self.filters))

    def call(self, features, training=False):
        features = self.convolution(features)
        if self.batch_norm is not None:
            features = self.batch_norm(features, training=training)
        return tf.nn.relu(features) if self.relu else features


def bicubic_upsampling(images: tf.Tensor, factor: int) -> tf.Tensor:
    """Enlarges images by the cubic kernel with a = -0.5, as one convolution.

    Each of the factor**2 output phases is a 5x5 filter of the small picture.
    Equals MATLAB's imresize but within two pixels of the border, where the
    outermost pixel is repeated: a mirror would need two pixels to be there.

    Args:
        images: float, shape (batch, height, width, 3), any height and width.
        factor: How many times larger.

    Returns:
        The same dtype, shape (batch, factor * height, factor * width, 3).
    """
    kernel = tf.constant(_bicubic_kernel(factor), images.dtype)
    padded = padding.edge_padding(padding.edge_padding(images))
    phases = tf.nn.conv2d(padded, kernel, 1, "VALID")
    return tf.nn.depth_to_space(phases, factor)


def _bicubic_kernel(factor: int) -> np.ndarray:
    """Shape (5, 5, 3, 3 * factor**2): 5x5 taps of each phase and channel."""
    centers = (np.arange(factor) + 0.5) / factor - 0.5
    distance = np.abs(centers - np.arange(-2, 3)[:, None])
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
    kernel = np.einsum("yp,xq,cd->yxcpqd", weights, weights, np.eye(3))
    return kernel.reshape(5, 5, 3, 3 * factor**2)


def _check_arguments(factor: int, preset: str, width: float) -> None:
    if factor not in FACTORS:
        raise ValueError(
            f"`factor` must be one of {', '.join(map(str, FACTORS))}. "
            f"Received: factor={factor!r}."
        )
    if preset not in PRESETS:
        raise ValueError(
            f"`preset` must be one of {', '.join(PRESETS)}. "
            f"Received: preset={preset!r}."
        )
    if width <= 0:
        raise ValueError(f"`width` must be positive. Received: width={width}.")

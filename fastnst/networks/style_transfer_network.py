"""The image transformation network of the paper for style transfer."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from fastnst.networks import blocks
from fastnst.networks import formulation
from fastnst.networks import layers
from fastnst.networks import padding

PRESETS = ("default", "paper")
_NUM_RESIDUAL_BLOCKS = 5
# Each of the five unpadded residual blocks takes 2 x 2 pixels off every side
# at a quarter of the size: 2 * 5 * 4 = 40 (supplement, Table 1).
_PAPER_FRAME = 40
# Gray levels per unit of the last convolution of preset "default", near the
# middle. With 127.5, the paper's, a step of Adam moves the pixels so far that
# 3,500 steps ended where 250 do with 5; with 1 the contrast grows slowly.
_PIXEL_SCALE = 5.0
# Of the pixels, in LiteRT.
_LITERT_DIVISOR = 16.0


@keras.saving.register_keras_serializable("fastnst")
class StyleTransferNetwork(keras.Model):
    """Turns photos into stylized photos of the same size.

    Preset "paper" is Table 1 of the supplement: reflection padding by 40
    pixels, batch normalization, unpadded residual blocks, convolutions of
    stride 1/2, scaled tanh. Preset "default" differs from the paper: instance
    normalization, every convolution reflection padded, nearest-neighbor
    upsampling before an ordinary convolution, which leaves no checkerboard.

    Args:
        preset: "default" or "paper".
        width: Multiplier of the numbers of filters 32, 64 and 128.
        style_names: The styles, one normalization row each.
        **kwargs: Keras' model arguments; `dtype="mixed_bfloat16"` computes in
            bfloat16 with float32 statistics.

    Call arguments:
        images: float, shape (batch, height, width, 3), RGB in [0, 255], height
            and width at least 1.
        style_blend: float, shape (batch, num_styles), rows summing to 1. None
            is the first style.
        training: Whether batch normalization uses the statistics of the batch.

    Raises:
        ValueError: If an argument is not one of the above.
    """

    task = "style_transfer"
    # The output has the size of the input.
    factor = 1

    def __init__(
        self,
        preset: str = "default",
        *,
        width: float = 1.0,
        style_names: Sequence[str] = ("style",),
        **kwargs,
    ):
        _check_arguments(preset, width, style_names)
        # Pictures and blends must not be rounded to bfloat16 on the way in.
        super().__init__(autocast=False, **kwargs)
        self.preset = preset
        self.width = width
        self.style_names = tuple(style_names)
        self.blocks = self._build_blocks()
        self.to_pixels = layers.Convolution(
            3,
            9,
            padding="same" if preset == "paper" else "reflect",
            use_bias=True,
            dtype=self.dtype_policy,
            name="to_pixels",
        )

    @property
    def num_styles(self) -> int:
        """Number of styles that the network knows."""
        return len(self.style_names)

    def _build_blocks(self) -> list[keras.layers.Layer]:
        paper = self.preset == "paper"
        options = {
            "norm": "batch" if paper else "instance",
            "num_styles": self.num_styles,
            "dtype": self.dtype_policy,
        }
        # A bias before instance normalization has no effect; the paper's
        # layers have one.
        plain = {"padding": "same" if paper else "reflect", "use_bias": paper}
        down = {**plain, "strides": 2}
        up = {**plain, "upsampling": "transposed" if paper else "nearest"}
        inside = {**plain, "padding": "valid" if paper else "reflect"}

        def convolution(name, filters, side, arguments):
            return blocks.ConvolutionBlock(
                filters, side, convolution=arguments, name=name, **options
            )

        small, middle, large = [
            max(1, round(filters * self.width)) for filters in (32, 64, 128)
        ]
        return [
            convolution("stem", small, 9, plain),
            convolution("down_1", middle, 3, down),
            convolution("down_2", large, 3, down),
            *(
                blocks.ResidualBlock(
                    large,
                    convolution=inside,
                    name=f"residual_{number}",
                    **options,
                )
                for number in range(1, _NUM_RESIDUAL_BLOCKS + 1)
            ),
            convolution("up_1", middle, 3, up),
            convolution("up_2", small, 3, up),
        ]

    def build(self, input_shape=None):
        """Builds all layers; the size of the pictures does not matter."""
        if self.built:
            return
        channels = 3
        for block in self.blocks:
            block.build((None, None, None, channels))
            channels = block.arguments["filters"]
        self.to_pixels.build((None, None, None, channels))
        self.built: bool = True

    def call(self, images, style_blend=None, training=False):
        size = [images.shape[i] or tf.shape(images)[i] for i in (1, 2)]
        batch = images.shape[0] or tf.shape(images)[0]
        if style_blend is None:
            style_blend = tf.repeat(
                tf.one_hot([0], self.num_styles), batch, axis=0
            )
        features = tf.cast(self.padded(images), self.compute_dtype)
        if formulation.is_for_litert() and self.preset == "default":
            # Their variance must not overflow in floats of 16 bits, and the
            # normalization that follows takes no notice.
            features /= _LITERT_DIVISOR
        for block in self.blocks:
            features = block(features, style_blend, training=training)
        stylized = self.pixels(features)
        known = images.shape[1:3]
        if known.is_fully_defined() and known == stylized.shape[1:3]:
            return stylized
        return stylized[:, : size[0], : size[1]]

    def padded(self, images: tf.Tensor) -> tf.Tensor:
        """Mirrors pictures outward to a size that the blocks can take."""
        if self.preset == "paper":
            return padding.pad_to_multiple(images, 4, 4, _PAPER_FRAME)
        return padding.pad_to_multiple(images, 4, 8)

    def pixels(self, features: tf.Tensor) -> tf.Tensor:
        """Turns the features of the last block into pictures."""
        # Pixels need the precision of float32.
        pixels = tf.cast(self.to_pixels(features), self.variable_dtype)
        if self.preset == "default":
            pixels = _PIXEL_SCALE / 127.5 * pixels
        return 127.5 * (1.0 + tf.tanh(pixels))

    def get_config(self):
        return {
            **super().get_config(),
            "preset": self.preset,
            "width": self.width,
            "style_names": list(self.style_names),
        }


def _check_arguments(preset, width, style_names) -> None:
    if preset not in PRESETS:
        raise ValueError(
            f"`preset` must be one of {', '.join(PRESETS)}. "
            f"Received: preset={preset!r}."
        )
    if not width > 0:
        raise ValueError(f"`width` must be positive. Received: width={width}.")
    if not style_names or len(set(style_names)) != len(style_names):
        raise ValueError(
            "`style_names` must be one or more different names. "
            f"Received: style_names={list(style_names)}."
        )

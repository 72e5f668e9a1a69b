"""The convolutions of the transform networks.

Each has its plain definition in its docstring and computes the same numbers
in the formulation that runs fastest; the kernels are stored in the plain form.
"""

import keras
import tensorflow as tf

from fastnst.networks import formulation
from fastnst.networks import padding as padding_lib

# A few-channel convolution computes this many output pixels at once, a side.
_BLOCK = 2
PADDINGS = ("reflect", "same", "valid")
UPSAMPLINGS = (None, "nearest", "transposed")


@keras.saving.register_keras_serializable("fastnst")
class Convolution(keras.layers.Layer):
    """A convolution, reflection padded or not, or one that doubles the size.

    Plain definition: `x` is padded, convolved with `kernel`, and `bias` added.
    With upsampling "nearest", `x` is first enlarged twice by repeating pixels;
    with "transposed" the convolution has stride 1/2, as in the paper.

    Args:
        filters: Number of output channels.
        kernel_size: Odd side of the kernel.
        strides: Step of the convolution.
        upsampling: None, or with kernel size 3 "nearest" (reflection padded)
            or "transposed" (zero padded).
        padding: "reflect", "same" (zeros) or "valid", by kernel_size // 2.
        use_bias: Whether a bias is added.
        **kwargs: Keras' layer arguments.

    Raises:
        ValueError: If an argument is not one of the above.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        strides: int = 1,
        upsampling: str | None = None,
        padding: str = "reflect",
        use_bias: bool = False,
        **kwargs,
    ):
        _check_choice("padding", padding, PADDINGS)
        _check_choice("upsampling", upsampling, UPSAMPLINGS)
        if kernel_size % 2 == 0 or (upsampling and kernel_size != 3):
            raise ValueError(
                "`kernel_size` must be odd, and 3 with upsampling. "
                f"Received: kernel_size={kernel_size}."
            )
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.upsampling = upsampling
        self.padding = padding
        self.use_bias = use_bias

    def build(self, input_shape):
        side = self.kernel_size
        self.kernel = self.add_weight(
            shape=(side, side, input_shape[-1], self.filters), name="kernel"
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.filters,), initializer="zeros", name="bias"
            )

    def call(self, features):
        kernel, bias = tf.convert_to_tensor(self.kernel), None
        if self.bias is not None:
            bias = tf.convert_to_tensor(self.bias)
        if self.upsampling == "nearest":
            return _with_bias(upsampled_convolution(features, kernel), bias)
        if self.upsampling == "transposed":
            return _with_bias(transposed_convolution(features, kernel), bias)
        features = self._padded(features)
        if self.filters <= 4 and self.strides == 1:
            return few_channel_convolution(features, kernel, bias)
        return _with_bias(
            tf.nn.conv2d(features, kernel, self.strides, "VALID"), bias
        )

    def _padded(self, features):
        margin = self.kernel_size // 2
        if self.padding == "reflect":
            return padding_lib.reflection_padding(features, margin)
        if self.padding == "same":
            # Torch pads both sides alike; TensorFlow's "SAME" does not when
            # the stride is 2.
            return tf.pad(
                features, [[0, 0], [margin, margin], [margin, margin], [0, 0]]
            )
        return features

    def get_config(self):
        names = "filters kernel_size strides upsampling padding use_bias"
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names.split()},
        }


def upsampled_convolution(features: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolves the picture enlarged twice, without ever making it.

    Plain definition: nearest-neighbor x2, reflection padding by 1, 3x3
    convolution. An output pixel reads three rows of the enlarged picture that
    are copies of only two rows of the small one, so each of the four output
    phases is a 2x2 convolution of the small picture: 16 multiply-adds instead
    of 36. Reflection of the enlarged picture repeats the edge of the small one.

    Args:
        features: float, shape (batch, height, width, channels).
        kernel: float, shape (3, 3, channels, filters).

    Returns:
        float, shape (batch, 2 * height, 2 * width, filters).
    """
    phases = tf.nn.conv2d(
        padding_lib.edge_padding(features), _phase_kernel(kernel), 1, "VALID"
    )
    # The phases of an output pixel come from different windows: the mosaic is
    # one pixel larger on every side.
    if formulation.is_for_litert():
        return tf.nn.depth_to_space(phases, 2)[:, 1:-1, 1:-1]
    return _inner_mosaic(phases)


def transposed_convolution(
    features: tf.Tensor, kernel: tf.Tensor
) -> tf.Tensor:
    """Convolves with stride 1/2, aligned as in Torch (padding 1, adjustment 1).

    Output pixel 2 * i + k - 1 receives input pixel i times kernel entry k.

    Args:
        features: float, shape (batch, height, width, channels).
        kernel: float, shape (3, 3, channels, filters).

    Returns:
        float, shape (batch, 2 * height, 2 * width, filters).
    """
    shape = tf.shape(features)
    height, width = [
        2 * (features.shape[axis] or shape[axis]) + 1 for axis in (1, 2)
    ]
    enlarged = tf.nn.conv2d_transpose(
        features,
        tf.transpose(kernel, [0, 1, 3, 2]),
        [features.shape[0] or shape[0], height, width, kernel.shape[3]],
        2,
        "VALID",
    )
    return enlarged[:, 1:, 1:]


@tf.custom_gradient
def _inner_mosaic(phases: tf.Tensor):
    """Interleaves the four phases, without the outermost pixels.

    Plain definition: `tf.nn.depth_to_space(phases, 2)[:, 1:-1, 1:-1]`; one
    gather of whole pixels passes over them once.
    """
    shape = tf.shape(phases)
    batch, height, width = [phases.shape[i] or shape[i] for i in range(3)]
    filters = phases.shape[3] // 4
    rows, columns = [tf.range(1, 2 * side - 1) for side in (height, width)]
    # Which of the four phases of which window an output pixel is.
    index = 4 * (rows // 2 * width) + 2 * (rows % 2)
    index = index[:, None] + 4 * (columns // 2) + columns % 2
    flat = tf.reshape(phases, [batch, -1, filters])
    pixels = tf.gather(flat, tf.reshape(index, [-1]), axis=1)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        framed = tf.pad(upstream, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return tf.nn.space_to_depth(framed, 2)

    inner = [batch, 2 * height - 2, 2 * width - 2, filters]
    return tf.reshape(pixels, inner), gradient


def _phase_kernel(kernel: tf.Tensor) -> tf.Tensor:
    """Sums the kernel entries that read the same pixel: (2, 2, in, 4 * out)."""

    def summed(entries, phase, axis):
        first, second, third = tf.unstack(entries, axis=axis)
        if phase == 0:
            return tf.stack([first, second + third], axis)
        return tf.stack([first + second, third], axis)

    # Of one window, the odd output pixel comes first (see above).
    return tf.concat(
        [
            summed(summed(kernel, row, 0), column, 1)
            for row in (1, 0)
            for column in (1, 0)
        ],
        -1,
    )


def few_channel_convolution(
    features: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor | None = None
) -> tf.Tensor:
    """Convolves to few channels, a 2x2 block of output pixels at once.

    Plain definition: `tf.nn.conv2d(features, kernel, 1, "VALID")`, and the bias
    added. With three filters the vector units of a processor starve; here the
    kernel is placed at the four offsets of a block, which gives four times the
    filters at stride 2. Sizes that are odd, or known only when it runs, are
    padded to whole blocks.

    Args:
        features: float, shape (batch, height, width, channels).
        kernel: float, shape (side, side, channels, filters).
        bias: float, shape (filters,); None is zero.

    Returns:
        float, shape (batch, height - side + 1, width - side + 1, filters).
    """
    margin = kernel.shape[0] - 1
    shape = tf.shape(features)
    height, width = [
        (features.shape[axis] or shape[axis]) - margin for axis in (1, 2)
    ]
    known = None not in features.shape[1:3]
    if known and height % _BLOCK == width % _BLOCK == 0:
        return _in_blocks(features, kernel, bias)
    # Enough for the last block; where it is not needed it is not read.
    more = [0, _BLOCK - 1]
    padded = tf.pad(features, [[0, 0], more, more, [0, 0]])
    return _in_blocks(padded, kernel, bias)[:, :height, :width]


def _in_blocks(features, kernel, bias) -> tf.Tensor:
    """Convolves to a height and width that are multiples of the block."""
    last = _BLOCK - 1
    placed = [
        tf.pad(kernel, [[i, last - i], [j, last - j], [0, 0], [0, 0]])
        for i in range(_BLOCK)
        for j in range(_BLOCK)
    ]
    blocks = tf.nn.conv2d(features, tf.concat(placed, -1), _BLOCK, "VALID")
    if bias is not None:
        bias = tf.tile(bias, [_BLOCK**2])
    return tf.nn.depth_to_space(_with_bias(blocks, bias), _BLOCK)


def _with_bias(features: tf.Tensor, bias: tf.Tensor | None) -> tf.Tensor:
    return features if bias is None else tf.nn.bias_add(features, bias)


def _check_choice(name: str, value, choices: tuple) -> None:
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(str, choices))}. "
            f"Received: {name}={value!r}."
        )

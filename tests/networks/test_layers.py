import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import blocks
from fastnst.networks import layers

# Even, odd, mixed, the smallest.
_SIZES = [(8, 6), (7, 5), (4, 9), (2, 2)]


def _inputs(height, width, channels, filters, side, dtype=np.float64):
    generator = np.random.default_rng(height * 10 + width)
    features = generator.normal(0, 1, [2, height, width, channels])
    kernel = generator.normal(0, 1, [side, side, channels, filters])
    return features.astype(dtype), kernel.astype(dtype)


def _plain_upsampled(features, kernel):
    """Nearest-neighbor x2, reflection padding by 1, 3x3 convolution."""
    enlarged = tf.repeat(tf.repeat(features, 2, axis=1), 2, axis=2)
    padded = tf.pad(enlarged, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
    return tf.nn.conv2d(padded, kernel, 1, "VALID")


def _plain(features, kernel):
    return tf.nn.conv2d(features, kernel, 1, "VALID")


def _plain_transposed(features, kernel):
    """A convolution of the picture with zeros between its pixels."""
    batch, height, width, channels = features.shape
    spread = tf.reshape(
        tf.pad(
            features[:, :, None, :, None],
            [[0, 0], [0, 0], [0, 1], [0, 0], [0, 1], [0, 0]],
        ),
        [batch, 2 * height, 2 * width, channels],
    )
    return tf.nn.conv2d(spread, kernel[::-1, ::-1], 1, "SAME")


_FORMULATIONS = [
    pytest.param(layers.upsampled_convolution, _plain_upsampled, 5, 3, id="up"),
    pytest.param(layers.few_channel_convolution, _plain, 3, 9, id="few"),
    pytest.param(layers.few_channel_convolution, _plain, 1, 3, id="few_3x3"),
    pytest.param(
        layers.transposed_convolution, _plain_transposed, 5, 3, id="transposed"
    ),
]
_both = pytest.mark.parametrize(
    "formulation, plain, filters, side", _FORMULATIONS
)


def _grown(size, formulation, side):
    """A valid convolution needs a picture that its kernel fits into."""
    more = side - 1 if formulation is layers.few_channel_convolution else 0
    return [number + more for number in size]


@_both
@pytest.mark.parametrize("size", _SIZES)
def test_values_in_float64(formulation, plain, filters, side, size):
    height, width = _grown(size, formulation, side)
    inputs = _inputs(height, width, 4, filters, side)
    actual = formulation(*map(tf.constant, inputs))
    expected = plain(*map(tf.constant, inputs))
    assert actual.shape == expected.shape
    scale = np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-8 * scale)


@_both
@pytest.mark.parametrize("size", _SIZES)
def test_values_and_gradients_in_float32(
    formulation, plain, filters, side, size
):
    height, width = _grown(size, formulation, side)
    inputs = _inputs(height, width, 4, filters, side)

    def run(function, dtype):
        arguments = [tf.constant(value, dtype) for value in inputs]
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            values = function(*arguments)
            # As the network ends: pixels between 0 and 255.
            pixels = 127.5 * (1 + tf.tanh(values / tf.cast(8, dtype)))
            loss = tf.reduce_sum(pixels**2)
        return pixels, tape.gradient(loss, arguments)

    pixels, gradients = run(formulation, tf.float32)
    expected, exact = run(plain, tf.float64)
    np.testing.assert_allclose(pixels, expected, rtol=0, atol=0.02)
    for one, other in zip(gradients, exact):
        difference = np.linalg.norm(np.subtract(one, other))
        assert difference <= 1e-3 * np.linalg.norm(other)


@_both
def test_shapes_unknown_when_traced(formulation, plain, filters, side):
    traced = tf.function(
        formulation,
        input_signature=[
            tf.TensorSpec([None, None, None, 4], tf.float64),
            tf.TensorSpec([side, side, 4, filters], tf.float64),
        ],
    )
    for height, width in [(9, 10), (10, 13), (11, 9), (12, 16)]:
        inputs = _inputs(height, width, 4, filters, side)
        np.testing.assert_allclose(
            traced(*inputs), plain(*map(tf.constant, inputs)), atol=1e-10
        )


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((16, 24), [1, 4, 8, 12]),
        ((17, 23), [1, 5, 8, 12]),
        ((None, None), [1, None, None, 12]),
        ((16, None), [1, 4, None, 12]),
    ],
)
def test_few_channels_are_computed_in_blocks(size, expected):
    """The fast formulation is what runs, whatever is known of the size."""
    specs = [tf.TensorSpec([1, *size, 8]), tf.TensorSpec([9, 9, 8, 3])]
    graph = (
        tf.function(layers.few_channel_convolution)
        .get_concrete_function(*specs)
        .graph
    )
    (convolution,) = [
        operation
        for operation in graph.get_operations()
        if operation.type == "Conv2D"
    ]
    assert convolution.outputs[0].shape.as_list() == expected


def test_transposed_convolution_does_what_it_says():
    features, kernel = _inputs(3, 4, 2, 5, 3)
    expected = np.zeros([2, 6, 8, 5])
    for i, j, k, m in np.ndindex(3, 4, 3, 3):
        row, column = 2 * i + k - 1, 2 * j + m - 1
        if 0 <= row < 6 and 0 <= column < 8:
            expected[:, row, column] += features[:, i, j] @ kernel[k, m]
    np.testing.assert_allclose(
        layers.transposed_convolution(*map(tf.constant, (features, kernel))),
        expected,
        atol=1e-12,
    )


def _layer(*arguments, channels=4, **options):
    keras.utils.set_random_seed(0)
    layer = layers.Convolution(*arguments, **options)
    layer.build((None, None, None, channels))
    return layer


@pytest.mark.parametrize("side, strides", [(9, 1), (3, 1), (3, 2)])
@pytest.mark.parametrize(
    "padding, mode", [("reflect", "REFLECT"), ("same", "CONSTANT")]
)
def test_both_sides_are_padded_alike(side, strides, padding, mode):
    layer = _layer(6, side, strides=strides, padding=padding, dtype="float64")
    features, _ = _inputs(12, 9, 4, 6, side)
    margins = [[0, 0], [side // 2] * 2, [side // 2] * 2, [0, 0]]
    padded = tf.pad(tf.constant(features), margins, mode)
    expected = tf.nn.conv2d(padded, layer.kernel.value, strides, "VALID")
    np.testing.assert_allclose(layer(features), expected, atol=1e-12)
    assert expected.shape[1:3] == [-(-12 // strides), -(-9 // strides)]


def test_bias_is_added_everywhere():
    layer = _layer(3, 3, padding="valid", use_bias=True, dtype="float64")
    features, _ = _inputs(6, 6, 4, 3, 3)
    before = layer(features)
    layer.bias.assign([1.0, -2.0, 3.0])
    np.testing.assert_allclose(
        layer(features) - before, np.tile([1.0, -2.0, 3.0], [2, 4, 4, 1])
    )


def test_unpadded_residual_block_crops_its_identity():
    options = {"padding": "valid", "use_bias": False}
    block = blocks.ResidualBlock(4, convolution=options)
    block.build((None, None, None, 4))
    for inner in (block.first, block.second):
        inner.convolution.kernel.assign(tf.zeros([3, 3, 4, 4]))
    # Nothing but the identity is left; a ReLU after the sum would cut it.
    features = _inputs(9, 8, 4, 4, 3, np.float32)[0]
    np.testing.assert_allclose(
        block(features, tf.ones([2, 1])), features[:, 2:-2, 2:-2], atol=1e-6
    )


@pytest.mark.parametrize(
    "layer",
    [
        layers.Convolution(5, 3, strides=2, padding="same", use_bias=True),
        layers.Convolution(5, 3, upsampling="nearest"),
        blocks.ConvolutionBlock(
            4, 3, num_styles=2, relu=False, convolution={"strides": 2}
        ),
        blocks.ResidualBlock(4, norm="batch", convolution={"use_bias": True}),
    ],
    ids=lambda layer: layer.name,
)
def test_configuration_round_trip(layer):
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert copy.get_config() == layer.get_config()
    for one in (layer, copy):
        one.build((None, None, None, 4))
    assert [w.shape for w in copy.weights] == [w.shape for w in layer.weights]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"padding": "mirror"}, "reflect, same, valid.*padding='mirror'"),
        ({"upsampling": "cubic"}, "nearest, transposed.*upsampling='cubic'"),
        ({"kernel_size": 4}, "odd.*kernel_size=4"),
        ({"kernel_size": 5, "upsampling": "nearest"}, "3 with.*kernel_size=5"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.Convolution(4, **{"kernel_size": 3, **arguments})

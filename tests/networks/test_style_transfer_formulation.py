"""The network in its fast formulation against plain ones, equal weights."""

import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import padding
from fastnst.networks import style_transfer_network

both_presets = pytest.mark.parametrize(
    "preset", style_transfer_network.PRESETS
)


def _plain_network(network, images):
    """The default preset as it trains, in the words of its docstrings."""

    def convolved(layer, x, strides=1):
        margin = layer.kernel_size // 2
        margins = [[0, 0], [margin, margin], [margin, margin], [0, 0]]
        x = tf.pad(x, margins, "REFLECT")
        kernel = tf.cast(layer.kernel.value, tf.float64)
        return tf.nn.conv2d(x, kernel, strides, "VALID")

    def block(layer, x, strides=1, relu=True):
        x = convolved(layer.convolution, x, strides)
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        norm = layer.normalization
        scale = tf.cast(norm.scale.value[0], tf.float64)
        shift = tf.cast(norm.shift.value[0], tf.float64)
        x = scale * (x - mean) / tf.sqrt(variance + 1e-5) + shift
        return tf.nn.relu(x) if relu else x

    stem, down_1, down_2, *residual, up_1, up_2 = network.blocks
    x = block(stem, tf.cast(images, tf.float64))
    x = block(down_2, block(down_1, x, 2), 2)
    for one in residual:
        x = x + block(one.second, block(one.first, x), relu=False)
    for up in (up_1, up_2):
        x = block(up, tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2))
    x = convolved(network.to_pixels, x)
    bias = tf.cast(network.to_pixels.bias.value, tf.float64)
    return 127.5 + 5 * (x + bias)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("size", [(16, 24), (21, 19), (20, 17)])
def test_default_preset_is_the_plain_formulation(
    style_network, random_images, batch, size
):
    network = style_network(width=0.25)
    images = random_images(batch, *size)
    pads = [(0, 0), *((0, -side % 4) for side in size), (0, 0)]
    expected = _plain_network(network, np.pad(images, pads, mode="reflect"))
    expected = np.clip(expected[:, : size[0], : size[1]], 0, 255)
    # Not all of one color: the comparison means something.
    assert np.std(expected) > 5
    np.testing.assert_allclose(network(images), expected, rtol=0, atol=0.02)
    traced = tf.function(network).get_concrete_function(
        tf.TensorSpec([None, None, None, 3])
    )
    np.testing.assert_allclose(traced(images), expected, rtol=0, atol=0.02)


def test_gradients_are_those_of_the_plain_formulation(
    style_network, random_images
):
    network = style_network()
    images = tf.constant(random_images(2, 20, 16))
    kernels = [network.blocks[0].convolution.kernel.value]
    kernels += [network.blocks[-1].convolution.kernel.value]
    kernels += [network.blocks[4].first.convolution.kernel.value]
    kernels += [network.to_pixels.kernel.value]
    kernels += [network.blocks[3].second.normalization.scale.value]

    def gradients(function):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(function(images) ** 2)
        return tape.gradient(loss, kernels)

    expected = gradients(lambda x: _plain_network(network, x))
    ours = gradients(lambda x: network(x, training=True))
    for one, other in zip(ours, expected):
        assert np.linalg.norm(other) > 0
        difference = np.linalg.norm(one - other)
        assert difference <= 1e-3 * np.linalg.norm(other)


@both_presets
def test_dynamic_and_static_shapes_compute_the_same(
    style_network, random_images, preset
):
    network = style_network(preset)
    traced = tf.function(network).get_concrete_function(
        tf.TensorSpec([None, None, None, 3])
    )
    for size in [(1, 1), (13, 18), (16, 8)]:
        images = random_images(2, *size)
        np.testing.assert_allclose(
            traced(images), network(images), rtol=0, atol=0.02
        )


@both_presets
@pytest.mark.parametrize("batch", [1, 2])
def test_compiled_by_xla_it_computes_the_same(
    style_network, random_images, preset, batch
):
    network = style_network(preset)
    images = random_images(batch, 13, 16)
    compiled = tf.function(network, jit_compile=True)
    np.testing.assert_allclose(
        compiled(tf.constant(images)), network(images), rtol=0, atol=0.02
    )


@both_presets
def test_bfloat16_stays_close(style_network, random_images, preset):
    exact = style_network(preset)
    rounded = style_network(preset, dtype="mixed_bfloat16")
    images = random_images(1, 32, 32)
    stylized = rounded(images)
    assert stylized.dtype == tf.float32
    assert {weight.dtype for weight in rounded.weights} == {"float32"}
    difference = np.abs(stylized - exact(images))
    assert 0 < difference.mean() < 1.5


def test_traced_for_tflite_it_gathers_nothing(style_network):
    network = style_network()
    with padding.slice_formulation():
        graph = (
            tf.function(network)
            .get_concrete_function(tf.TensorSpec([1, 16, 24, 3]))
            .graph
        )
    operations = {operation.type for operation in graph.get_operations()}
    assert "Conv2D" in operations
    assert not operations & {"GatherV2", "MirrorPad"}


def test_both_formulations_of_the_padding_compute_the_same(
    style_network, random_images
):
    network = style_network()
    images = random_images(1, 16, 24)
    with padding.slice_formulation():
        sliced = network(images)
    np.testing.assert_array_equal(sliced, network(images))

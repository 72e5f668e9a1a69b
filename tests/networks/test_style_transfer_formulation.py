"""The network in its fast formulation against plain ones, equal weights."""

import re

import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import formulation
from fastnst.networks import style_transfer_network

_SHIFT_OF_BLOCK = re.compile(r"residual_\d/second/normalization/shift")

both_presets = pytest.mark.parametrize(
    "preset", style_transfer_network.PRESETS
)


def _plain_network(network, images):
    """The default preset, in the words of its docstrings."""

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
    return 127.5 * (1 + tf.tanh(5 / 127.5 * (x + bias)))


def _to_multiple_of_four(size):
    return [(0, 0), *((0, -side % 4) for side in size), (0, 0)]


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("size", [(16, 24), (21, 19), (20, 17)])
def test_default_preset_is_the_plain_formulation(
    style_network, random_images, batch, size
):
    network = style_network(width=0.25)
    images = random_images(batch, *size)
    padded = np.pad(images, _to_multiple_of_four(size), mode="reflect")
    expected = _plain_network(network, padded)
    expected = expected[:, : size[0], : size[1]]
    # Not all of one color: the comparison means something.
    assert np.std(expected) > 5
    np.testing.assert_allclose(network(images), expected, rtol=0, atol=0.02)
    traced = tf.function(network).get_concrete_function(
        tf.TensorSpec([None, None, None, 3])
    )
    np.testing.assert_allclose(traced(images), expected, rtol=0, atol=0.02)


@pytest.mark.parametrize("size", [(20, 16), (21, 19)])
def test_gradients_are_those_of_the_plain_formulation(
    style_network, random_images, size
):
    network = style_network()
    images = random_images(2, *size)
    variables = [variable.value for variable in network.trainable_variables]

    def gradients(function):
        with tf.GradientTape() as tape:
            pixels = function()[:, : size[0], : size[1]]
            loss = tf.reduce_mean(pixels**2)
        return tape.gradient(loss, variables)

    padded = np.pad(images, _to_multiple_of_four(size), mode="reflect")
    expected = gradients(lambda: _plain_network(network, padded))
    ours = gradients(lambda: network(images, training=True))
    assert len(ours) == 16 * 3 - 1
    norms = np.array([np.linalg.norm(gradient) for gradient in expected])
    # Later normalizations take the shifts of the residual blocks off again.
    seen = [not _SHIFT_OF_BLOCK.search(each.name) for each in variables]
    assert norms[np.invert(seen)].max() < 1e-9 < norms[seen].min()
    for variable, one, other in zip(variables, ours, expected):
        difference = np.linalg.norm(one - other)
        scale = max(np.linalg.norm(other), norms[seen].min())
        assert difference <= 1e-3 * scale, variable.name


@both_presets
def test_dynamic_and_static_shapes_compute_the_same(
    style_network, random_images, preset
):
    network = style_network(preset)
    traced = tf.function(network).get_concrete_function(
        tf.TensorSpec([None, None, None, 3])
    )
    # One pixel has no variance: what is normalized image by image is rounding.
    smallest = (1, 1) if preset == "paper" else (5, 7)
    for size in [smallest, (13, 18), (16, 8)]:
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
    with formulation.for_litert():
        graph = (
            tf.function(network)
            .get_concrete_function(tf.TensorSpec([1, 16, 24, 3]))
            .graph
        )
    operations = {operation.type for operation in graph.get_operations()}
    assert "Conv2D" in operations
    assert not operations & {"GatherV2", "MirrorPad"}


def test_formulated_for_litert_it_computes_the_same(
    style_network, random_images
):
    network = style_network()
    images = random_images(1, 16, 24)
    with formulation.for_litert():
        sliced = network(images)
    np.testing.assert_allclose(sliced, network(images), atol=0.02)

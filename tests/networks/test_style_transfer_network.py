import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import style_transfer_network

_PRESETS = style_transfer_network.PRESETS
both_presets = pytest.mark.parametrize("preset", _PRESETS)


def _watch(layers, shapes):
    """Notes the shape of what goes into and comes out of each layer."""
    for layer in layers:

        def call(features, *arguments, original=layer.call, **options):
            output = original(features, *arguments, **options)
            shapes.append((tuple(features.shape[1:]), tuple(output.shape[1:])))
            return output

        layer.call = call


def test_paper_preset_has_the_activations_of_table_1(style_network):
    network = style_network("paper", width=1.0)
    shapes = []
    _watch([*network.blocks, network.to_pixels], shapes)
    traced = tf.function(network).get_concrete_function(
        tf.TensorSpec([1, 256, 256, 3])
    )
    assert shapes[0][0] == (336, 336, 3)
    assert [output for _, output in shapes] == [
        (336, 336, 32),
        (168, 168, 64),
        (84, 84, 128),
        (80, 80, 128),
        (76, 76, 128),
        (72, 72, 128),
        (68, 68, 128),
        (64, 64, 128),
        (128, 128, 64),
        (256, 256, 32),
        (256, 256, 3),
    ]
    assert traced.structured_outputs.shape == (1, 256, 256, 3)


def _num_parameters(network):
    return sum(int(tf.size(weight)) for weight in network.trainable_weights)


def test_numbers_of_parameters(style_network):
    # Kernels, biases and the rows of the normalizations, counted by hand.
    kernels = 81 * 3 * 32 + 9 * (32 * 64 + 64 * 128 + 10 * 128 * 128)
    kernels += 9 * (128 * 64 + 64 * 32) + 81 * 32 * 3
    biases = 32 + 64 + 128 + 10 * 128 + 64 + 32
    assert kernels + biases + 3 + 2 * biases == 1679235
    default, paper = [style_network(preset, 1.0) for preset in _PRESETS]
    assert _num_parameters(paper) == 1679235
    # Without the biases that a normalization takes away again.
    assert _num_parameters(default) == 1679235 - biases
    two = style_network(width=1.0, style_names=("one", "other"))
    assert _num_parameters(two) - _num_parameters(default) == 2 * biases


def test_width_multiplies_the_filters(style_network, random_images):
    network = style_network(width=0.5)
    filters = [block.arguments["filters"] for block in network.blocks]
    assert filters == [16, 32, *[64] * 6, 32, 16]
    assert network(random_images(1, 8, 8)).shape == (1, 8, 8, 3)
    assert style_network(width=0.01).blocks[0].arguments["filters"] == 1


def _reflected(images, before, below, right):
    pads = [(0, 0), (before, before + below), (before, before + right), (0, 0)]
    return np.pad(images, pads, mode="reflect")


@both_presets
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 1000), (255, 257)])
def test_any_size_comes_out_as_it_went_in(
    style_network, random_images, preset, size
):
    network = style_network(preset)
    images = random_images(1, *size)
    stylized = network(images)
    assert stylized.shape == (1, *size, 3) and stylized.dtype == tf.float32
    assert np.min(stylized) >= 0 and np.max(stylized) <= 255
    assert np.isfinite(stylized).all()


@both_presets
@pytest.mark.parametrize("size", [(13, 18), (3, 5), (1, 1)])
def test_odd_sizes_are_reflected_and_cropped(
    style_network, random_images, preset, size
):
    network = style_network(preset)
    images = random_images(2, *size)
    smallest = 8 if preset == "default" else 4
    below, right = [max(-side % 4, smallest - side) for side in size]
    whole = network(_reflected(images, 0, below, right))
    if preset == "default":
        expected = whole[:, : size[0], : size[1]]
    else:
        # What the frame of 40 pixels shows is decided by the picture alone:
        # padded before, it would be a reflection of the reflection.
        framed = _reflected(images, 40, below, right)
        features = tf.constant(framed)
        for block in network.blocks:
            features = block(features, tf.ones([2, 1]))
        expected = 127.5 * (1 + tf.tanh(network.to_pixels(features)))
        expected = expected[:, : size[0], : size[1]]
    np.testing.assert_allclose(network(images), expected, rtol=0, atol=0.02)


def test_a_stylized_picture_does_not_depend_on_its_batch(
    style_network, random_images
):
    network = style_network()
    images = random_images(3, 16, 16)
    together = network(images)
    alone = [network(images[i : i + 1])[0] for i in range(3)]
    np.testing.assert_allclose(together, alone, rtol=0, atol=0.02)


@both_presets
def test_style_blend_picks_and_blends(style_network, random_images, preset):
    names = ("one", "two", "three")
    network = style_network(preset, style_names=names)
    single = style_network(preset)
    images = random_images(1, 16, 16)
    blends = np.array([[1, 0, 0], [0, 0, 1], [0.25, 0, 0.75]], np.float32)
    assert network.num_styles == 3
    for blend in blends:
        for block, other in zip(network.blocks, single.blocks):
            for one, copy in zip(block.weights, other.weights):
                if one.name in ("scale", "shift"):
                    copy.assign(blend[None] @ one.value.numpy())
                else:
                    copy.assign(one.value)
        for one, copy in zip(
            network.to_pixels.weights, single.to_pixels.weights
        ):
            copy.assign(one.value)
        np.testing.assert_allclose(
            network(images, blend[None]), single(images), rtol=0, atol=0.02
        )
    all_of_them = network(np.repeat(images, 3, 0), blends)
    assert np.abs(all_of_them[0] - all_of_them[1]).max() > 5
    for row, blend in zip(all_of_them, blends):
        one = network(images, blend[None])[0]
        np.testing.assert_allclose(row, one, rtol=0, atol=0.02)
    np.testing.assert_allclose(
        network(images), all_of_them[:1], rtol=0, atol=0.02
    )


@both_presets
def test_saved_and_loaded_it_computes_the_same(
    style_network, random_images, tmp_path, preset
):
    network = style_network(preset, style_names=("wave", "mosaic"))
    images = random_images(2, 12, 12)
    blend = tf.constant([[1.0, 0], [0.3, 0.7]])
    network(images, blend, training=True)  # moves the statistics of the batch
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert loaded.task == "style_transfer"
    assert (loaded.preset, loaded.width) == (preset, 0.125)
    assert loaded.style_names == ("wave", "mosaic") and loaded.num_styles == 2
    np.testing.assert_array_equal(loaded(images, blend), network(images, blend))


@both_presets
def test_gradients_reach_every_weight(style_network, random_images, preset):
    network = style_network(preset)
    with tf.GradientTape() as tape:
        stylized = network(random_images(2, 8, 12), training=True)
        loss = tf.reduce_mean(stylized**2)
    gradients = tape.gradient(loss, network.trainable_weights)
    for weight, gradient in zip(network.trainable_weights, gradients):
        # Batch normalization takes the bias before it away again.
        if preset == "paper" and weight.path.endswith("convolution/bias"):
            continue
        assert np.abs(gradient).max() > 0, weight.path


def test_bad_arguments_are_named():
    make = style_transfer_network.StyleTransferNetwork
    with pytest.raises(ValueError, match="default, paper.*'fast'"):
        make("fast")
    with pytest.raises(ValueError, match="positive.*width=0"):
        make(width=0)
    for names in ((), ("one", "one")):
        with pytest.raises(ValueError, match="different names.*style_names="):
            make(style_names=names)


@both_presets
def test_output_stays_in_range_while_training_and_keeps_a_gradient(
    style_network, random_images, preset
):
    network = style_network(preset)
    # What it takes to reach 250 levels, and 5.
    bias = 2.0 if preset == "paper" else 2.0 * 127.5 / 5
    network.to_pixels.bias.assign([-bias, bias, 0.0])
    with tf.GradientTape() as tape:
        pixels = network(random_images(1, 16, 16), training=True)
        mean = tf.reduce_mean(pixels)
    assert 0 < pixels.numpy().min() < 10
    assert 245 < pixels.numpy().max() < 255
    slopes = tape.gradient(mean, network.to_pixels.bias.value).numpy()
    # tanh'(2) is 0.07.
    assert (slopes[:2] > 0.05 * slopes[2]).all()

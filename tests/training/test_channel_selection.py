"""The start of a distillation: VGG16's own channels."""

import numpy as np
import tensorflow as tf

from fastnst.networks import loss_network
from fastnst.networks import small_loss_network
from fastnst.training import channel_selection

_SEVEN = [*loss_network.VGG16_LAYERS][:7]


def _left_over(moments, chosen):
    """What least squares from the chosen channels cannot tell, of all."""
    own = moments[np.ix_(chosen, chosen)]
    told = moments[:, chosen] @ np.linalg.solve(own, moments[chosen])
    return np.trace(moments - told)


def test_copies_of_channels_are_not_chosen():
    generator = np.random.default_rng(0)
    three = generator.normal(size=[500, 3])
    channels = three[:, [0, 1, 0, 2, 1, 2]] * [1, 2, 3, 4, 5, 6]
    chosen = channel_selection.select_channels(channels.T @ channels, 3)
    # One of each pair.
    assert {number % 3 for number in np.array([0, 1, 0, 2, 1, 2])[chosen]} == {
        0,
        1,
        2,
    }


def test_each_channel_tells_the_most_of_what_is_left():
    channels = np.random.default_rng(1).normal(size=[50, 8]) @ np.diag(
        np.arange(1.0, 9.0)
    )
    moments = channels.T @ channels
    chosen = list(channel_selection.select_channels(moments, 4))
    for number in range(1, 5):
        before = chosen[: number - 1]
        left = {
            other: _left_over(moments, [*before, other])
            for other in range(8)
            if other not in before
        }
        assert min(left, key=left.__getitem__) == chosen[number - 1]


def test_as_wide_as_vgg16_it_is_vgg16():
    teacher = loss_network.LossNetwork(_SEVEN, weights="random")
    widths = [loss_network.num_channels(n) for n in small_loss_network.LAYERS]
    network = small_loss_network.build(widths, widths)
    generator = np.random.default_rng(0)
    images = tf.constant(
        generator.uniform(0, 255, [16, 32, 32, 3]).astype(np.float32)
    )
    channel_selection.initialize(network, teacher, [images])
    features = loss_network.FeatureExtractor(
        network.input, small_loss_network.outputs(network)
    )(images, small_loss_network.LAYERS)
    for layer, expected in teacher(images, small_loss_network.LAYERS).items():
        error = tf.reduce_mean(tf.square(features[layer] - expected))
        assert error < 1e-3 * tf.reduce_mean(tf.square(expected))


def test_going_on_takes_the_convolutions_and_fits_the_heads(tmp_path):
    teacher = loss_network.LossNetwork(_SEVEN, weights="random")
    heads = [loss_network.num_channels(n) for n in small_loss_network.LAYERS]
    first = small_loss_network.build([6, 8, 10], heads)
    generator = np.random.default_rng(0)
    images = tf.constant(
        generator.uniform(0, 255, [8, 32, 32, 3]).astype(np.float32)
    )
    channel_selection.initialize(first, teacher, [images])
    path = tmp_path / "small.npz"
    small_loss_network.save(first, path)
    second = small_loss_network.build([6, 8, 10], heads)
    known = small_loss_network.load(path.read_bytes())
    channel_selection.go_on_from(second, known, teacher, [images])
    # The file holds folded heads, in another basis and in float16.
    for ours, expected in zip(second.weights, first.weights, strict=True):
        np.testing.assert_allclose(
            ours, expected, atol=0.01 * np.abs(expected).max()
        )

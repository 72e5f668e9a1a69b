"""The images of a distillation: four kinds, by seed and step alone."""

import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import style_transfer_network
from fastnst.training import distillation_images


@pytest.fixture
def photos():
    generator = np.random.default_rng(0)
    return tf.constant(
        generator.uniform(0, 255, [8, 6, 5, 3]).astype(np.float32)
    )


def _images(photos, stylizers, step=0, seed=0):
    make = distillation_images.DistillationImages(stylizers, seed=seed)
    return make(photos, tf.constant(step)).numpy()


def test_four_kinds_a_quarter_each(photos):
    images = _images(photos, [lambda images: 255.0 - images])
    # Every second image has its colors in another order.
    photo, stylized, blend, pale = images[::2]
    source = photos.numpy()[::2]
    np.testing.assert_array_equal(photo, source[0])
    np.testing.assert_array_equal(stylized, 255.0 - source[1])
    # photo + a * (255 - 2 * photo) has one share a everywhere.
    shares = (blend - source[2]) / (255.0 - 2.0 * source[2])
    assert 0.0 < np.median(shares) < 1.0
    np.testing.assert_allclose(blend, source[2] + np.median(shares) * (
        255.0 - 2.0 * source[2]), atol=1e-2)
    assert not np.allclose(pale, source[3])
    assert images.min() >= 0.0 and images.max() <= 255.0
    for image, photo in zip(images[1:2], photos.numpy()[1:2]):
        np.testing.assert_allclose(
            np.sort(image, axis=-1), np.sort(photo, axis=-1)
        )


def test_the_same_step_gives_the_same_images(photos):
    stylizers = [lambda images: 0.5 * images]
    first = _images(photos, stylizers, step=3)
    np.testing.assert_array_equal(first, _images(photos, stylizers, step=3))
    assert not np.array_equal(first, _images(photos, stylizers, step=4))
    assert not np.array_equal(first, _images(photos, stylizers, 3, seed=1))


def test_stylizers_take_turns(photos):
    stylizers = [tf.zeros_like, lambda images: 0.0 * images + 255.0]
    means = [_images(photos, stylizers, step)[2:4].mean() for step in range(4)]
    assert means == [0.0, 255.0, 0.0, 255.0]


def test_a_network_stylizes_in_every_style(photos):
    network = style_transfer_network.StyleTransferNetwork(
        width=0.1, style_names=("a", "b")
    )
    network.build()
    rows = next(v for v in network.variables if v.path.endswith("/scale"))
    rows.assign(rows * [[1.0], [3.0]])
    stylizers = distillation_images.in_every_style(network)
    found = [stylize(photos) for stylize in stylizers]
    for style, stylized in enumerate(found):
        blend = np.zeros([8, 2], np.float32)
        blend[:, style] = 1.0
        np.testing.assert_array_equal(stylized, network(photos, blend))
    assert len(found) == 2 and not np.array_equal(*found)


def test_without_stylizers_photos_stand_in(photos):
    images = _images(photos, [])
    np.testing.assert_allclose(images[2], photos[2])
    np.testing.assert_allclose(images[4], photos[4], atol=1e-4)

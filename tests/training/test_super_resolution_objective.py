"""The terms of super-resolution against closed forms and NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from fastnst.training import super_resolution_objective


def _images(seed):
    generator = np.random.default_rng(seed)
    images = generator.uniform(0, 255, [2, 4, 6, 3]).astype(np.float32)
    return tf.constant(images)


def _objective(loss_network=None, **options):
    options = {"pixel_weight": 1.0, "feature_weight": 0.0, **options}
    return super_resolution_objective.SuperResolutionObjective(
        loss_network, **options
    )


def test_pixels_alone_need_no_loss_network():
    objective = _objective()
    image = tf.fill([2, 4, 6, 3], 100.0)
    assert objective.features(image) is None
    terms = objective.terms(image + 3.0, image)
    np.testing.assert_allclose(terms["pixel"], [9.0, 9.0])
    np.testing.assert_allclose(terms["total_variation"], [0.0, 0.0])
    assert list(terms) == list(objective.weights)
    assert objective.weights == {"pixel": 1.0, "total_variation": 0.0}


def test_features_are_compared_at_their_layer(tiny_loss_network):
    objective = _objective(
        tiny_loss_network,
        pixel_weight=0.5,
        feature_weight=2.0,
        feature_layer="relu1_2",
        tv_weight=1e-6,
    )
    enlarged, truth = _images(0), _images(1)
    terms = objective.terms(enlarged, truth, objective.features(truth))
    features = [
        np.maximum(image.numpy() @ tiny_loss_network.first, 0)
        for image in (enlarged, truth)
    ]
    expected = np.mean((features[0] - features[1]) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(terms["feature"], expected, rtol=1e-5)
    assert list(objective.weights.items()) == [
        ("pixel", 0.5),
        ("feature", 2.0),
        ("total_variation", 1e-6),
    ]


def test_what_is_enlarged_perfectly_costs_nothing(tiny_loss_network):
    objective = _objective(
        tiny_loss_network, feature_weight=1.0, feature_layer="relu3_3"
    )
    truth = _images(2)
    terms = objective.terms(truth, truth, objective.features(truth))
    assert np.all(terms["pixel"].numpy() == 0)
    assert np.all(terms["feature"].numpy() == 0)


def test_the_blur_hides_a_weave_from_the_features_and_no_edge():
    objective = _objective(
        lambda images, layers: {layer: images for layer in layers},
        feature_weight=1.0,
        feature_blur=1 / 6,
    )
    for period in (2, 3, 12):
        wave = np.cos(2 * np.pi * np.arange(24) / period).astype(np.float32)
        images = tf.constant(
            np.broadcast_to(wave[:, None, None], [1, 24, 8, 3])
        )
        # What a blur by (s, 1 - 2 s, s) leaves of a wave.
        left = (2 + np.cos(2 * np.pi / period)) / 3
        inside = objective.features(images)[0, 1:-1]
        np.testing.assert_allclose(inside, left * images[0, 1:-1], atol=1e-5)
    flat = tf.fill([1, 5, 7, 3], 100.0)
    np.testing.assert_allclose(objective.features(flat), flat, rtol=1e-6)


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"feature_blur": 0.3}, "between 0 and 0.25"),
        ({"pixel_weight": 0.0}, "one of them more"),
        ({"pixel_weight": -1.0}, "at least 0"),
        ({"feature_weight": 1.0}, "loss_network"),
    ],
)
def test_objectives_that_measure_nothing_are_refused(options, expected):
    with pytest.raises(ValueError, match=expected):
        _objective(**options)

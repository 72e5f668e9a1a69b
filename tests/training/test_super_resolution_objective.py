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


@pytest.mark.parametrize(
    ("period", "factor", "coarse", "fine"),
    # Of a wave of frequency f the blur leaves cos(pi f)^2, and each mean of n
    # pixels sin(n pi f) / (n sin(pi f)).
    [
        (4, 4, 0.0, 0.25),
        (8, 4, 0.6533**2, 0.02145),
        (8, 8, 0.0, 0.02145),
        (2.5, 8, 0.0773**2, 0.8181),
    ],
)
def test_outer_bands_are_what_features_leave_open(period, factor, coarse, fine):
    objective = _objective(outer_bands_weight=1.0, factor=factor)
    wave = 10 * np.cos(2 * np.pi * np.arange(0.3, 400) / period)
    change = np.tile(wave[:, None, None], [1, 1, 24, 3]).astype(np.float32)
    truth = tf.fill(change.shape, 100.0)
    terms = objective.terms(truth + change, truth)
    expected = 50 * (coarse**2 + fine**2)
    assert float(terms["outer_bands"][0]) == pytest.approx(expected, rel=0.03)


def test_a_change_of_brightness_is_coarse_and_a_chessboard_fine():
    objective = _objective(outer_bands_weight=1.0)
    truth = tf.fill([2, 8, 12, 3], 100.0)
    signs = (-1.0) ** np.add.outer(np.arange(8), np.arange(12))
    chessboard = signs[None, ..., None].astype(np.float32)
    for change in (1.0, chessboard):
        terms = objective.terms(truth + 3.0 * change, truth)
        np.testing.assert_allclose(terms["outer_bands"], [9.0, 9.0], rtol=1e-5)


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"pixel_weight": 0.0}, "one of them more"),
        ({"pixel_weight": -1.0}, "at least 0"),
        ({"feature_weight": 1.0}, "loss_network"),
    ],
)
def test_objectives_that_measure_nothing_are_refused(options, expected):
    with pytest.raises(ValueError, match=expected):
        _objective(**options)

"""Distillation: its terms, and that a small network learns."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import small_loss_network
from fastnst.training import distillation
from fastnst.training import distillation_images

_LAYERS = small_loss_network.LAYERS


def _teacher(images, layers):
    """Sees brightness and color differences, coarser layer by layer."""
    features = tf.nn.relu(tf.stack(
        [images[..., 0] - images[..., 1], images[..., 2], 0.3 * images[..., 1]],
        axis=-1,
    ))
    result = {}
    for layer in layers:
        result[layer] = features
        features = tf.nn.avg_pool2d(features, 2, 2, "VALID")
    return result


@pytest.fixture
def objective():
    return distillation.DistillationObjective(_teacher, gram_weight=3.0)


@pytest.fixture
def images():
    generator = np.random.default_rng(0)
    small = generator.uniform(0, 255, [8, 4, 4, 3])
    return tf.constant(small.repeat(4, 1).repeat(4, 2).astype(np.float32))


def test_terms_are_relative_to_what_the_teacher_sees(objective, images):
    targets = objective.targets(images)
    perfect = objective.terms(targets, targets)
    assert set(perfect) == set(objective.weights)
    assert objective.weights["features_relu1_2"] == 1.0
    assert objective.weights["grams_relu3_3"] == 3.0
    for values in perfect.values():
        np.testing.assert_array_equal(values, np.zeros(8))
    blind = {layer: tf.zeros_like(value) for layer, value in targets.items()}
    for values in objective.terms(blind, targets).values():
        assert values.shape == [8]
        np.testing.assert_allclose(np.mean(values), 1.0, rtol=1e-5)
    # Features are off by half of themselves, Gram matrices by 3/4.
    half = {layer: 0.5 * value for layer, value in targets.items()}
    terms = objective.terms(half, targets)
    np.testing.assert_allclose(
        np.mean(terms["features_relu2_2"]), 1 / 4, rtol=1e-5
    )
    np.testing.assert_allclose(
        np.mean(terms["grams_relu2_2"]), 9 / 16, rtol=1e-5
    )


def test_a_small_network_learns(objective, images):
    keras.utils.set_random_seed(0)
    network = small_loss_network.build([4, 4, 4], [3, 3, 3])
    distiller = distillation.Distiller(
        network, objective, distillation_images.DistillationImages([])
    )
    distiller.compile(keras.optimizers.Adam(3e-3), jit_compile=False)
    distiller.optimizer.build(network.trainable_variables)
    positions = tf.fill([8], tf.constant(8, tf.int64))
    dataset = tf.data.Dataset.from_tensors((images, positions)).repeat(60)
    history = distiller.fit(dataset, verbose=0, shuffle=False, epochs=3)
    found = history.history["loss"]
    assert found[-1] < 0.5 * found[0]
    assert int(distiller.data_position) == 8
    assert int(distiller.optimizer.iterations) == 180

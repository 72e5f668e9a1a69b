"""Fixtures for the tests of the networks."""

import keras
import numpy as np
import pytest

from fastnst.networks import style_transfer_network


def make_style_network(preset="default", width=0.125, seed=0, **options):
    keras.utils.set_random_seed(seed)
    network = style_transfer_network.StyleTransferNetwork(
        preset, width=width, **options
    )
    network.build()
    generator = np.random.default_rng(seed)
    for variable in network.weights:
        # Rows of the normalization that differ, and biases that are not zero.
        if len(variable.shape) < 4 and variable.name != "moving_variance":
            values = generator.normal(0, 0.2, variable.shape)
            variable.assign(values + (variable.name == "scale"))
    if preset == "default":
        # The contrast of a trained network.
        kernel = network.to_pixels.kernel
        kernel.assign(25 * kernel.value)
    return network


def make_images(*shape, seed=0):
    generator = np.random.default_rng(seed)
    return generator.uniform(0, 255, [*shape, 3]).astype(np.float32)


@pytest.fixture
def style_network():
    """Builds a small network of random weights, normalization rows too."""
    return make_style_network


@pytest.fixture
def random_images():
    """Makes float32 noise of the given (batch, height, width)."""
    return make_images

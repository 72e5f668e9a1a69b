"""Fixtures that more than one room of the tests uses."""

import os
import pathlib

import pytest


def _path_from(variable: str) -> pathlib.Path:
    if not os.environ.get(variable):
        pytest.skip(f"{variable} is not set")
    return pathlib.Path(os.environ[variable])


@pytest.fixture(scope="session")
def vgg16_weights() -> pathlib.Path:
    """The file of genuine VGG16 weights, at least up to relu3_3."""
    return _path_from("FASTNST_VGG16_WEIGHTS")


@pytest.fixture(scope="session")
def test_photos() -> pathlib.Path:
    """The folder of photos: coco_val, content, styles, set5 and others."""
    return _path_from("FASTNST_IMAGES")


class TinyLossNetwork:
    """A loss network of two layers that a test can compute in NumPy.

    "relu1_2" is the positive part of a channel mixture, "relu3_3" its average
    over squares of 2 x 2 pixels, mixed once more.
    """

    def __init__(self, seed: int = 0):
        import numpy as np

        generator = np.random.default_rng(seed)
        self.first = generator.normal(0, 0.02, [3, 4]).astype(np.float32)
        self.second = generator.normal(0, 0.5, [4, 5]).astype(np.float32)
        self.calls: list[tuple[str, ...]] = []

    def __call__(self, images, layers=None):
        import tensorflow as tf

        layers = ("relu1_2", "relu3_3") if layers is None else tuple(layers)
        self.calls.append(layers)
        features = {"relu1_2": tf.nn.relu(images @ self.first)}
        if "relu3_3" in layers:
            pooled = tf.nn.avg_pool2d(features["relu1_2"], 2, 2, "VALID")
            features["relu3_3"] = tf.nn.relu(pooled @ self.second)
        return {name: features[name] for name in layers}


@pytest.fixture
def tiny_loss_network() -> TinyLossNetwork:
    """A loss network that costs nothing, where VGG16 is not the point."""
    return TinyLossNetwork()

"""Why the paper exists: what pixels call far, features call near.

A photo against itself shifted by one pixel, and against a blurred copy whose
pixel loss is the same.
"""

import hashlib

from PIL import Image
import numpy as np
import pytest
import tensorflow as tf

from fastnst import losses
from fastnst.networks import loss_network

_LAYERS = ("relu1_2", "relu2_2", "relu3_3")
_STRONGEST_BLUR = 8.0


def _photo(path, side):
    """The centre of the photo and the same one pixel to the right."""
    pixels = np.asarray(Image.open(path).convert("RGB"), np.float32)
    top, left = [(size - side) // 2 for size in pixels.shape[:2]]
    return [
        tf.constant(pixels[None, top : top + side, begin : begin + side])
        for begin in (left, left + 1)
    ]


def _blurred(photo, deviation):
    places = tf.range(-12.0, 13.0)
    weights = tf.exp(-0.5 * (places / deviation) ** 2)
    weights /= tf.reduce_sum(weights)
    padded = tf.pad(photo, [[0, 0], [12, 12], [12, 12], [0, 0]], "REFLECT")
    for shape in ([25, 1, 1, 1], [1, 25, 1, 1]):
        kernel = tf.tile(tf.reshape(weights, shape), [1, 1, 3, 1])
        padded = tf.nn.depthwise_conv2d(padded, kernel, [1] * 4, "VALID")
    return padded


def _blurred_until(photo, loss):
    """Finds the blur of a pixel loss by bisection."""
    weakest, strongest = 0.1, _STRONGEST_BLUR
    for _ in range(30):
        deviation = (weakest + strongest) / 2
        blurred = _blurred(photo, deviation)
        if losses.pixel_loss(blurred, photo) < loss:
            weakest = deviation
        else:
            strongest = deviation
    return blurred


@pytest.mark.pretrained
def test_genuine_weights_are_identified(vgg16_weights):
    network = loss_network.LossNetwork(["relu3_3"], weights=str(vgg16_weights))
    expected = hashlib.sha256(vgg16_weights.read_bytes()).hexdigest()
    assert network.weights_sha256 == expected


@pytest.mark.pretrained
def test_blur_is_farther_than_a_shift_of_the_same_pixel_loss(
    vgg16_weights, test_photos
):
    network = loss_network.LossNetwork(_LAYERS, weights=str(vgg16_weights))
    paths = sorted((test_photos / "content").glob("*.jpg"))
    compared = []
    for path in paths:
        photo, shifted = _photo(path, 256)
        pixel = losses.pixel_loss(shifted, photo)
        if losses.pixel_loss(_blurred(photo, _STRONGEST_BLUR), photo) < pixel:
            print(f"\n{path.stem}: no blur is as far as one pixel")
            continue
        compared.append(path)
        blurred = _blurred_until(photo, pixel)
        np.testing.assert_allclose(
            losses.pixel_loss(blurred, photo), pixel, rtol=1e-3
        )
        features = network(photo)
        table = {
            name: [
                losses.feature_reconstruction_loss(value, features[name])
                .numpy()
                .item()
                for name, value in network(image).items()
            ]
            for name, image in (("shifted", shifted), ("blurred", blurred))
        }
        print(f"\n{path.stem}: l_pixel {pixel.numpy().item():.1f} for both")
        print(f"{'l_feat':>8} {'shifted':>10} {'blurred':>10}")
        for layer, near, far in zip(_LAYERS, *table.values()):
            print(f"{layer:>8} {near:10.1f} {far:10.1f}")
        assert table["blurred"][2] > table["shifted"][2]
    assert len(compared) >= 3

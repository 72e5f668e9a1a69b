"""Dead-leaves images have the statistics that they are drawn for."""

import numpy as np
import pytest

from fastnst.data import dead_leaves


@pytest.fixture(scope="module")
def images():
    """uint8, (16, 128, 128, 3)."""
    return np.stack(
        [
            dead_leaves.dead_leaves_image(128, np.random.default_rng([3, k]))
            for k in range(16)
        ]
    )


def test_image_is_decided_by_its_generator():
    first, again, other = (
        dead_leaves.dead_leaves_image(64, np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [1, 2, 3, 17, 100])
def test_any_size(size):
    image = dead_leaves.dead_leaves_image(size, np.random.default_rng(0))
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8


def test_power_falls_with_the_square_of_frequency(images):
    """Field 1987: the power of natural images is about 1 / f ** 2."""
    grey = images.mean(-1)
    window = np.outer(np.hanning(128), np.hanning(128))
    spectra = np.fft.fft2((grey - grey.mean((1, 2), keepdims=True)) * window)
    power = (np.abs(spectra) ** 2).mean(0)
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(128, 1 / 128)] * 2))
    rings = np.rint(frequency).astype(int).ravel()
    mean = np.bincount(rings, power.ravel()) / np.bincount(rings)
    used = np.arange(4, 40)
    slope = np.polyfit(np.log(used), np.log(mean[used]), 1)[0]
    assert -2.6 < slope < -1.7


def test_gradients_are_mostly_small_with_heavy_tails(images):
    """As in photographs, and at half the size too; noise has kurtosis 3."""
    grey = images.mean(-1)
    halved = grey.reshape(16, 64, 2, 64, 2).mean((2, 4))
    spreads = []
    for picture in (grey, halved):
        steps = np.diff(picture, axis=2).ravel()
        assert (steps**4).mean() / (steps**2).mean() ** 2 > 5
        spreads.append(steps.std())
    assert 0.7 < spreads[1] / spreads[0] < 1.5


def test_colors_use_the_range_and_are_not_gaudy(images):
    brightness = images.mean(-1)
    assert np.percentile(brightness, 5) < 40
    assert np.percentile(brightness, 95) > 215
    assert 110 < images.mean() < 150
    assert (images == 0).mean() < 0.1 and (images == 255).mean() < 0.1
    saturation = images.max(-1).astype(int) - images.min(-1)
    assert 15 < saturation.mean() < 90


def test_large_quiet_areas_occur(images):
    """What a burnt spot needs in order to be seen in training."""
    grey = images.mean(-1).reshape(16, 8, 16, 8, 16).transpose(0, 1, 3, 2, 4)
    deviations = grey.reshape(-1, 256).std(1)
    assert (deviations < 12).mean() > 0.03

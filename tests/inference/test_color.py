"""Whose luminance, whose chroma, and how much of each picture."""

import colorsys

import numpy as np
import pytest

from fastnst.inference import color


def _pixels(seed, low=0, high=255, shape=(30, 40, 3)):
    generator = np.random.default_rng(seed)
    return generator.uniform(low, high, shape).astype(np.float32)


def test_luminance_is_that_of_gray_and_of_jpeg():
    gray = np.full([1, 1, 3], 77, np.float32)
    assert color.luminance(gray)[0, 0, 0] == pytest.approx(77, abs=1e-3)
    red = np.array([[[255, 0, 0]]], np.float32)
    assert color.luminance(red)[0, 0, 0] == pytest.approx(76.245, abs=1e-3)


def test_luminance_of_the_result_and_chroma_of_the_photo():
    photo, stylized = _pixels(0, 110, 140), _pixels(1, 110, 140)
    mixed = color.with_colors_of(photo, stylized)
    np.testing.assert_allclose(
        color.luminance(mixed), color.luminance(stylized), atol=1e-3
    )
    np.testing.assert_allclose(
        mixed - color.luminance(mixed),
        photo - color.luminance(photo),
        atol=1e-3,
    )


def test_what_leaves_the_range_loses_chroma_but_not_hue_or_luminance():
    photo, stylized = _pixels(2), _pixels(3)
    mixed = color.with_colors_of(photo, stylized)
    assert mixed.min() >= -1e-3 and mixed.max() <= 255 + 1e-3
    np.testing.assert_allclose(
        color.luminance(mixed), color.luminance(stylized), atol=1e-2
    )
    chroma = photo - color.luminance(photo)
    found = mixed - color.luminance(mixed)
    shrunk = np.abs(found).max(-1) < 0.9 * np.abs(chroma).max(-1)
    assert 0.1 < shrunk.mean() < 0.9
    for pixel, source in zip(mixed[shrunk][:50], photo[shrunk][:50]):
        hues = [colorsys.rgb_to_hsv(*rgb)[0] for rgb in (pixel, source)]
        turned = abs(hues[0] - hues[1])
        assert min(turned, 1 - turned) < 0.01 or np.ptp(pixel) < 2


def test_gray_photos_become_gray():
    photo = np.repeat(_pixels(4)[..., :1], 3, axis=-1)
    mixed = color.with_colors_of(photo, _pixels(5))
    assert np.ptp(mixed, axis=-1).max() < 1e-3


def test_weights_share_a_pixel_and_leave_the_rest_to_the_photo():
    photo, one, two = _pixels(6), _pixels(7), _pixels(8)
    shape = photo.shape[:2]

    def mixed(*weights):
        return color.mixed(
            photo,
            [one, two],
            [np.full(shape, weight) for weight in weights],
            keep_colors=False,
        )

    np.testing.assert_allclose(mixed(0, 0), photo)
    np.testing.assert_allclose(mixed(1, 0), one, atol=1e-3)
    np.testing.assert_allclose(mixed(1, 1), (one + two) / 2, atol=1e-3)
    np.testing.assert_allclose(
        mixed(0.25, 0.5), 0.25 * photo + 0.25 * one + 0.5 * two, atol=1e-3
    )

"""Defects show where they were put, and only there."""

import numpy as np
import pytest
import scipy.ndimage

from fastnst.evaluation import artifacts
from fastnst.evaluation import drawings


def _photo(seed=0, height=160, width=144):
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    smooth = scipy.ndimage.gaussian_filter(noise, (3, 3, 0))
    return np.clip(128 + 400 * smooth, 20, 235).astype(np.float32)


def _identity(images):
    return images


def _blur(images, mode="mirror"):
    # SciPy's "mirror" is NumPy's "reflect".
    return scipy.ndimage.gaussian_filter(
        images, (0, 2, 2, 0), mode=mode, truncate=3.0
    )


def _zero_padded(images):
    return _blur(images, mode="constant")


def _with_pattern(period, axis, amplitude=4.0):
    def stylize(images):
        place = np.arange(images.shape[axis]) % period < period // 2
        sign = np.where(place, 1.0, -1.0)
        shape = [1, 1, 1, 1]
        shape[axis] = -1
        return images + amplitude * sign.reshape(shape)

    return stylize


def _checkered(images):
    row, column = np.indices(images.shape[1:3])
    return images + 4.0 * (-1.0) ** (row + column)[None, ..., None]


def _saturating(images):
    return np.clip(4.0 * (images - 128.0) + 128.0, 0.0, 255.0)


@pytest.mark.parametrize("network", [_identity, _blur])
def test_a_network_without_borders_has_no_frame(network):
    border = artifacts.border_frame(network, [_photo(0), _photo(1)])
    assert border.ring == pytest.approx(0.0, abs=1e-4)
    assert border.ratio == pytest.approx(1.0, abs=1e-3)


def test_zero_padding_leaves_a_frame():
    border = artifacts.border_frame(_zero_padded, [_photo()])
    assert border.center == pytest.approx(0.0, abs=1e-4)
    assert border.ratio > artifacts.BOUNDS["border_ratio"] * 2


def test_a_frame_of_known_brightness():
    def darkened_frame(images):
        result = images.copy()
        result[:, :16] -= 10.0
        result[:, -16:] -= 10.0
        result[:, 16:-16, :16] -= 10.0
        result[:, 16:-16, -16:] -= 10.0
        return result

    ring, center, ratio = artifacts.border_frame(darkened_frame, [_photo()])
    # The mirrored photo is darkened outside the crop only.
    assert ring == pytest.approx(10.0, abs=1e-4)
    assert center == 0.0
    assert ratio == pytest.approx(10.5 / 0.5, rel=1e-4)


def test_a_change_everywhere_is_no_frame():
    def by_mean(images):
        # As instance normalization: depends on the whole picture.
        return images - 20.0 * images.shape[1] / 160.0

    border = artifacts.border_frame(by_mean, [_photo()])
    assert border.center == pytest.approx(20.0 * 128 / 160, rel=1e-5)
    assert border.ratio == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("network", [_identity, _blur])
def test_smooth_pictures_and_textures_have_no_checkerboard(network):
    pictures = [drawings.smooth_gradient(), drawings.sky(), _photo()]
    for ratio in artifacts.checkerboard(network, pictures).values():
        assert 0.4 < ratio < 2.5


def test_white_noise_has_no_checkerboard():
    generator = np.random.default_rng(0)

    def noisy(images):
        return images + generator.normal(0, 20, images.shape)

    pictures = [drawings.smooth_gradient()] * 4
    for ratio in artifacts.checkerboard(noisy, pictures).values():
        assert 0.5 < ratio < 2


@pytest.mark.parametrize("period", [2, 4])
@pytest.mark.parametrize("axis", [1, 2])
def test_a_pattern_shows_at_its_period(period, axis):
    network = _with_pattern(period, axis)
    found = artifacts.checkerboard(network, [drawings.sky()])
    other = {2: 4, 4: 2}[period]
    assert found[period] > 20
    assert found[other] < 3


def test_a_diagonal_checkerboard_shows():
    found = artifacts.checkerboard(_checkered, [drawings.smooth_gradient()])
    assert found[2] > 100
    assert found[4] < 2


def test_ratio_of_a_known_pattern():
    # On a flat picture the neighbors have no power: what remains is the
    # pattern over the floor, amplitude 0.5. A Hann window puts 1 + 2 / 4 of
    # the power into the three bins of each axis.
    def flat(images):
        return np.full_like(images, 128.0)

    def patterned(images):
        return _with_pattern(2, 2, amplitude=3.0)(flat(images))

    picture = drawings.smooth_gradient()
    assert artifacts.checkerboard(flat, [picture]) == {2: 1.0, 4: 1.0}
    found = artifacts.checkerboard(patterned, [picture])
    assert found[2] == pytest.approx(1 + 9.0 * 1.5**2 / 0.25, rel=0.02)


def test_burnt_share_counts_pixels_beyond_the_style():
    style = np.full((10, 10, 3), 128, np.uint8)
    style[0, :5] = 255
    photo = np.full((128, 128, 3), 128, np.float32)

    def burnt(images):
        result = images.copy()
        # One channel is enough: colored spots are spots.
        result[:, :32, :, 2] = 255.0
        return result

    assert artifacts.burnt_share(burnt, [photo], style) == pytest.approx(0.2)
    assert artifacts.burnt_share(_identity, [photo], style) == 0.0


def test_drawn_pictures_are_not_burnt_and_a_saturating_network_burns_them():
    pictures = list(drawings.all_pictures().values())
    style = np.full((8, 8, 3), 128, np.uint8)
    assert artifacts.burnt_share(_identity, pictures, style) == 0.0
    assert artifacts.burnt_share(_saturating, pictures, style) > 0.3
    for picture in pictures:
        assert picture.dtype == np.float32
        assert picture.shape == (256, 256, 3)
        assert picture.min() >= 1 and picture.max() <= 254


def test_failures_name_what_is_broken():
    style = np.full((8, 8, 3), 128, np.uint8)

    def failed(network):
        defects = artifacts.measure(network, [_photo()], style)
        return [line.split()[0] for line in artifacts.failures(defects)]

    assert failed(_identity) == []
    assert failed(_blur) == []
    assert failed(_zero_padded) == ["border_ratio"]
    assert failed(_checkered) == ["checkerboard_period_2"]
    assert "burnt_share" in failed(_saturating)


def test_nan_fails():
    def broken(images):
        return np.full_like(images, np.nan)

    style = np.full((8, 8, 3), 128, np.uint8)
    defects = artifacts.measure(broken, [_photo()], style)
    assert len(artifacts.failures(defects)) >= 3


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="at least 128 pixels"):
        artifacts.border_frame(_identity, [_photo(height=100)])
    with pytest.raises(ValueError, match="at least one"):
        artifacts.border_frame(_identity, [])
    with pytest.raises(ValueError, match="at least 64"):
        artifacts.checkerboard(_identity, [np.zeros((60, 90, 3))])
    with pytest.raises(ValueError, match="shape it is given"):
        artifacts.checkerboard(lambda images: images[:, 1:], [_photo()])

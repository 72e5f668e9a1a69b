"""Each option of a look, with styles that are known pictures."""

import keras
import numpy as np
import pytest

from fastnst.inference import look
from fastnst.inference import transform
from fastnst.networks import style_transfer_network

_STYLES = ("wave", "mosaic")
_COLORS = {None: (200, 10, 10), "wave": (0, 0, 250), "mosaic": (0, 250, 0)}


def _paint(photo, style):
    """A style that is one color."""
    return np.broadcast_to(
        np.array(_COLORS[style], photo.dtype), photo.shape
    ).copy()


def _photo(height=24, width=36, dtype=np.uint8):
    generator = np.random.default_rng(0)
    return generator.integers(20, 230, [height, width, 3]).astype(dtype)


def _left(height=24, width=36):
    mask = np.zeros([height, width], np.uint8)
    mask[:, :width // 2] = 255
    return mask


def _apply(photo, style=None, **options):
    return look.Look(**options).apply(photo, _paint, style)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_strength_mixes_photo_and_result(dtype, strength):
    photo = _photo(dtype=dtype)
    found = _apply(photo, strength=strength)
    expected = (1 - strength) * photo + strength * np.array(_COLORS[None])
    assert found.dtype == dtype
    # float32 rounds the products, uint8 the sum.
    np.testing.assert_allclose(
        found, expected, atol=0.501 if dtype == np.uint8 else 1e-3
    )


def test_keep_colors_keeps_gray_gray():
    photo = np.repeat(_photo()[..., :1], 3, axis=-1)
    found = _apply(photo, keep_colors=True)
    # The luminance of (200, 10, 10), everywhere.
    assert np.ptp(found) <= 1 and abs(int(found[0, 0, 0]) - 67) <= 1


def test_a_mask_leaves_the_rest_of_the_photo():
    photo = _photo()
    found = _apply(photo, mask=_left(240, 360) > 0)
    assert (found[:, :12] == _COLORS[None]).all()
    np.testing.assert_array_equal(found[:, 24:], photo[:, 24:])


def test_a_mask_and_strength_multiply():
    photo = _photo()
    found = _apply(photo, mask=_left(), strength=0.5)
    half = (photo[:, :12] + np.array(_COLORS[None])) / 2
    np.testing.assert_allclose(found[:, :12], half, atol=0.501)


def test_each_style_has_its_mask():
    photo = _photo()
    right = 255 - _left()
    right[12:] = 0
    found = _apply(photo, style_masks={"wave": _left(), "mosaic": right})
    assert (found[:, :12] == _COLORS["wave"]).all()
    assert (found[:8, 24:] == _COLORS["mosaic"]).all()
    np.testing.assert_array_equal(found[16:, 24:], photo[16:, 24:])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_max_side_shrinks_the_longer_side_only_if_it_is_longer(dtype):
    photo = _photo(20, 100, dtype)
    assert _apply(photo, max_side=100).shape == (20, 100, 3)
    assert _apply(photo, max_side=50).shape == (10, 50, 3)
    assert _apply(photo, max_side=1).shape == (1, 1, 3)
    shrunk = _apply(photo, max_side=50, strength=0.0)
    blocks = photo.reshape(10, 2, 50, 2, 3).mean((1, 3))
    assert shrunk.dtype == dtype
    assert np.abs(shrunk - blocks).mean() < 12


def test_compare_puts_the_photo_left():
    photo = _photo()
    found = _apply(photo, compare=True, strength=0.5)
    assert found.shape == (24, 72, 3)
    np.testing.assert_array_equal(found[:, :36], photo)
    np.testing.assert_array_equal(found[:, 36:], _apply(photo, strength=0.5))


def test_rows_mixed_a_few_at_a_time_are_the_same(monkeypatch):
    options = {"mask": _left(), "keep_colors": True, "strength": 0.7}
    whole = _apply(_photo(), **options)
    monkeypatch.setattr(look, "_NUM_PIXELS", 5 * 36)
    np.testing.assert_array_equal(_apply(_photo(), **options), whole)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"strength": 1.1}, "`strength` must be from 0 to 1"),
        ({"strength": float("nan")}, "`strength`"),
        ({"max_side": 0}, "`max_side` must be at least 1"),
        ({"mask": np.zeros([3, 3], np.uint8)}, "no white"),
        ({"style_masks": {"wave": np.zeros([3, 3], np.uint8)}}, "no white"),
    ],
)
def test_bad_options_are_refused(options, expected):
    with pytest.raises(ValueError, match=expected):
        look.Look(**options)


def test_the_python_api_takes_every_option():
    keras.utils.set_random_seed(0)
    network = style_transfer_network.StyleTransferNetwork(
        "paper", width=0.1, style_names=_STYLES
    )
    network.build()
    # The second style is the first one's negative.
    for block in network.blocks[-1:]:
        block.normalization.scale.assign([[1.0] * 3, [-1.0] * 3])
    transformer = transform.ImageTransformer(network)
    photo = _photo()
    wave, mosaic = [transformer.stylize(photo, name) for name in _STYLES]
    assert np.abs(wave.astype(int) - mosaic).mean() > 5
    found = transformer.stylize(
        photo,
        style_masks={"wave": _left(), "mosaic": 255 - _left()},
        compare=True,
    )
    np.testing.assert_array_equal(found[:, :36], photo)
    np.testing.assert_array_equal(found[:, 36:48], wave[:, :12])
    np.testing.assert_array_equal(found[:, -12:], mosaic[:, -12:])
    batch = transformer.stylize(np.stack([photo, photo]), strength=0.0)
    np.testing.assert_array_equal(batch[1], photo)
    with pytest.raises(ValueError, match="`style` must be None"):
        transformer.stylize(photo, "wave", style_masks={"wave": _left()})
    with pytest.raises(ValueError, match="must be one of wave, mosaic"):
        transformer.stylize(photo, style_masks={"sea": _left()})

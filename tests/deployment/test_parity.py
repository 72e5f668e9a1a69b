from PIL import Image
import numpy as np
import pytest

from fastnst.deployment import parity

_EXPECTED = np.linspace(0, 255, 4 * 6 * 3, dtype=np.float32).reshape(4, 6, 3)


def _compare(result, bounds=parity.Bounds(0.5, 0.1)):
    return parity.compare(
        "product",
        lambda: result,
        _EXPECTED,
        bounds=bounds,
        num_bytes=10,
        threads=2,
        num_runs=3,
    )


def test_differences_are_counted_on_the_0_255_scale():
    result = _EXPECTED.copy()
    result[0, 0, 0] += 0.36
    comparison = _compare(result)
    assert comparison.max_difference == pytest.approx(0.36, abs=1e-5)
    assert comparison.mean_difference == pytest.approx(0.36 / 72, abs=1e-6)
    assert comparison.size == "4x6"
    assert "max 0.3600, mean 0.00500 of 255" in str(comparison)
    assert str(comparison).endswith("ms (median of 3, 2 threads)")


@pytest.mark.parametrize(
    "broken",
    [
        _EXPECTED + 0.6,  # one value is enough
        _EXPECTED + 0.2,  # each small, the mean is not
        np.zeros_like(_EXPECTED),
        np.full_like(_EXPECTED, np.nan),
        _EXPECTED[:, :5],
        _EXPECTED[None],
    ],
)
def test_what_is_beyond_the_bounds_is_refused(broken):
    with pytest.raises(ValueError, match="product.*not kept"):
        _compare(broken)


def test_uint8_may_differ_by_one_where_a_value_is_near_a_half():
    rounded = np.round(_EXPECTED).astype(np.uint8)
    assert _compare(rounded).max_difference == 0
    rounded[1, 2, 0] += 1
    assert _compare(rounded).max_difference == 1
    rounded[1, 2, 0] += 1
    with pytest.raises(ValueError, match="differs too much"):
        _compare(rounded)


@pytest.mark.parametrize("size", [(33, 47), (64, 20)])
def test_comparison_picture_has_the_size_asked_for(tmp_path, size):
    drawn = parity.comparison_picture(*size)
    assert drawn.shape == (*size, 3) and drawn.dtype == np.uint8
    # Something to differ on.
    assert drawn.std() > 20
    path = tmp_path / "photo.png"
    Image.new("RGB", (90, 50), (10, 20, 30)).save(path)
    photo = parity.comparison_picture(*size, path)
    assert photo.shape == (*size, 3)
    assert (photo == (10, 20, 30)).all()

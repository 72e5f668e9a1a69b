"""Masks of any kind and size, fitted to a picture."""

from PIL import Image
import numpy as np
import pytest

from fastnst.inference import masks


def _half(height, width):
    mask = np.zeros([height, width], np.uint8)
    mask[:, width // 2:] = 255
    return mask


@pytest.mark.parametrize("size", [(4, 6), (80, 120), (400, 600)])
def test_any_size_fits_and_edges_are_soft(size):
    fitted = masks.feathered(_half(*size), 80, 120)
    assert fitted.shape == (80, 120) and fitted.dtype == np.uint8
    assert fitted[:, :40].max() <= 1 and fitted[:, 80:].min() >= 254
    edge = fitted[40].astype(int)
    assert 100 < edge[60] < 180
    assert (np.diff(edge) >= 0).all()
    # No step that one sees as a line.
    assert np.diff(edge).max() < 128


@pytest.mark.parametrize("size", [(1, 1), (3, 200)])
def test_white_stays_white_to_the_border(size):
    fitted = masks.feathered(np.full([5, 5], 255, np.uint8), *size)
    assert (fitted == 255).all()


def test_files_of_any_kind_are_gray_masks(tmp_path):
    mask = _half(6, 8)
    Image.fromarray(mask).save(tmp_path / "gray.png")
    Image.fromarray(np.dstack([mask] * 3)).save(tmp_path / "color.png")
    Image.fromarray(mask > 0).save(tmp_path / "bits.png")
    deep = mask.astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "sixteen.png")
    white = np.full([6, 8, 3], 255, np.uint8)
    Image.fromarray(np.dstack([white, mask])).save(tmp_path / "clear.png")
    for path in tmp_path.iterdir():
        np.testing.assert_array_equal(masks.read(path), mask, str(path))


def test_a_mask_without_white_is_refused(tmp_path):
    Image.fromarray(np.zeros([6, 8], np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(ValueError, match="black.png: The mask has no white"):
        masks.read(tmp_path / "black.png")
    with pytest.raises(ValueError, match="no white"):
        masks.checked(np.zeros([3, 3], bool))


@pytest.mark.parametrize(
    "mask",
    [
        np.ones([4, 4, 3], np.uint8),
        np.ones([4, 4], np.float32),
        np.ones([0, 4], np.uint8),
        "mask.png",
    ],
)
def test_what_is_no_mask_is_refused(mask):
    with pytest.raises(ValueError, match="uint8 or bool, of shape"):
        masks.checked(mask)

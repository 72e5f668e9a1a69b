"""Files written a few rows at a time are read by Pillow, to the pixel."""

import tracemalloc

from PIL import Image
import numpy as np
import pytest

from fastnst.data import image_files
from fastnst.data import row_formats


def _picture(height, width):
    """A slope with some noise, as a photo has, and its transparency."""
    generator = np.random.default_rng(0)
    slope = np.add.outer(np.arange(height), 2 * np.arange(width))
    noise = generator.integers(0, 9, [height, width, 3])
    rgb = ((slope[..., None] // 3 + noise) % 256).astype(np.uint8)
    return rgb, (slope % 251).astype(np.uint8)


@pytest.mark.parametrize("picture_format", row_formats.FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (64, 7), (131, 77)])
def test_pillow_reads_the_same_pixels(tmp_path, picture_format, size):
    rgb, alpha = _picture(*size)
    for transparency in (None, alpha):
        path = tmp_path / "picture"
        row_formats.write(path, picture_format, rgb, transparency)
        with Image.open(path) as image:
            assert image.format == picture_format
            image.verify()
        found = image_files.read_image(path)
        np.testing.assert_array_equal(found.rgb, rgb)
        if transparency is None:
            assert found.alpha is None
        else:
            np.testing.assert_array_equal(found.alpha, alpha)


def test_png_is_as_small_as_pillow_makes_it(tmp_path):
    rgb, _ = _picture(200, 300)
    row_formats.write(tmp_path / "ours.png", "PNG", rgb, None)
    Image.fromarray(rgb).save(tmp_path / "pillow.png")
    ours, pillow = [
        (tmp_path / f"{name}.png").stat().st_size for name in ("ours", "pillow")
    ]
    assert ours < 1.02 * pillow


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_large_picture_is_not_copied(tmp_path, monkeypatch, suffix):
    rgb = np.zeros([4000, 500, 3], np.uint8)
    monkeypatch.setattr(image_files, "_LARGE_PIXELS", 10**6)
    tracemalloc.start()
    image_files.write_image(tmp_path / f"large.{suffix}", rgb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # NumPy's arrays are traced; some rows with five filters are there at once.
    assert peak < rgb.nbytes / 2
    found = image_files.read_image(tmp_path / f"large.{suffix}").rgb
    assert found.shape == rgb.shape and not found.any()


def test_what_tiff_cannot_hold_is_refused_and_nothing_left(tmp_path):
    rgb = np.broadcast_to(np.uint8(0), [40_000, 40_000, 3])
    with pytest.raises(OSError, match="large.tif cannot be written.*4 GB"):
        image_files.write_image(tmp_path / "large.tif", rgb)
    assert not list(tmp_path.iterdir())

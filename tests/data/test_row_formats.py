"""Files written a few rows at a time are read by Pillow, to the pixel."""

import tracemalloc

from PIL import Image
import numpy as np
import pytest

from fastnst.data import image_files
from fastnst.data import row_formats


def _size(path):
    return path.stat().st_size


def _picture(height, width):
    """A slope with some noise, as a photo has, and its transparency."""
    generator = np.random.default_rng(0)
    slope = np.add.outer(np.arange(height), 2 * np.arange(width))
    noise = generator.integers(0, 9, [height, width, 3])
    rgb = ((slope[..., None] // 3 + noise) % 256).astype(np.uint8)
    return rgb, (slope % 251).astype(np.uint8)


@pytest.mark.parametrize("picture_format", ["PNG", "TIFF"])
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


# 2,100 pixels wide and 300 high: restart markers begin anew after eight.
@pytest.mark.parametrize("size", [(1, 1), (15, 17), (16, 8), (300, 2100)])
@pytest.mark.parametrize("quality", [95, 40])
def test_jpeg_is_what_pillow_writes_at_once(tmp_path, size, quality):
    rgb, alpha = _picture(*size)
    for transparency in (None, alpha):
        path = tmp_path / "picture.jpg"
        row_formats.write(path, "JPEG", rgb, transparency, quality)
        whole = image_files.Picture(rgb, transparency).flattened()
        Image.fromarray(whole).save(
            tmp_path / "pillow.jpg", quality=quality, subsampling=0
        )
        ours, pillow = [
            image_files.read_image(tmp_path / name)
            for name in ("picture.jpg", "pillow.jpg")
        ]
        np.testing.assert_array_equal(ours.rgb, pillow.rgb)
        # Each strip of 16 rows begins with a marker and new averages.
        assert path.stat().st_size < 1.03 * _size(tmp_path / "pillow.jpg") + 9


def test_png_is_as_small_as_pillow_makes_it(tmp_path):
    rgb, _ = _picture(200, 300)
    row_formats.write(tmp_path / "ours.png", "PNG", rgb, None)
    Image.fromarray(rgb).save(tmp_path / "pillow.png")
    assert _size(tmp_path / "ours.png") < 1.02 * _size(tmp_path / "pillow.png")


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
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


@pytest.mark.parametrize(
    ("name", "size", "reason"),
    [
        ("large.tif", (40_000, 40_000), "4 GB"),
        ("long.jpg", (65_536, 300), "65535 pixels a side, not 300 x 65536"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_and_nothing_left(
    tmp_path, name, size, reason
):
    rgb = np.broadcast_to(np.uint8(0), [*size, 3])
    with pytest.raises(OSError, match=f"{name} cannot be written.*{reason}"):
        image_files.write_image(tmp_path / name, rgb)
    assert not list(tmp_path.iterdir())

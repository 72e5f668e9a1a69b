"""What a public server must refuse, and how it reads what it takes."""

import io

from PIL import Image
from PIL import ImageOps
import numpy as np
import pytest
import tensorflow as tf

from fastnst.deployment import image_bytes

_CORNERS = np.array(
    [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 0]]], np.uint8
)


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def _checked(files):
    return image_bytes.checked(files, 1000)


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def _decoded(data):
    return image_bytes.decode(data)


def _picture():
    """Four corners of different colors, higher than wide."""
    return Image.fromarray(_CORNERS.repeat(16, 0).repeat(8, 1))


def _file(picture, name, **options):
    buffer = io.BytesIO()
    picture.save(buffer, name, **options)
    return buffer.getvalue()


def _exif(orientation, order="MM"):
    exif = Image.Exif()
    exif.endian = {"MM": ">", "II": "<"}[order]
    exif[0x010E] = "a description comes first"
    exif[0x0112] = orientation
    return exif.tobytes()


def test_pixels_are_summed_over_the_batch():
    small = _file(Image.new("RGB", (20, 20)), "PNG")
    assert (_checked([small, small]).numpy() == [small, small]).all()
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="at most 1000 pixels.*1200"
    ):
        _checked([small, small, small])


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_too_large_a_picture_is_refused(name):
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="at most 1000 pixels.*1200"
    ):
        _checked([_file(Image.new("RGB", (30, 40)), name)])


def test_empty_and_foreign_bytes_are_refused_by_name():
    with pytest.raises(tf.errors.InvalidArgumentError, match="not be empty"):
        _checked([b""])
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="PNG, JPEG, GIF, BMP, WebP"
    ):
        _checked([b"<html>not found</html>"])


def test_a_batch_of_pixels_is_bounded():
    check = tf.function(image_bytes.checked_pixels)
    images = tf.zeros([2, 10, 50, 3])
    assert check(images, 1000).shape == images.shape
    assert check(images, 0).shape == images.shape
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 999"):
        check(images, 999)
    with pytest.raises(tf.errors.InvalidArgumentError, match="one pixel"):
        check(tf.zeros([1, 0, 5, 3]), 1000)


@pytest.mark.parametrize("order", ["MM", "II"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation, order):
    """Pillow turns the same file upright."""
    data = _file(
        _picture(),
        "JPEG",
        exif=_exif(orientation, order),
        quality=100,
        subsampling=0,
    )
    with Image.open(io.BytesIO(data)) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))
    result = _decoded(data).numpy()
    assert result.shape == expected.shape
    assert np.abs(result.astype(int) - expected).max() <= 2


@pytest.mark.parametrize(
    "exif",
    [
        _exif(0),
        _exif(9),
        b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(30),
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(30),
        b"Exif\0\0",
    ],
)
def test_damaged_exif_is_ignored(exif):
    expected = _decoded(_file(_picture(), "JPEG")).numpy()
    result = _decoded(_file(_picture(), "JPEG", exif=exif)).numpy()
    np.testing.assert_array_equal(result, expected)


def test_of_an_animation_the_first_frame_alone_is_unpacked():
    frames = [Image.new("L", (16, 8), value) for value in (10, 200, 90)]
    data = _file(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=9
    )
    result = _decoded(data).numpy()
    assert result.shape == (8, 16, 3) and (result == 10).all()
    # What follows the first frame is not even looked at.
    second = data.index(b"\x2c", data.index(b"\x2c\0\0\0\0") + 20)
    damaged = data[:second] + b"\x2c" + 500 * b"\xff"
    np.testing.assert_array_equal(_decoded(damaged), result)


def test_still_files_of_all_formats_are_decoded():
    picture = np.asarray(_picture())
    for name, options in [
        ("PNG", {}),
        ("BMP", {}),
        ("GIF", {}),
        ("WEBP", {"lossless": True}),
    ]:
        data = _file(_picture(), name, **options)
        np.testing.assert_array_equal(_decoded(data), picture, err_msg=name)


def _expected(data):
    """The first frame as Pillow decodes it, transparency dropped."""
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGBA"))[..., :3]


def _with_transparency():
    alpha = Image.linear_gradient("L").resize((16, 32))
    picture = _picture()
    picture.putalpha(alpha.point(lambda value: max(value, 1)))
    return picture


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_transparency_of_webp_is_dropped(mode, lossless):
    picture = _with_transparency().convert(mode)
    data = _file(picture, "WEBP", lossless=lossless)
    np.testing.assert_array_equal(_decoded(data), _expected(data))


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_of_an_animated_webp_the_first_frame_is_decoded(mode, lossless):
    picture = _with_transparency().convert(mode)
    data = _file(
        picture,
        "WEBP",
        save_all=True,
        append_images=[picture.rotate(180)],
        lossless=lossless,
    )
    assert data[12:16] == b"VP8X" and data[20] & 0x02
    # Many times: memory that is overwritten may be found only later.
    for _ in range(50):
        np.testing.assert_array_equal(_decoded(data), _expected(data))


def test_damaged_animations_are_refused():
    frames = [_picture(), _picture().rotate(180)]
    data = _file(
        frames[0], "WEBP", save_all=True, append_images=frames[1:]
    )
    for end in (17, 21, 22, 30, 60, len(data) // 2):
        with pytest.raises(tf.errors.InvalidArgumentError):
            _decoded(data[:end])


def test_bmp_of_one_bit_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="channels"):
        _decoded(_file(_picture().convert("1"), "BMP"))

"""Sizes read in the graph, against files that Pillow wrote."""

import io
import struct

from PIL import Image
import numpy as np
import pytest
import tensorflow as tf

from fastnst.deployment import image_headers

_HEIGHT, _WIDTH = 37, 1291


def file(name, height=_HEIGHT, width=_WIDTH, mode="RGB", **options):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    picture = Image.fromarray(pixels).convert(mode).resize((width, height))
    if options.get("append_images"):
        options["append_images"] = [picture.rotate(180)]
    buffer = io.BytesIO()
    picture.save(buffer, name, **options)
    return buffer.getvalue()


# Name of the place -> (file, where height and width are, how packed).
FILES = {
    "png": file("PNG"),
    "png palette": file("PNG", mode="P"),
    "jpeg": file("JPEG"),
    "jpeg progressive": file("JPEG", progressive=True, optimize=True),
    "jpeg gray": file("JPEG", mode="L"),
    "jpeg icc": file("JPEG", icc_profile=bytes(200_000), comment=b"\xff\xc0"),
    "gif": file("GIF"),
    "gif comment": file("GIF", comment=b"\x2c" * 700),
    "gif animated": file("GIF", save_all=True, append_images=True),
    "bmp": file("BMP"),
    "webp lossy": file("WEBP"),
    "webp lossless": file("WEBP", lossless=True),
    "webp extended": file("WEBP", mode="RGBA", exif=b"Exif\0\0MM\0*"),
    "webp animated": file("WEBP", save_all=True, append_images=True),
}


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def _num_pixels(data):
    return image_headers.num_pixels(image_headers.file_bytes(data))


def _lying(name, side):
    """Writes another size into the header of a file."""
    data = bytearray(FILES[name])
    if name.startswith("png"):
        struct.pack_into(">II", data, 16, side, side)
    elif name.startswith("jpeg"):
        # The last: Pillow's ICC profile and comment come first.
        marker = b"\xff\xc2" if "progressive" in name else b"\xff\xc0\0"
        struct.pack_into(">HH", data, data.rindex(marker) + 5, side, side)
    elif name.startswith("gif"):
        # The frame alone: the screen keeps its size.
        size = struct.pack("<4H", 0, 0, _WIDTH, _HEIGHT)
        struct.pack_into("<HH", data, data.index(size) + 4, side, side)
    elif name.startswith("bmp"):
        struct.pack_into("<ii", data, 18, side, -side)
    elif name == "webp lossy":
        struct.pack_into("<HH", data, 26, side, side)
    elif name == "webp lossless":
        struct.pack_into("<I", data, 21, (side - 1) | (side - 1) << 14)
    else:
        low, high = (side - 1) & 0xFFFF, (side - 1) >> 16
        struct.pack_into("<HBHB", data, 24, low, high, low, high)
    return bytes(data)


@pytest.mark.parametrize("name", FILES)
def test_size_is_read(name):
    assert _num_pixels(FILES[name]) == _HEIGHT * _WIDTH


@pytest.mark.parametrize("name", FILES)
def test_a_lying_header_is_believed(name):
    side = 16_000
    assert _num_pixels(_lying(name, side)) == side * side


def test_the_largest_sizes_do_not_overflow():
    data = bytearray(FILES["png"])
    data[16:24] = b"\xff" * 8
    assert _num_pixels(bytes(data)) == 2**40
    data = bytearray(FILES["bmp"])
    struct.pack_into("<ii", data, 18, 2**31 - 1, -(2**31))
    assert _num_pixels(bytes(data)) == 2**40


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_does_no_harm(name):
    data = FILES[name]
    for end in [1, 3, 9, 12, 13, 17, 22, 25, 27, 29, 40, 170]:
        assert _num_pixels(data[:end]) in (0, _HEIGHT * _WIDTH) or (
            # Half a number; the decoder refuses the file.
            end < 30
        )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        b"\xff\xd8\xff",
        b"\xff\xd8" + 5000 * b"\xff\xe0\0\2",  # never comes to a frame
        b"\xff\xd8\xff\xda\0\2\xff\xc0\0\x11\x08\0\1\0\1",  # scan before frame
        b"GIF89a" + bytes(7) + 5000 * b"\x21\xfe\1\0\0",
        b"GIF89a\1\0\1\0\0\0\0;",
        b"RIFF\0\0\0\0WEBPVP9 " + bytes(20),
        b"RIFF\0\0\0\0WAVE" + bytes(30),
        b"II*\0" + bytes(20),  # TIFF
    ],
)
def test_what_is_no_picture_has_no_pixels(data):
    assert _num_pixels(data) == 0


def test_segments_are_skipped_as_libjpeg_skips_them():
    data = FILES["jpeg"]
    for inserted in [b"\xff\xff\xff", b"\xff\x01", b"\xff\xd3", b"junk\0"]:
        changed = data[:2] + inserted + data[2:]
        if not changed.startswith(b"\xff\xd8\xff"):
            # TensorFlow wants a marker at once.
            changed = data[:20] + inserted + data[20:]
        assert _num_pixels(changed) == _HEIGHT * _WIDTH


def test_a_hostile_gif_takes_no_time():
    """A million blocks of one byte before the first frame."""
    head = FILES["gif"][:13]
    table = 3 * 2 ** ((head[10] & 7) + 1) if head[10] & 0x80 else 0
    rest = FILES["gif"][13 + table :]
    data = b"".join(
        [FILES["gif"][: 13 + table], b"\x21\xfe", 10**6 * b"\1\0", b"\0", rest]
    )
    assert _num_pixels(data) >= 0
    data = data.replace(10**6 * b"\1\0", 10**6 * b"\1\1")
    assert _num_pixels(data) == _HEIGHT * _WIDTH

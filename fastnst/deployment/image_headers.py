"""The size of a picture file, read in the graph before it is decoded.

A model server must not decode a file to learn that it is too large: a few
hundred bytes can claim billions of pixels. These are the places where the
decoders themselves look for the size, so a header cannot say one thing here
and another there.
"""

import dataclasses

import tensorflow as tf

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WebP")

# Reading past the end of a file gives zeros.
_MARGIN = 64
# Parts of a JPEG before its size, parts of a GIF before its first frame.
_MAX_PARTS = 2000


@dataclasses.dataclass(frozen=True)
class JpegHeader:
    """What stands before the compressed data of a JPEG.

    Attributes:
        frame: int32 scalar, place of the marker of the frame header, which
            holds the size; 0 if there is none.
        exif: int32 scalar, place of the Exif data; 0 if there are none.
    """

    frame: tf.Tensor
    exif: tf.Tensor


@dataclasses.dataclass(frozen=True)
class GifHeader:
    """Where the first frame of a GIF is.

    Attributes:
        frame: int32 scalar, place of its descriptor; 0 if there is none.
        end: int32 scalar, place behind its data.
    """

    frame: tf.Tensor
    end: tf.Tensor


def file_bytes(data: tf.Tensor) -> tf.Tensor:
    """Returns the bytes of a string scalar: uint8, with zeros behind them."""
    raw = tf.reshape(tf.io.decode_raw(data, tf.uint8), [-1])
    return tf.pad(raw, [[0, _MARGIN]])


def little_endian(raw: tf.Tensor, place, count: int) -> tf.Tensor:
    """Reads a number of `count` bytes, the lowest first: int64 scalar."""
    places = tf.clip_by_value(
        tf.cast(place, tf.int32) + tf.range(count), 0, tf.size(raw) - 1
    )
    digits = tf.cast(tf.gather(raw, places), tf.int64)
    return tf.reduce_sum(digits * [256**i for i in range(count)])


def big_endian(raw: tf.Tensor, place, count: int) -> tf.Tensor:
    """Reads a number of `count` bytes, the highest first: int64 scalar."""
    places = tf.clip_by_value(
        tf.cast(place, tf.int32) + tf.range(count), 0, tf.size(raw) - 1
    )
    digits = tf.cast(tf.gather(raw, places), tf.int64)
    return tf.reduce_sum(digits * [256**i for i in reversed(range(count))])


def has_format(raw: tf.Tensor, name: str) -> tf.Tensor:
    """Tells whether a file is of a format, by the bytes TensorFlow looks at."""
    if name == "WebP":
        return _starts_with(raw, 0, b"RIFF") & _starts_with(raw, 8, b"WEBP")
    start = {
        "PNG": b"\x89PNG\r\n\x1a\n",
        "JPEG": b"\xff\xd8\xff",
        "GIF": b"GIF8",
        "BMP": b"BM",
    }
    return _starts_with(raw, 0, start[name])


def num_pixels(raw: tf.Tensor) -> tf.Tensor:
    """Reads height times width from the header of a file.

    Args:
        raw: uint8, from `file_bytes`.

    Returns:
        int64 scalar; 0 if the file is of no known format or its header is
        damaged.
    """
    readers = {
        "PNG": _png_pixels,
        "JPEG": _jpeg_pixels,
        "GIF": _gif_pixels,
        "BMP": _bmp_pixels,
        "WebP": _webp_pixels,
    }
    return tf.case(
        [
            (has_format(raw, name), lambda read=read: read(raw))
            for name, read in readers.items()
        ],
        default=lambda: tf.zeros([], tf.int64),
    )


def jpeg_header(raw: tf.Tensor) -> JpegHeader:
    """Walks through the segments of a JPEG, as libjpeg does, up to its frame.

    Args:
        raw: uint8, from `file_bytes`.

    Returns:
        Where frame header and Exif data are.
    """

    def is_searching(place, exif, number):
        return (
            ~_is_frame(raw, place)
            & ~_is_one_of(_marker(raw, place), 0xD8, 0xD9, 0xDA)
            & (place < tf.size(raw) - _MARGIN)
            & (number < _MAX_PARTS)
        )

    def skipped(place, exif, number):
        marker = _marker(raw, place)
        # What is no marker is skipped, and so are the bytes that fill.
        step = tf.where(
            _is_one_of(marker, -1, 0, 0xFF),
            1,
            tf.where(
                _is_one_of(marker, 1, *range(0xD0, 0xD8)),
                2,
                2 + tf.cast(big_endian(raw, place + 2, 2), tf.int32),
            ),
        )
        is_exif = (
            (exif == 0)
            & (marker == 0xE1)
            & _starts_with(raw, place + 4, b"Exif\0\0")
        )
        return place + step, tf.where(is_exif, place + 10, exif), number + 1

    place, exif, _ = tf.while_loop(
        is_searching,
        skipped,
        [tf.constant(2), tf.constant(0), tf.constant(0)],
        parallel_iterations=1,
    )
    return JpegHeader(tf.where(_is_frame(raw, place), place, 0), exif)


def gif_header(raw: tf.Tensor) -> GifHeader:
    """Finds the first frame of a GIF.

    Args:
        raw: uint8, from `file_bytes`.

    Returns:
        Where it is. The decoder would unpack all frames that follow.
    """
    ends = _chain_ends(raw)

    def is_extension(place, number):
        return (tf.gather(raw, place) == 0x21) & (number < _MAX_PARTS)

    def skipped(place, number):
        return _inside(raw, _gathered(ends, place + 2) + 1), number + 1

    place, _ = tf.while_loop(
        is_extension,
        skipped,
        [_inside(raw, 13 + _color_table(raw, 10)), tf.constant(0)],
        parallel_iterations=1,
    )
    data = place + 10 + _color_table(raw, place + 9) + 1
    frame = tf.where(tf.gather(raw, place) == 0x2C, place, 0)
    return GifHeader(frame, _gathered(ends, data) + 1)


def _png_pixels(raw: tf.Tensor) -> tf.Tensor:
    pixels = _product(big_endian(raw, 16, 4), big_endian(raw, 20, 4))
    return tf.where(_starts_with(raw, 12, b"IHDR"), pixels, 0)


def _jpeg_pixels(raw: tf.Tensor) -> tf.Tensor:
    frame = jpeg_header(raw).frame
    pixels = big_endian(raw, frame + 5, 2) * big_endian(raw, frame + 7, 2)
    return tf.where(frame > 0, pixels, 0)


def _gif_pixels(raw: tf.Tensor) -> tf.Tensor:
    frame = gif_header(raw).frame
    pixels = little_endian(raw, frame + 5, 2) * little_endian(raw, frame + 7, 2)
    return tf.where(frame > 0, pixels, 0)


def _bmp_pixels(raw: tf.Tensor) -> tf.Tensor:
    # Signed; a negative height means that the top row comes first.
    width, height = [
        (little_endian(raw, place, 4) + 2**31) % 2**32 - 2**31
        for place in (18, 22)
    ]
    return _product(tf.maximum(width, 0), tf.abs(height))


def _webp_pixels(raw: tf.Tensor) -> tf.Tensor:
    """Lossy, lossless and extended WebP (RFC 9649)."""
    width, height = [little_endian(raw, i, 2) % 2**14 for i in (26, 28)]
    is_lossy = _starts_with(raw, 23, b"\x9d\x01\x2a")
    lossy = tf.where(is_lossy, width * height, 0)
    bits = little_endian(raw, 21, 4)
    lossless = tf.where(
        tf.gather(raw, 20) == 0x2F,
        (bits % 2**14 + 1) * (bits // 2**14 % 2**14 + 1),
        0,
    )
    extended = (little_endian(raw, 24, 3) + 1) * (
        little_endian(raw, 27, 3) + 1
    )
    pixels = tf.zeros([], tf.int64)
    kinds = {b"VP8 ": lossy, b"VP8L": lossless, b"VP8X": extended}
    for kind, found in kinds.items():
        pixels = tf.where(_starts_with(raw, 12, kind), found, pixels)
    return pixels


def _product(height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Multiplies two sides of up to 32 bits; sums of it fit 64 bits."""
    return tf.minimum(
        tf.minimum(height, 2**31) * tf.minimum(width, 2**31), 2**40
    )


def _starts_with(raw: tf.Tensor, place, text: bytes) -> tf.Tensor:
    places = tf.clip_by_value(
        place + tf.range(len(text)), 0, tf.size(raw) - 1
    )
    expected = tf.constant(list(text), tf.uint8)
    return tf.reduce_all(tf.gather(raw, places) == expected)


def _marker(raw: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Returns the JPEG marker at a place, or -1 if none is there."""
    number = tf.cast(big_endian(raw, place, 2), tf.int32)
    return tf.where(number >= 0xFF00, number - 0xFF00, -1)


def _is_frame(raw: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """C4, C8 and CC, in between the frame headers, are other segments."""
    kinds = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
    return _is_one_of(_marker(raw, place), *sorted(kinds))


def _is_one_of(number: tf.Tensor, *candidates: int) -> tf.Tensor:
    return tf.reduce_any(number == tf.constant(candidates))


def _color_table(raw: tf.Tensor, place) -> tf.Tensor:
    """Returns the size of the color table that a byte of flags announces."""
    flags = tf.cast(little_endian(raw, place, 1), tf.int32)
    size = 3 * tf.bitwise.left_shift(2, flags % 8)
    return tf.where(flags >= 0x80, size, 0)


def _chain_ends(raw: tf.Tensor) -> tf.Tensor:
    """Finds for each byte the end of the chain of blocks that starts there.

    A block is its length and as many bytes; a length of 0 ends the chain. All
    chains are followed at once, by doubling the jumps, since a loop over the
    blocks of a hostile file would take seconds.
    """
    size = tf.size(raw)
    places = tf.range(size)
    jumps = tf.where(
        raw == 0,
        places,
        tf.minimum(places + 1 + tf.cast(raw, tf.int32), size - 1),
    )
    rounds = tf.math.log(tf.cast(size, tf.float32)) / tf.math.log(2.0)
    _, jumps = tf.while_loop(
        lambda number, jumps: number <= tf.cast(rounds, tf.int32),
        lambda number, jumps: (number + 1, tf.gather(jumps, jumps)),
        [tf.constant(0), jumps],
        parallel_iterations=1,
    )
    return jumps


def _gathered(values: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    return tf.gather(values, _inside(values, place))


def _inside(values: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    return tf.minimum(place, tf.size(values) - 1)

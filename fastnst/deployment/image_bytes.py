"""Picture files in the graph: refused where they must be, decoded upright."""

import tensorflow as tf

from fastnst.deployment import image_headers as headers

_ORIENTATION_TAG = 0x0112
_MAX_EXIF_ENTRIES = 256
# An extended WebP file begins with this part; where its flags are.
_VP8X = int.from_bytes(b"VP8X", "big")
_VP8X_FLAGS = 20


def checked(image_bytes: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """Refuses files that a public server must not decode, before it does.

    Args:
        image_bytes: string, shape (batch,).
        max_pixels: What the pictures may have together; 0 is no limit.

    Returns:
        `image_bytes`; an InvalidArgumentError that says why is raised when the
        graph runs if a file is empty, is no picture, or they are too large.
    """
    pixels = tf.map_fn(
        _checked_pixels,
        image_bytes,
        fn_output_signature=tf.TensorSpec([], tf.int64),
        parallel_iterations=1,
    )
    with tf.control_dependencies([_within(pixels, max_pixels)]):
        return tf.identity(image_bytes)


def checked_pixels(images: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """Refuses a batch of decoded pictures that is empty or too large.

    Args:
        images: Shape (batch, height, width, 3).
        max_pixels: What the pictures may have together; 0 is no limit.

    Returns:
        `images`, as `checked`.
    """
    pixels = tf.reduce_prod(tf.shape(images, tf.int64)[:3], keepdims=True)
    some = tf.debugging.Assert(
        pixels[0] > 0, ["image must have at least one pixel."]
    )
    with tf.control_dependencies([some, _within(pixels, max_pixels)]):
        return tf.identity(images)


def decode(data: tf.Tensor) -> tf.Tensor:
    """Decodes a PNG, JPEG, GIF, BMP or WebP file, of several frames the first.

    Transparency is dropped. A JPEG is turned upright as its Exif data say,
    which TensorFlow's decoder does not do.

    Args:
        data: string scalar.

    Returns:
        uint8, shape (height, width, 3).
    """
    raw = headers.file_bytes(data)
    data = tf.cond(
        headers.has_format(raw, "GIF"),
        lambda: _first_frame(data, raw),
        lambda: data,
    )
    picture = tf.cond(
        headers.has_format(raw, "WebP"),
        lambda: _webp(data, raw),
        lambda: tf.io.decode_image(data, channels=3, expand_animations=False),
    )
    picture = tf.ensure_shape(picture, [None, None, 3])
    return tf.cond(
        headers.has_format(raw, "JPEG"),
        lambda: _upright(picture, _orientation(raw)),
        lambda: picture,
    )


def _checked_pixels(data: tf.Tensor) -> tf.Tensor:
    not_empty = tf.debugging.Assert(
        tf.strings.length(data) > 0, ["image_bytes must not be empty."]
    )
    with tf.control_dependencies([not_empty]):
        raw = headers.file_bytes(data)
    pixels = headers.num_pixels(raw)
    is_picture = tf.debugging.Assert(
        pixels > 0,
        [
            f"image_bytes must be a {', '.join(headers.FORMATS)} file with a "
            "size in its header."
        ],
    )
    with tf.control_dependencies([is_picture]):
        return tf.identity(pixels)


def _within(pixels: tf.Tensor, max_pixels: int) -> tf.Operation:
    total = tf.reduce_sum(pixels)
    return tf.debugging.Assert(
        total <= (max_pixels or tf.int64.max),
        [f"A request may have at most {max_pixels} pixels. Received:", total],
    )


def _first_frame(data: tf.Tensor, raw: tf.Tensor) -> tf.Tensor:
    """Cuts a GIF behind its first frame: the decoder would unpack them all."""
    end = tf.minimum(headers.gif_header(raw).end, tf.strings.length(data))
    return tf.strings.substr(data, 0, end) + b";"


def _webp(data: tf.Tensor, raw: tf.Tensor) -> tf.Tensor:
    """Decodes a WebP file in the channels that it has, and drops the fourth."""
    is_extended = headers.big_endian(raw, 12, 4) == _VP8X
    is_animated = is_extended & (raw[_VP8X_FLAGS] & 0x02 > 0)
    # Of an animation without transparency TensorFlow 2.21 writes four channels
    # into memory for three. So each says that it has some; then there is room.
    data = tf.cond(
        is_animated,
        lambda: tf.strings.join(
            [
                tf.strings.substr(data, 0, _VP8X_FLAGS),
                b"\x12",
                tf.strings.substr(
                    data, _VP8X_FLAGS + 1, tf.strings.length(data)
                ),
            ]
        ),
        lambda: data,
    )
    picture = tf.io.decode_image(data, channels=0, expand_animations=False)
    return tf.ensure_shape(picture, [None, None, None])[..., :3]


def _orientation(raw: tf.Tensor) -> tf.Tensor:
    """Reads the Exif orientation of a JPEG: int32, 1 (upright) to 8."""
    start = headers.jpeg_header(raw).exif
    is_little = tf.gather(raw, start) == ord("I")

    def number(place, count):
        place = tf.clip_by_value(place, 0, tf.size(raw) - count)
        read = tf.where(
            is_little,
            headers.little_endian(raw, place, count),
            headers.big_endian(raw, place, count),
        )
        return tf.cast(read, tf.int32)

    directory = start + tf.clip_by_value(
        number(start + 4, 4), 0, tf.size(raw)
    )
    count = tf.minimum(number(directory, 2), _MAX_EXIF_ENTRIES)
    entries = directory + 2 + 12 * tf.range(count)
    tags = tf.map_fn(lambda entry: number(entry, 2), entries)
    found = tf.boolean_mask(entries, tags == _ORIENTATION_TAG)
    # The last place reads zeros: no such entry.
    entry = tf.concat([found, [tf.size(raw)]], 0)[0]
    value = number(entry + 8, 2)
    is_known = (start > 0) & (value >= 1) & (value <= 8)
    return tf.where(is_known, value, 1)


def _upright(picture: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns and mirrors as the Exif standard (CIPA DC-008, 4.6.4) says."""

    def when(values, change, picture):
        applies = tf.reduce_any(orientation == tf.constant(values))
        return tf.cond(applies, lambda: change(picture), lambda: picture)

    picture = when(
        [5, 6, 7, 8], lambda image: tf.transpose(image, [1, 0, 2]), picture
    )
    picture = when([2, 3, 6, 7], lambda image: image[:, ::-1], picture)
    return when([3, 4, 7, 8], lambda image: image[::-1], picture)

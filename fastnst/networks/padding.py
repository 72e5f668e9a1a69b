"""Reflection padding: of feature maps, and of pictures of any size.

`reflection_padding(x, p)` equals `tf.pad(x, ..., mode="REFLECT")` and
`edge_padding(x)` the mode "SYMMETRIC" by one pixel, whose CPU kernels are slow:
here they are one gather forward and slices backward. For LiteRT
(`formulation.for_litert`) it is slices and a concatenation, which it runs
fastest and its GPU engine accepts.
"""

import numpy as np
import tensorflow as tf

from fastnst.networks import formulation


def reflection_padding(images: tf.Tensor, padding: int) -> tf.Tensor:
    """Mirrors `padding` pixels outward on all four sides.

    Args:
        images: float, shape (batch, height, width, channels), height and
            width greater than `padding`.
        padding: Number of pixels.

    Returns:
        float, shape (batch, height + 2 * padding, width + 2 * padding,
        channels).
    """

    return _mirror_padding(images, padding, 1)


def edge_padding(images: tf.Tensor) -> tf.Tensor:
    """Repeats the outermost pixel once on all four sides.

    Args:
        images: float, shape (batch, height, width, channels).

    Returns:
        float, shape (batch, height + 2, width + 2, channels).
    """
    return _mirror_padding(images, 1, 0)


def _mirror_padding(images: tf.Tensor, padding: int, skipped: int):
    """Mirrors outward; `skipped` is 1 if the edge itself is not repeated."""

    @tf.custom_gradient
    def padded(images: tf.Tensor):
        shape = tf.shape(images)
        size = images.shape

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            for axis in (2, 1):
                upstream = _fold_back(upstream, padding, axis, skipped)
            return upstream

        rows, columns = [
            _mirrored(size[axis] or shape[axis], padding, padding, skipped)
            for axis in (1, 2)
        ]
        return _take_pixels(images, rows, columns), gradient

    return padded(images)


def pad_to_multiple(
    images: tf.Tensor, multiple: int, smallest: int, frame: int = 0
) -> tf.Tensor:
    """Mirrors a picture of any size outward until a network can take it.

    Equals `numpy.pad(mode="reflect")`: where the picture is smaller than the
    padding it is reflected repeatedly, and a side of one pixel repeats it.

    Args:
        images: float, shape (batch, height, width, channels), any height and
            width of at least 1.
        multiple: What height and width must be divisible by. The pixels
            missing are added at the bottom and on the right.
        smallest: The least height and width, a multiple of `multiple`.
        frame: Pixels added on all four sides besides.

    Returns:
        float, shape (batch, H + 2 * frame, W + 2 * frame, channels).
    """
    shape, size = tf.shape(images), images.shape
    rows = size[1] or shape[1]
    columns = size[2] or shape[2]
    below = _missing(rows, multiple, smallest)
    right = _missing(columns, multiple, smallest)
    if not (frame or _is_positive(below) or _is_positive(right)):
        return images
    return _take_pixels(
        images,
        _mirrored(rows, frame, below + frame),
        _mirrored(columns, frame, right + frame),
    )


def _missing(size: int | tf.Tensor, multiple: int, smallest: int):
    if isinstance(size, int):
        return max(-size % multiple, smallest - size)
    return tf.maximum(-size % multiple, smallest - size)


def _is_positive(size: int | tf.Tensor) -> bool:
    return not isinstance(size, int) or size > 0


def _mirrored(size, before, after, skipped=1) -> np.ndarray | tf.Tensor:
    """Computes which row each row of the padded picture is a copy of.

    A constant where the size is known when the graph is built.
    """
    known = all(isinstance(number, int) for number in (size, before, after))
    xp = np if known else tf
    period = xp.maximum(2 * (size - skipped), 1)
    if known:
        place = np.arange(-before, size + after, dtype=np.int32) % period
    else:
        place = tf.range(-before, size + after) % period
    return xp.minimum(place, period - 1 + skipped - place) % size


def _take_pixels(images: tf.Tensor, rows, columns) -> tf.Tensor:
    """Takes the given rows and columns of pixels."""
    constant = isinstance(rows, np.ndarray) and isinstance(columns, np.ndarray)
    if constant and formulation.is_for_litert():
        return _take_by_slices(_take_by_slices(images, rows, 1), columns, 2)
    shape, size = tf.shape(images), images.shape
    width, channels = size[2] or shape[2], size[3]
    # One gather of whole pixels is faster than a gather for each axis.
    index = rows[:, None] * width + columns[None]
    flat = tf.reshape(images, [size[0] or shape[0], -1, channels])
    pixels = tf.gather(flat, tf.reshape(index, [-1]), axis=1)
    height, width = [
        len(axis) if isinstance(axis, np.ndarray) else tf.size(axis)
        for axis in (rows, columns)
    ]
    return tf.reshape(pixels, [size[0] or shape[0], height, width, channels])


def _take_by_slices(images: tf.Tensor, index: np.ndarray, axis: int):
    """Takes rows (axis 1) or columns (axis 2) as few slices, concatenated."""
    runs = np.split(index, np.flatnonzero(np.diff(index) != 1) + 1)
    # A slice of everything would be a copy of everything.
    parts = [
        images
        if len(run) == images.shape[axis]
        else _part(images, axis, int(run[0]), int(run[-1]) + 1)
        for run in runs
    ]
    largest = int(np.argmax([len(run) for run in runs]))
    before, after = parts[:largest], parts[largest + 1:]
    return tf.concat(
        [*_joined(before, axis), parts[largest], *_joined(after, axis)], axis
    )


def _joined(parts: list[tf.Tensor], axis: int) -> list[tf.Tensor]:
    """Concatenates until two parts are left: XNNPACK takes five at a time."""
    while len(parts) > 2:
        parts = [
            tf.concat(parts[begin:begin + 5], axis)
            for begin in range(0, len(parts), 5)
        ]
    return parts


def _part(images: tf.Tensor, axis: int, begin, end) -> tf.Tensor:
    return images[:, begin:end] if axis == 1 else images[:, :, begin:end]


def _fold_back(
    gradient: tf.Tensor, padding: int, axis: int, skipped: int
) -> tf.Tensor:
    """Adds the mirrored frame back inside: the adjoint of the padding."""
    padded = gradient.shape[axis] or tf.shape(gradient)[axis]
    size = padded - 2 * padding
    begin = tf.reverse(_part(gradient, axis, 0, padding), [axis])
    end = tf.reverse(_part(gradient, axis, padded - padding, padded), [axis])
    inside = _part(gradient, axis, padding, padding + size)
    reach = padding + skipped
    if isinstance(size, int) and size >= 2 * reach:
        return tf.concat(
            [
                _part(inside, axis, 0, skipped),
                _part(inside, axis, skipped, reach) + begin,
                _part(inside, axis, reach, size - reach),
                _part(inside, axis, size - reach, size - skipped) + end,
                _part(inside, axis, size - skipped, size),
            ],
            axis,
        )
    # The two frames overlap inside a small picture: place, then add.
    return (
        inside
        + _place(begin, axis, skipped, size - reach)
        + _place(end, axis, size - reach, skipped)
    )


def _place(images: tf.Tensor, axis: int, before, after) -> tf.Tensor:
    paddings = [[0, 0], [0, 0], [0, 0], [0, 0]]
    paddings[axis] = [before, after]
    return tf.pad(images, paddings)

"""How a low-resolution image is made from a photograph, and bicubic back up.

Every published super-resolution number rests on MATLAB's `imresize`: a cubic
kernel, stretched by the factor when it shrinks (antialiasing), with symmetric
extension at the border. Other libraries' "bicubic" differs by up to a decibel
in the tables. Here a resize along one axis is a matrix, written once and used
by NumPy (evaluation) and by TensorFlow (training).
"""

from collections.abc import Callable
import functools

import numpy as np
import scipy.sparse
import tensorflow as tf

DEGRADATIONS = ("bicubic", "paper")

# "blurred with a Gaussian kernel of width sigma = 1.0" (Johnson et al. 2016,
# section 4.2). The paper gives no support; at 4 sigma 0.006 % is cut off.
_BLUR_SIGMA = 1.0
_BLUR_RADIUS = 4


def cubic_kernel(positions: np.ndarray) -> np.ndarray:
    """Evaluates the cubic convolution kernel with a = -0.5 (Keys 1981).

    Args:
        positions: float64, any shape, in source pixels from the center.

    Returns:
        float64, same shape; zero outside (-2, 2).
    """
    distance = np.abs(positions)
    inner = 1.5 * distance**3 - 2.5 * distance**2 + 1
    outer = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return np.where(distance <= 1, inner, np.where(distance < 2, outer, 0.0))


def downscaling_matrix(
    size: int, factor: int, degradation: str = "bicubic"
) -> scipy.sparse.csr_array:
    """Makes the matrix that shrinks one axis of an image.

    Args:
        size: Number of pixels along the axis.
        factor: How many times smaller, an integer.
        degradation: "bicubic" as MATLAB's imresize, or "paper": Gaussian blur
            with standard deviation 1.0 first.

    Returns:
        float64, shape (ceil(size / factor), size); each row sums to one.

    Raises:
        ValueError: If the degradation is unknown or the factor is not a
            positive integer.
    """
    check_degradation(factor, degradation)
    matrix = _resizing_matrix(size, -(-size // factor), 1 / factor)
    return matrix @ _blur_matrix(size) if degradation == "paper" else matrix


def upscaling_matrix(size: int, factor: int) -> scipy.sparse.csr_array:
    """Makes the matrix that enlarges one axis as MATLAB's imresize does.

    Args:
        size: Number of pixels along the axis.
        factor: How many times larger, an integer.

    Returns:
        float64, shape (size * factor, size); each row sums to one.

    Raises:
        ValueError: If the factor is not a positive integer.
    """
    check_degradation(factor)
    return _resizing_matrix(size, size * factor, float(factor))


def degrade(
    images: np.ndarray,
    factor: int,
    *,
    degradation: str = "bicubic",
    eight_bit: bool = False,
) -> np.ndarray:
    """Makes low-resolution images, for evaluation.

    Args:
        images: uint8 or float, shape (height, width, channels) or with a
            batch axis before, in [0, 255].
        factor: How many times smaller.
        degradation: One of `DEGRADATIONS`.
        eight_bit: Whether to clip to [0, 255] and round the result, as
            imresize does with uint8 input. Otherwise overshoot is kept.

    Returns:
        float32, height and width divided by `factor` and rounded up.

    Raises:
        ValueError: If the images have no such shape, or as
            `downscaling_matrix`.
    """
    return _resize(
        images,
        lambda size: downscaling_matrix(size, factor, degradation),
        eight_bit,
    )


def upscale_bicubic(
    images: np.ndarray, factor: int, *, eight_bit: bool = False
) -> np.ndarray:
    """Enlarges images as MATLAB's imresize does: the tables' baseline row.

    Args:
        images: uint8 or float, shape (height, width, channels) or with a
            batch axis before, in [0, 255].
        factor: How many times larger.
        eight_bit: Whether to clip to [0, 255] and round to whole numbers.

    Returns:
        float32, height and width multiplied by `factor`.

    Raises:
        ValueError: If the images have no such shape, or the factor is not a
            positive integer.
    """
    return _resize(
        images, lambda size: upscaling_matrix(size, factor), eight_bit
    )


def degrade_patches(
    patches: tf.Tensor,
    factor: int,
    *,
    degradation: str = "bicubic",
    eight_bit: bool = False,
) -> tf.Tensor:
    """Makes low-resolution patches, for training; equals `degrade`.

    Two products with constant matrices, so it compiles under XLA. Meant for
    `tf.data`, on the CPU: a GPU may multiply in TF32, which keeps 10 bits.

    Args:
        patches: float32, static shape (batch, height, width, channels), in
            [0, 255].
        factor: How many times smaller.
        degradation: One of `DEGRADATIONS`.
        eight_bit: Whether to clip to [0, 255] and round to whole numbers.

    Returns:
        float32, height and width divided by `factor` and rounded up.

    Raises:
        ValueError: If height or width is not static, or as
            `downscaling_matrix`.
    """
    height, width = patches.shape[1:3]
    if height is None or width is None:
        raise ValueError(
            "`patches` must have a static height and width; crop them to one "
            f"size first. Received: shape {patches.shape}."
        )
    rows = _dense_matrix(height, factor, degradation)
    columns = _dense_matrix(width, factor, degradation)
    shrunk = tf.einsum("oh,bhwc->bowc", tf.constant(rows), patches)
    shrunk = tf.einsum("ow,bhwc->bhoc", tf.constant(columns), shrunk)
    if eight_bit:
        shrunk = tf.floor(tf.clip_by_value(shrunk, 0.0, 255.0) + 0.5)
    return shrunk


def check_degradation(factor: int, degradation: str = "bicubic") -> None:
    """Raises ValueError unless factor and degradation are usable."""
    if int(factor) != factor or factor < 1:
        raise ValueError(
            "`factor` must be a positive whole number. Received: "
            f"factor={factor!r}."
        )
    if degradation not in DEGRADATIONS:
        raise ValueError(
            f"`degradation` must be one of {', '.join(DEGRADATIONS)}. "
            f"Received: degradation={degradation!r}."
        )


def _resizing_matrix(
    size: int, new_size: int, scale: float
) -> scipy.sparse.csr_array:
    """The function `contributions` of MATLAB's imresize.m, as a matrix."""
    # Below 1 the kernel is stretched, so that it averages (antialiasing).
    stretch = min(scale, 1.0)
    num_taps = int(np.ceil(4 / stretch)) + 2
    # Pixel centers lie at .5 in both images.
    centers = (np.arange(new_size) + 0.5) / scale - 0.5
    first = np.floor(centers - 2 / stretch).astype(int)
    taps = first[:, None] + np.arange(num_taps)
    return _band_matrix(
        taps, cubic_kernel(stretch * (centers[:, None] - taps)), size
    )


def _blur_matrix(size: int) -> scipy.sparse.csr_array:
    offsets = np.arange(-_BLUR_RADIUS, _BLUR_RADIUS + 1)
    taps = np.arange(size)[:, None] + offsets
    weights = np.exp(-0.5 * (offsets / _BLUR_SIGMA) ** 2)
    return _band_matrix(taps, np.broadcast_to(weights, taps.shape), size)


def _band_matrix(
    taps: np.ndarray, weights: np.ndarray, size: int
) -> scipy.sparse.csr_array:
    """Rows of weights at source positions, folded back in at the border."""
    weights = weights / weights.sum(1, keepdims=True)
    # Symmetric extension repeats with period 2 * size: 0 1 2 2 1 0 0 1 2 ...
    taps = taps % (2 * size)
    columns = np.where(taps < size, taps, 2 * size - 1 - taps)
    rows = np.broadcast_to(np.arange(len(taps))[:, None], taps.shape)
    # Entries at the same place are added.
    return scipy.sparse.csr_array(
        (weights.ravel(), (rows.ravel(), columns.ravel())),
        shape=(len(taps), size),
    )


@functools.lru_cache(maxsize=32)
def _dense_matrix(size: int, factor: int, degradation: str) -> np.ndarray:
    matrix = downscaling_matrix(size, factor, degradation)
    return matrix.toarray().astype(np.float32)


def _resize(
    images: np.ndarray,
    matrix_for: Callable[[int], scipy.sparse.csr_array],
    eight_bit: bool,
) -> np.ndarray:
    if images.ndim == 4:
        return np.stack([_resize(i, matrix_for, eight_bit) for i in images])
    if images.ndim != 3 or not images.size:
        raise ValueError(
            "`images` must have shape (height, width, channels) or (batch, "
            f"height, width, channels). Received: shape {images.shape}."
        )
    resized = _resize_rows(images, matrix_for(images.shape[0]))
    resized = resized.transpose(1, 0, 2)
    resized = _resize_rows(resized, matrix_for(images.shape[1]))
    resized = resized.transpose(1, 0, 2)
    if eight_bit:
        resized = np.floor(np.clip(resized, 0, 255) + 0.5)
    return resized.astype(np.float32)


def _resize_rows(
    image: np.ndarray, matrix: scipy.sparse.csr_array
) -> np.ndarray:
    height, width, channels = image.shape
    flat = image.reshape(height, width * channels).astype(np.float64)
    return (matrix @ flat).reshape(-1, width, channels)

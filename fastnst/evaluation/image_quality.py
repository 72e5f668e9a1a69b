"""PSNR and SSIM as in the super-resolution tables of the paper.

Both compare 8-bit RGB images by the luma of studio-swing BT.601 YCbCr (as
MATLAB's `rgb2ycbcr`, not rounded), after a border is cut off. The paper says
"on the Y channel" and no more. With 8-bit low-resolution images and a border as
wide as the factor, its bicubic row on Set5 comes out at factor 4: 28.43 dB and
0.8114, here 28.431 and 0.8113 (28.419 and 0.8102 if the luma is rounded too).
At factor 8 it prints 23.80 and 0.6455, by a protocol it does not state; here,
as in later work, it is 24.398 and 0.6582.
"""

from typing import NamedTuple

import numpy as np
import scipy.ndimage

# Johnson et al. 2016, supplement, mean (PSNR, SSIM) by (set, factor). Set14's
# bicubic SSIM is printed as here, probably for .7031; BSD100's SSIM of the
# feature network is printed as 63.17.
PAPER_SCORES = {
    ("set5", 4): {
        "bicubic": (28.43, 0.8114),
        "pixel": (28.40, 0.8205),
        "SRCNN": (30.48, 0.8628),
        "feature": (27.09, 0.7680),
    },
    ("set14", 4): {
        "bicubic": (25.99, 0.7301),
        "pixel": (25.75, 0.6994),
        "SRCNN": (27.49, 0.7503),
        "feature": (24.99, 0.6731),
    },
    ("bsd100", 4): {
        "bicubic": (25.96, 0.682),
        "pixel": (25.91, 0.6680),
        "SRCNN": (26.90, 0.7101),
        "feature": (24.95, 0.6317),
    },
    ("set5", 8): {
        "bicubic": (23.80, 0.6455),
        "pixel": (24.77, 0.6864),
        "feature": (23.26, 0.7058),
    },
    ("set14", 8): {
        "bicubic": (22.37, 0.5518),
        "pixel": (23.02, 0.5787),
        "feature": (21.64, 0.5837),
    },
    ("bsd100", 8): {
        "bicubic": (22.11, 0.5322),
        "pixel": (22.54, 0.5526),
        "feature": (21.35, 0.5474),
    },
}

# Wang et al. 2004, section III-C.
_SSIM_SIGMA = 1.5
_SSIM_RADIUS = 5
_SSIM_K1 = 0.01
_SSIM_K2 = 0.03


class QualityScore(NamedTuple):
    """How close an image is to the truth: PSNR in dB, SSIM in [-1, 1]."""

    psnr: float
    ssim: float


def quality_score(
    image: np.ndarray, truth: np.ndarray, *, crop_border: int
) -> QualityScore:
    """Computes PSNR and SSIM of an RGB image by the protocol of the tables.

    Args:
        image: uint8 or float, shape (height, width, 3), in [0, 255]; rounded
            to whole numbers first, as it would be in a file.
        truth: The same for the original.
        crop_border: Pixels left out on every side.

    Returns:
        The score.

    Raises:
        ValueError: If the shapes differ, or less than 11x11 pixels remain.
    """
    _check_same_shape(image, truth)
    luma = rgb_to_luma(crop(_to_eight_bit(image), crop_border))
    true_luma = rgb_to_luma(crop(_to_eight_bit(truth), crop_border))
    return QualityScore(psnr(luma, true_luma), ssim(luma, true_luma))


def rgb_to_luma(images: np.ndarray) -> np.ndarray:
    """Computes the luma of studio-swing BT.601 YCbCr, as MATLAB's rgb2ycbcr.

    Args:
        images: uint8 or float, shape (..., 3), in [0, 255].

    Returns:
        float64, shape (...), in [16, 235]; not rounded.
    """
    weights = np.array([65.481, 128.553, 24.966]) / 255
    return 16 + images.astype(np.float64) @ weights


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Computes the peak signal-to-noise ratio for a peak of 255.

    Args:
        image: uint8 or float, any shape.
        truth: The same shape.

    Returns:
        Decibels; infinite for equal images.

    Raises:
        ValueError: If the shapes differ.
    """
    _check_same_shape(image, truth)
    error = image.astype(np.float64) - truth.astype(np.float64)
    mean_square = np.mean(error**2)
    if mean_square == 0:
        return float("inf")
    return float(10 * np.log10(255**2 / mean_square))


def ssim(image: np.ndarray, truth: np.ndarray) -> float:
    """Computes the structural similarity (Wang et al. 2004) of one channel.

    11x11 Gaussian window with standard deviation 1.5, K1 = 0.01, K2 = 0.03,
    range 255, averaged where the window lies inside the image: `ssim_index.m`
    of the authors, and what tf.image.ssim computes.

    Args:
        image: uint8 or float, shape (height, width), in [0, 255].
        truth: The same shape.

    Returns:
        A number in [-1, 1]; 1 for equal images.

    Raises:
        ValueError: If the shapes differ, are not 2-D or less than 11x11.
    """
    _check_same_shape(image, truth)
    if image.ndim != 2 or min(image.shape) < 2 * _SSIM_RADIUS + 1:
        raise ValueError(
            "SSIM needs one channel, shape (height, width), of at least 11x11 "
            f"pixels. Received: shape {image.shape} after cropping."
        )
    x, y = image.astype(np.float64), truth.astype(np.float64)
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variances = (
        _window_mean(x * x) - mean_x**2 + _window_mean(y * y) - mean_y**2
    )
    covariance = _window_mean(x * y) - mean_x * mean_y
    c1, c2 = (_SSIM_K1 * 255) ** 2, (_SSIM_K2 * 255) ** 2
    similarity = (
        (2 * mean_x * mean_y + c1)
        * (2 * covariance + c2)
        / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))
    )
    return float(similarity.mean())


def crop(image: np.ndarray, border: int) -> np.ndarray:
    """Leaves out `border` pixels on every side.

    Args:
        image: Shape (height, width, ...).
        border: Pixels, 0 or more.

    Returns:
        A view, shape (height - 2 * border, width - 2 * border, ...).

    Raises:
        ValueError: If nothing would remain.
    """
    height, width = image.shape[:2]
    if border < 0 or min(height, width) <= 2 * border:
        raise ValueError(
            "`crop_border` must be 0 or more and leave some pixels. Received: "
            f"crop_border={border} for an image of {width}x{height}."
        )
    return image[border : height - border, border : width - border]


def crop_to_multiple(image: np.ndarray, factor: int) -> np.ndarray:
    """Cuts right and bottom so that both sides are multiples of the factor.

    Args:
        image: Shape (height, width, ...).
        factor: The super-resolution factor.

    Returns:
        A view of the top left part.

    Raises:
        ValueError: If a side is shorter than the factor.
    """
    height, width = image.shape[:2]
    if min(height, width) < factor:
        raise ValueError(
            f"The image must be at least {factor}x{factor} pixels for factor "
            f"{factor}. Received: {width}x{height}."
        )
    return image[: height - height % factor, : width - width % factor]


def _window_mean(image: np.ndarray) -> np.ndarray:
    offsets = np.arange(-_SSIM_RADIUS, _SSIM_RADIUS + 1)
    window = np.exp(-0.5 * (offsets / _SSIM_SIGMA) ** 2)
    window /= window.sum()
    for axis in (0, 1):
        image = scipy.ndimage.correlate1d(image, window, axis)
    return crop(image, _SSIM_RADIUS)


def _to_eight_bit(image: np.ndarray) -> np.ndarray:
    return np.floor(np.clip(image.astype(np.float64), 0, 255) + 0.5)


def _check_same_shape(image: np.ndarray, truth: np.ndarray) -> None:
    if image.shape != truth.shape:
        raise ValueError(
            "Image and truth must have the same shape. Received: "
            f"{image.shape} and {truth.shape}."
        )

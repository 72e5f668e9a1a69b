"""The colors of a result: the photo's own, or a mixture with the photo."""

import numpy as np

# Of red, green and blue in the luminance Y of JPEG (ITU-R BT.601).
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def luminance(pixels: np.ndarray) -> np.ndarray:
    """Computes the luminance.

    Args:
        pixels: float32, shape (height, width, 3), in [0, 255].

    Returns:
        float32, shape (height, width, 1), in [0, 255].
    """
    return (pixels @ _LUMINANCE)[..., None]


def with_colors_of(photo: np.ndarray, stylized: np.ndarray) -> np.ndarray:
    """Takes the luminance of one picture and the chroma of another.

    The differences between a channel and the luminance are the chroma (Cb and
    Cr, but for a factor). Where a channel would leave [0, 255] all three
    differences are made smaller together: hue and luminance stay.

    Args:
        photo: float32, shape (height, width, 3), in [0, 255]: the chroma.
        stylized: The same: the luminance.

    Returns:
        The same.
    """
    chroma = photo - luminance(photo)
    gray = np.clip(luminance(stylized), 0, 255)
    room = np.where(chroma > 0, 255 - gray, gray)
    share = room / np.maximum(np.abs(chroma), 1e-6)
    return gray + chroma * np.minimum(1, share.min(axis=-1, keepdims=True))


def mixed(
    photo: np.ndarray,
    results: list[np.ndarray],
    weights: list[np.ndarray | float],
    *,
    keep_colors: bool,
) -> np.ndarray:
    """Mixes stylized pictures with the photo.

    Args:
        photo: uint8 or float32, shape (height, width, 3), in [0, 255].
        results: The same, one for each style.
        weights: How much of each result, 0 to 1: shape (height, width), or
            one number. Where they sum to less than 1 the photo is the rest,
            where they sum to more they are divided by the sum.
        keep_colors: Whether the chroma is the photo's.

    Returns:
        float32, shape (height, width, 3), in [0, 255].
    """
    photo = photo.astype(np.float32)
    weights = [np.asarray(weight, np.float32) for weight in weights]
    total = np.maximum(1, sum(weights))
    mixture = photo.copy()
    for result, weight in zip(results, weights, strict=True):
        stylized = result.astype(np.float32)
        if keep_colors:
            stylized = with_colors_of(photo, stylized)
        mixture += (weight / total)[..., None] * (stylized - photo)
    return mixture

"""Masks: grey pictures that say where a style applies."""

import os

from PIL import Image
from PIL import ImageFilter
import numpy as np

from fastnst.data import image_files

# The edge of a mask is softened by this share of the picture's shorter side.
_FEATHER = 0.02


def read(path: str | os.PathLike) -> np.ndarray:
    """Reads a mask from a picture file.

    Args:
        path: The file. Colors count by their luminance; what is transparent
            is black.

    Returns:
        uint8, shape (height, width).

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no picture, or has no white.
    """
    picture = image_files.read_image(path)
    mask = np.asarray(Image.fromarray(picture.rgb).convert("L"))
    if picture.alpha is not None:
        mask = np.rint(mask * (picture.alpha / 255.0)).astype(np.uint8)
    try:
        return checked(mask)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def checked(mask) -> np.ndarray:
    """Returns a mask as an array that says somewhere that a style applies.

    Args:
        mask: uint8 (255 is white) or bool, shape (height, width).

    Returns:
        uint8, the same shape.

    Raises:
        ValueError: If it is none, or black all over.
    """
    array = np.asarray(mask)
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    if array.ndim != 2 or not array.size or array.dtype != np.uint8:
        raise ValueError(
            "A mask must be uint8 or bool, of shape (height, width). "
            f"Received: {array.dtype} of shape {array.shape}."
        )
    if not array.any():
        raise ValueError(
            "The mask has no white: the style would apply nowhere."
        )
    return array


def feathered(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Fits a mask to a picture and softens its edges.

    Args:
        mask: uint8, any shape (height, width).
        height: Of the picture.
        width: The same.

    Returns:
        uint8, shape (height, width).
    """
    resized = Image.fromarray(mask).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    radius = _FEATHER * min(height, width)
    return np.asarray(resized.filter(ImageFilter.GaussianBlur(radius)))

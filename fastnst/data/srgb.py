"""Any image that Pillow can load, as upright 8-bit sRGB."""

import io

from PIL import Image
from PIL import ImageCms
from PIL import ImageOps
import numpy as np


def upright_srgb(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Converts a loaded image of any mode.

    Args:
        image: Its EXIF orientation and color profile are heeded.

    Returns:
        rgb: uint8, shape (height, width, 3).
        alpha: uint8, shape (height, width); None without transparency.

    Raises:
        ValueError: If the range of the pixels is not known.
    """
    profile = image.info.get("icc_profile")
    image = _upright(image)
    alpha = None
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    elif image.mode == "F":
        raise ValueError("pixels are floats of unknown range.")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert("RGB")
    elif image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    if profile:
        image = _to_srgb(image, profile)
    return np.asarray(image.convert("RGB")), alpha


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    # Cameras and editors write broken EXIF blocks around good pictures, and
    # Pillow raises SyntaxError, struct.error and others on them.
    except Exception:
        return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scales 16-bit grey to 8 bits; Pillow's own conversion clips it."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("pixels of more than 16 bits.")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Converts from a color profile; one that does not fit is ignored."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        converted = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        return converted or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image


def on_white(rgb: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Puts a picture on white.

    Args:
        rgb: uint8, shape (height, width, 3).
        alpha: uint8, shape (height, width), 255 = opaque; None is all opaque.

    Returns:
        uint8, shape (height, width, 3).
    """
    if alpha is None:
        return rgb
    share = alpha[..., None].astype(np.float32) / 255.0
    return np.rint(rgb * share + 255.0 * (1.0 - share)).astype(np.uint8)

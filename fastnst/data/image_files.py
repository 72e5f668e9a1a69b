"""Picture files to arrays and back.

Whatever a file holds (grey, CMYK, palette, 16 bits, an animation, a camera's
rotation, a color profile), the rest of fastnst sees upright 8-bit sRGB.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import io
import os
import pathlib
import warnings

from PIL import Image
import numpy as np

from fastnst import whole_files
from fastnst.data import row_formats
from fastnst.data import srgb

# What a folder is searched for, and what can be written, by suffix.
READ_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_WRITE_FORMATS = {
    ".bmp": "BMP",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
_FORMATS_WITHOUT_ALPHA = ("BMP", "JPEG")
# Larger pictures are not copied to be written, where the format allows it.
_LARGE_PIXELS = 2**24
# Pillow warns from half the size on that it refuses: a photo of 100
# megapixels is none.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


@dataclasses.dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        rgb: uint8, shape (height, width, 3), sRGB, upright.
        alpha: uint8, shape (height, width), 255 = opaque; None where the file
            has no transparency.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None

    def flattened(self) -> np.ndarray:
        """Returns the picture on white: uint8, shape (height, width, 3)."""
        return srgb.on_white(self.rgb, self.alpha)


def read_image(path: str | os.PathLike) -> Picture:
    """Reads a picture file.

    Args:
        path: The file; its content, not its suffix, tells the format.

    Returns:
        The picture; the first frame of an animation.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it holds no picture, a damaged one, or one too large.
    """
    data = pathlib.Path(path).read_bytes()
    try:
        return decode_image(data)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def decode_image(data: bytes, *, shortest_side: int | None = None) -> Picture:
    """Decodes the content of a picture file.

    Args:
        data: What the file holds.
        shortest_side: If given, a JPEG whose sides are at least twice as long
            may be decoded at 1/2, 1/4 or 1/8 of its size, which is faster and
            keeps the shorter side at least this long.

    Returns:
        The picture; the first frame of an animation.

    Raises:
        ValueError: If `data` is no picture, a damaged one, or has more pixels
            than Pillow takes for an attack (`PIL.Image.MAX_IMAGE_PIXELS` * 2).
    """
    if not data:
        raise ValueError("the file is empty.")
    try:
        with Image.open(io.BytesIO(data)) as image:
            if shortest_side is not None:
                image.draft(None, (shortest_side, shortest_side))
            image.load()
            return Picture(*srgb.upright_srgb(image))
    except MemoryError:
        raise
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"the picture is too large to decode safely: {error}"
        ) from error
    # Pillow's decoders raise nearly anything (SyntaxError, struct.error,
    # IndexError, zlib.error, ...) on damaged files.
    except Exception as error:
        raise ValueError(f"not a readable picture: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "unknown format."
    return f"{error or type(error).__name__}"


def write_image(
    path: str | os.PathLike,
    rgb: np.ndarray,
    alpha: np.ndarray | None = None,
    *,
    quality: int = 95,
    overwrite: bool = True,
) -> None:
    """Writes a picture file, whole or not at all.

    Args:
        path: Where to; the suffix gives the format.
        rgb: uint8, shape (height, width, 3).
        alpha: uint8, shape (height, width), or None. Put on white in formats
            without transparency.
        quality: Of JPEG and WebP, 1 to 100.
        overwrite: Whether an existing file is replaced.

    Raises:
        ValueError: If the suffix is unknown or the arrays are not as above.
        OSError: If the file exists and `overwrite` is False, or cannot be
            written.
    """
    path = pathlib.Path(path)
    picture_format = checked_format(path)
    _check_arrays(rgb, alpha)
    if not overwrite and path.exists():
        raise FileExistsError(f"{path} exists and was not overwritten.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}.")
    large = rgb.shape[0] * rgb.shape[1] > _LARGE_PIXELS
    in_rows = large and picture_format in row_formats.FORMATS
    write = row_formats.write if in_rows else _save
    try:
        with whole_files.replacing(path) as temporary:
            write(temporary, picture_format, rgb, alpha, quality)
    # Of the disk; or of the format, whose sides have a greatest length.
    except (OSError, ValueError) as error:
        raise OSError(f"{path} cannot be written: {error}") from error


def _save(path, picture_format, rgb, alpha, quality) -> None:
    """Writes a file with Pillow."""
    if alpha is None or picture_format in _FORMATS_WITHOUT_ALPHA:
        image = Image.fromarray(Picture(rgb, alpha).flattened())
    else:
        image = Image.fromarray(np.dstack([rgb, alpha]))
    options: dict = {"quality": quality}
    if picture_format == "JPEG":
        options["subsampling"] = 0
    image.save(path, format=picture_format, **options)


def checked_format(path: str | os.PathLike) -> str:
    """Returns Pillow's name of the format that `path`'s suffix asks for.

    Raises:
        ValueError: If pictures cannot be written in that format.
    """
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in _WRITE_FORMATS:
        raise ValueError(
            "The suffix of an output picture must be one of "
            f"{', '.join(_WRITE_FORMATS)}. Received: {os.fspath(path)!r}."
        )
    return _WRITE_FORMATS[suffix]


def _check_arrays(rgb: np.ndarray, alpha: np.ndarray | None) -> None:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(
            "`rgb` must be uint8 of shape (height, width, 3). "
            f"Received: {rgb.dtype} of shape {rgb.shape}."
        )
    if alpha is not None and (
        alpha.shape != rgb.shape[:2] or alpha.dtype != np.uint8
    ):
        raise ValueError(
            f"`alpha` must be uint8 of shape {rgb.shape[:2]}. "
            f"Received: {alpha.dtype} of shape {alpha.shape}."
        )


def find_images(inputs: Sequence[str | os.PathLike]) -> list[pathlib.Path]:
    """Lists the picture files that the inputs name.

    Args:
        inputs: Files, taken as given, and folders, searched with all their
            subfolders for `READ_SUFFIXES` in any case; hidden files are left
            out (macOS writes one that is no picture beside each picture).

    Returns:
        The files, those of each folder sorted.

    Raises:
        OSError: If a folder cannot be read.
        ValueError: If a folder holds no picture.
    """
    found: list[pathlib.Path] = []
    for name in inputs:
        path = pathlib.Path(name)
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(_images_below(path))
        if not inside:
            raise ValueError(
                f"The folder {path} holds no pictures "
                f"({', '.join(READ_SUFFIXES)})."
            )
        found.extend(inside)
    return found


def _images_below(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    def refuse(error: OSError) -> None:
        raise error

    visited = set()
    walk = os.walk(folder, onerror=refuse, followlinks=True)
    for directory, subfolders, names in walk:
        # A link to a folder above would go round for ever.
        real = os.path.realpath(directory)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        for name in names:
            if name.lower().endswith(READ_SUFFIXES) and name[0] != ".":
                yield pathlib.Path(directory, name)


def resize_short_side(rgb: np.ndarray, size: int) -> np.ndarray:
    """Resizes with antialiasing (bicubic) and keeps the shape of the picture.

    Args:
        rgb: uint8, shape (height, width, 3).
        size: Wanted length of the shorter side.

    Returns:
        uint8, shape (new height, new width, 3).
    """
    if size < 1:
        raise ValueError(f"`size` must be at least 1. Received: size={size}.")
    height, width = rgb.shape[:2]
    scale = size / min(height, width)
    new_height = max(size, round(height * scale))
    return resize(rgb, new_height, max(size, round(width * scale)))


def resize(rgb: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes with antialiasing (bicubic): uint8, (height, width, 3)."""
    if rgb.shape[:2] == (height, width):
        return rgb
    image = Image.fromarray(rgb).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    return np.asarray(image)


def center_crop(rgb: np.ndarray, size: int) -> np.ndarray:
    """Cuts the middle square: (height, width, 3) to (size, size, 3)."""
    height, width = rgb.shape[:2]
    if min(height, width) < size:
        raise ValueError(
            f"`size` must be at most the shorter side, {min(height, width)}. "
            f"Received: size={size}."
        )
    top = (height - size) // 2
    left = (width - size) // 2
    return rgb[top:top + size, left:left + size]

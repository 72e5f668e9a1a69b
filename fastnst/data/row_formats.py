"""PNG, TIFF and JPEG files written a few rows at a time.

Pillow first copies a picture into its own memory, at four bytes a pixel. Here
large pictures go from the array to the disk. (WebP and BMP stay with Pillow.)
"""

from collections.abc import Callable
from collections.abc import Iterator
import functools
import io
import os
import struct
from typing import BinaryIO
import zlib

from PIL import Image
import numpy as np

from fastnst.data import srgb

FORMATS = ("PNG", "TIFF", "JPEG")

_NUM_ROWS = 16
_TIFF_LIMIT = 2**32 - 2**20
_JPEG_LIMIT = 2**16 - 1


def write(
    path: str | os.PathLike,
    picture_format: str,
    rgb: np.ndarray,
    alpha: np.ndarray | None,
    quality: int = 95,
) -> None:
    """Writes a picture file.

    Args:
        path: Where to.
        picture_format: Of `FORMATS`.
        rgb: uint8, shape (height, width, 3).
        alpha: uint8, shape (height, width), or None. JPEG has none: there the
            picture is put on white.
        quality: Of JPEG, 1 to 100.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the format cannot hold so many pixels.
    """
    writers: dict[str, Callable[..., None]] = {
        "PNG": _write_png,
        "TIFF": _write_tiff,
        "JPEG": functools.partial(_write_jpeg, quality=quality),
    }
    with open(path, "wb") as file:
        writers[picture_format](file, rgb, alpha)


def _strips(rgb, alpha) -> Iterator[np.ndarray]:
    """Yields rows as bytes: uint8, shape (rows, width, channels)."""
    for begin in range(0, len(rgb), _NUM_ROWS):
        strip = rgb[begin:begin + _NUM_ROWS]
        if alpha is not None:
            strip = np.dstack([strip, alpha[begin:begin + _NUM_ROWS]])
        yield np.ascontiguousarray(strip)


def _write_png(file: BinaryIO, rgb, alpha) -> None:
    """Writes PNG (W3C recommendation, third edition)."""

    def write_chunk(kind: bytes, data: bytes) -> None:
        file.write(struct.pack(">I", len(data)) + kind + data)
        file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))

    height, width = rgb.shape[:2]
    file.write(b"\x89PNG\r\n\x1a\n")
    color_type = 2 if alpha is None else 6
    write_chunk(
        b"IHDR", struct.pack(">2I5B", width, height, 8, color_type, 0, 0, 0)
    )
    compressor = zlib.compressobj(strategy=zlib.Z_FILTERED)
    channels = 3 if alpha is None else 4
    above = np.zeros([1, width, channels], np.uint8)
    for strip in _strips(rgb, alpha):
        filtered = _filtered(np.concatenate([above, strip]))
        write_chunk(b"IDAT", compressor.compress(filtered.data))
        above = strip[-1:]
    write_chunk(b"IDAT", compressor.flush())
    write_chunk(b"IEND", b"")


def _filtered(rows: np.ndarray) -> np.ndarray:
    """Predicts each row but the first from its neighbors, in the best way.

    Args:
        rows: uint8, shape (1 + rows, width, channels); the first is the row
            above.

    Returns:
        uint8, shape (rows, 1 + width * channels): the filter and what is left
        of the row, the filter chosen by the smallest sum of absolute values
        (as section 12.7 of the recommendation advises).
    """
    wide = np.pad(rows, [[0, 0], [1, 0], [0, 0]]).astype(np.int16)
    left, above, corner = wide[1:, :-1], wide[:-1, 1:], wide[:-1, :-1]
    near_left = np.abs(above - corner)
    near_above = np.abs(left - corner)
    near_corner = np.abs(left + above - 2 * corner)
    paeth = np.where(near_above <= near_corner, above, corner)
    is_left = (near_left <= near_above) & (near_left <= near_corner)
    predictions = (
        np.zeros_like(left),
        left,
        above,
        (left + above) >> 1,
        np.where(is_left, left, paeth),
    )
    current = wide[1:, 1:]
    errors = np.stack(
        [(current - guess).astype(np.uint8) for guess in predictions]
    ).reshape(len(predictions), len(left), -1)
    sums = np.abs(errors.view(np.int8).astype(np.int16)).sum(-1)
    best = sums.argmin(0)
    chosen = errors[best, np.arange(len(left))]
    return np.concatenate([best[:, None].astype(np.uint8), chosen], axis=1)


def _write_tiff(file: BinaryIO, rgb, alpha) -> None:
    """Writes TIFF 6.0, not compressed, as Pillow does."""
    height, width = rgb.shape[:2]
    channels = 3 if alpha is None else 4
    size = height * width * channels
    if size > _TIFF_LIMIT:
        raise ValueError(f"TIFF holds 4 GB, not {size / 1e9:.1f} GB")
    file.write(struct.pack("<2sHI", b"II", 42, 8 + size + size % 2))
    for strip in _strips(rgb, alpha):
        file.write(strip.data)
    file.write(b"\0" * (size % 2))
    strip_bytes = _NUM_ROWS * width * channels
    offsets = [8 + start for start in range(0, size, strip_bytes)]
    counts = [min(strip_bytes, size + 8 - offset) for offset in offsets]
    # Numbers and types (3: 16 bits, 4: 32 bits) of section 8.
    fields: list[tuple[int, int, list[int]]] = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [8] * channels),
        (259, 3, [1]),
        (262, 3, [2]),
        (273, 4, offsets),
        (277, 3, [channels]),
        (278, 4, [_NUM_ROWS]),
        (279, 4, counts),
    ]
    if alpha is not None:
        fields.append((338, 3, [2]))
    _write_directory(file, fields)


def _write_directory(file: BinaryIO, fields) -> None:
    """Writes the fields, and behind them the values longer than 4 bytes."""
    place = file.tell() + 2 + 12 * len(fields) + 4
    directory, values = struct.pack("<H", len(fields)), b""
    for tag, kind, numbers in fields:
        value = struct.pack(f"<{len(numbers)}{'H' if kind == 3 else 'I'}",
                            *numbers)
        if len(value) > 4:
            values += value
            value = struct.pack("<I", place + len(values) - len(value))
        directory += struct.pack("<2HI", tag, kind, len(numbers))
        directory += value.ljust(4, b"\0")
    file.write(directory + struct.pack("<I", 0) + values)


def _write_jpeg(file: BinaryIO, rgb, alpha, quality: int) -> None:
    """Writes baseline JPEG (ITU T.81), colors at full resolution.

    Each strip of rows is a restart interval (section E.1.4): the scan of a
    picture of its own, whose tables are those of every other.
    """
    height, width = rgb.shape[:2]
    if max(height, width) > _JPEG_LIMIT:
        raise ValueError(
            f"JPEG holds {_JPEG_LIMIT} pixels a side, not {width} x {height}"
        )
    num_blocks = -(-width // 8) * (_NUM_ROWS // 8)
    for number, strip in enumerate(_strips(rgb, alpha)):
        opacity = None if alpha is None else strip[..., 3]
        encoded = io.BytesIO()
        Image.fromarray(srgb.on_white(strip[..., :3], opacity)).save(
            encoded, "JPEG", quality=quality, subsampling=0
        )
        tables, scan_header, scan = _jpeg_parts(encoded.getvalue(), height)
        if number:
            file.write(bytes([0xFF, 0xD0 + (number - 1) % 8]))
        else:
            restart_interval = struct.pack(">3H", 0xFFDD, 4, num_blocks)
            file.write(tables + restart_interval + scan_header)
        file.write(scan)
    file.write(b"\xff\xd9")


def _jpeg_parts(data: bytes, height: int) -> tuple[bytes, bytes, bytes]:
    """Cuts a JPEG file into tables, header of the scan and scan.

    Args:
        data: The file.
        height: What the tables shall say instead of its own height.
    """
    tables = bytearray(data[:2])
    while True:
        start = len(tables)
        marker, length = struct.unpack_from(">2H", data, start)
        segment = data[start:start + 2 + length]
        if marker == 0xFFDA:
            return bytes(tables), segment, data[start + 2 + length:-2]
        tables += segment
        if marker == 0xFFC0:
            struct.pack_into(">H", tables, start + 5, height)

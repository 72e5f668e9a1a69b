"""Feature maps of a whole picture, kept in memory or in a temporary file.

Files are read and written, not mapped into memory: a mapped file ends the
process by a signal when the disk is full, and counts as memory of the process.
The system keeps them in memory anyway while there is some to spare.
"""

import os
import tempfile
from typing import Any

from absl import logging
import numpy as np
import tensorflow as tf


class RowBuffers:
    """Lends buffers, the first ones in memory and the rest on the disk.

    Args:
        memory_bytes: How much memory the buffers may take together.
        folder: Where the files go; None is the system's temporary folder,
            which the variable TMPDIR names. They have no name there and are
            gone when the process ends, however it ends.
    """

    def __init__(self, memory_bytes: int, folder: str | None = None):
        self._free_bytes = memory_bytes
        self._folder = folder or tempfile.gettempdir()

    def lend(
        self, height: int, width: int, channels: int, dtype: str
    ) -> "MemoryBuffer | FileBuffer":
        """Returns a buffer of that size.

        Args:
            height: Number of rows.
            width: Number of pixels in a row.
            channels: Number of channels.
            dtype: Name of a TensorFlow type.

        Returns:
            The buffer. It is given back by `release`.

        Raises:
            OSError: If neither memory nor disk have room for it.
        """
        shape = (height, width, channels)
        dtype = tf.as_dtype(dtype).as_numpy_dtype
        num_bytes = int(np.prod(shape, dtype=np.int64)) * np.dtype(
            dtype
        ).itemsize
        if num_bytes > self._free_bytes:
            return FileBuffer(shape, dtype, num_bytes, self._folder)
        self._free_bytes -= num_bytes
        return MemoryBuffer(shape, dtype, self._take_back)

    def _take_back(self, num_bytes: int) -> None:
        self._free_bytes += num_bytes


class MemoryBuffer:
    """Rows in memory.

    Args:
        shape: (height, width, channels).
        dtype: NumPy type.
        on_release: Called with the number of bytes that are free again.
    """

    def __init__(self, shape, dtype, on_release):
        self._rows: Any = np.empty(shape, dtype)
        self._on_release = on_release

    def write(self, begin: int, rows: np.ndarray) -> None:
        """Stores rows, shape (number, width, channels), from `begin` on."""
        self._rows[begin:begin + len(rows)] = rows

    def read(self, begin: int, end: int) -> np.ndarray:
        """Returns the rows from `begin` up to `end`."""
        return self._rows[begin:end]

    def release(self) -> None:
        """Frees the memory; nothing can be read any more."""
        num_bytes, self._rows = self._rows.nbytes, None
        self._on_release(num_bytes)


class FileBuffer:
    """Rows in a file without a name.

    Args:
        shape: (height, width, channels).
        dtype: NumPy type.
        num_bytes: Its size.
        folder: Where it is.

    Raises:
        OSError: If the disk has no room for all of it.
    """

    def __init__(self, shape, dtype, num_bytes: int, folder: str):
        logging.info("%.1f GB of features go to %s.", num_bytes / 1e9, folder)
        self._shape, self._dtype = shape, dtype
        self._row_bytes = num_bytes // shape[0]
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)
        try:
            # Takes the room at once: no write fails later.
            os.posix_fallocate(self._file.fileno(), 0, num_bytes)
        except OSError as error:
            self._file.close()
            raise OSError(
                f"{folder} has no room for {num_bytes / 1e9:.1f} GB of "
                "features: let TMPDIR name a folder on a larger disk. "
                f"({error})"
            ) from error

    def write(self, begin: int, rows: np.ndarray) -> None:
        """Stores rows, shape (number, width, channels), from `begin` on."""
        rest = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
        self._file.seek(begin * self._row_bytes)
        # One call moves at most 2 GB.
        while rest:
            rest = rest[self._file.write(rest):]

    def read(self, begin: int, end: int) -> np.ndarray:
        """Returns the rows from `begin` up to `end`."""
        rows = np.empty((end - begin, *self._shape[1:]), self._dtype)
        rest = rows.reshape(-1).view(np.uint8).data
        self._file.seek(begin * self._row_bytes)
        while rest:
            rest = rest[self._file.readinto(rest):]
        return rows

    def release(self) -> None:
        """Removes the file."""
        self._file.close()

"""The things that content images come from: folders, synthesis, TFDS."""

import pathlib
import threading
from typing import Protocol

import numpy as np
import tensorflow as tf

from fastnst.data import dead_leaves
from fastnst.data import image_files
from fastnst.data import tfds_images

SYNTHETIC = "synthetic"


class Source(Protocol):
    """One of the things that content images come from."""

    @property
    def name(self) -> str:
        """As the user gave it."""

    @property
    def size(self) -> int | None:
        """Number of images; None if there is no end of them."""

    @property
    def count(self) -> int | None:
        """Number of images in this shard; None if there is no end."""

    def records(self, first: int) -> tf.data.Dataset:
        """Returns an endless dataset of string scalars from sample `first`."""

    def load(self, sample: int, record: bytes, side: int | None) -> np.ndarray:
        """Returns sample number `sample`: uint8, (height, width, 3).

        Args:
            sample: The number, in the endless sequence of this shard.
            record: Its element of `records`.
            side: The shorter side may be reduced to this; None: it may not.

        Raises:
            ValueError: If it cannot be decoded.
            OSError: If it cannot be read.
        """

    def describe(self, sample: int, record: bytes) -> str:
        """Returns the name of a sample for the log."""


class Folder:
    """The pictures of a folder, in a new order each time round."""

    def __init__(self, name: str, *, seed: int, shard: tuple[int, int]):
        found = image_files.find_images([name])
        index, shards = shard
        self.name = name
        self.size = len(found)
        self._files = found[index::shards]
        self.count = len(self._files)
        if self.size < shards:
            raise ValueError(
                f"The folder {name} holds {self.size} pictures, too few for "
                f"{shards} workers."
            )
        self._seed = seed
        self._order = (-1, np.zeros([0], np.int64))
        self._lock = threading.Lock()

    def records(self, first: int) -> tf.data.Dataset:
        """Returns empty records: a file is found by its number."""
        del first
        return tf.data.Dataset.from_tensors(b"").repeat()

    def load(self, sample: int, record: bytes, side: int | None) -> np.ndarray:
        """Reads and decodes a file; see `Source`."""
        data = self._file(sample).read_bytes()
        return image_files.decode_image(data, shortest_side=side).flattened()

    def describe(self, sample: int, record: bytes) -> str:
        """Returns the path."""
        return str(self._file(sample))

    def _file(self, sample: int) -> pathlib.Path:
        epoch, index = divmod(sample, self.count)
        with self._lock:
            if self._order[0] != epoch:
                rng = np.random.default_rng([self._seed, epoch])
                self._order = (epoch, rng.permutation(self.count))
            return self._files[self._order[1][index]]


class Synthetic:
    """Dead-leaves images, drawn on demand."""

    name = SYNTHETIC
    size = None
    count = None

    def __init__(self, *, image_size: int, seed: int, shard: tuple[int, int]):
        self._image_size = image_size
        self._seed = [seed, *shard]

    def records(self, first: int) -> tf.data.Dataset:
        """Returns empty records: an image is drawn from its number."""
        del first
        return tf.data.Dataset.from_tensors(b"").repeat()

    def load(self, sample: int, record: bytes, side: int | None) -> np.ndarray:
        """Draws an image; see `Source`."""
        rng = np.random.default_rng([*self._seed, sample])
        return dead_leaves.dead_leaves_image(self._image_size, rng)

    def describe(self, sample: int, record: bytes) -> str:
        """Returns its number."""
        return f"{SYNTHETIC} image {sample}"


def open_source(
    name: str,
    *,
    image_size: int,
    seed: int,
    shard: tuple[int, int],
    download: bool,
    data_dir: str | None,
) -> Source:
    """Returns the source that a user names; see `content_images`.

    Raises:
        ValueError: If there is no such thing, or nothing in it.
        OSError: If a folder cannot be read.
    """
    folder = pathlib.Path(name).expanduser()
    if name and folder.is_dir():
        return Folder(str(folder), seed=seed, shard=shard)
    if name == SYNTHETIC:
        return Synthetic(image_size=image_size, seed=seed, shard=shard)
    return tfds_images.TfdsImages(
        name, seed=seed, shard=shard, download=download, data_dir=data_dir
    )

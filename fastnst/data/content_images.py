"""Streams of content images for training, from folders, COCO and synthesis.

Every image has a position in its stream, and everything about it (which
source, which file, where it is cropped) is a function of seed and position.
So a training that stopped continues exactly by starting at a position.
"""

from collections.abc import Sequence
import pathlib
import threading
from typing import Protocol

from absl import logging
import numpy as np
import tensorflow as tf

from fastnst.data import coco
from fastnst.data import dead_leaves
from fastnst.data import image_files

RESIZES = ("crop", "squash", "patch")
SYNTHETIC = "synthetic"
# Pictures with a shorter side have nothing to learn from but blur.
MINIMUM_SIDE = 16
# Sources are mixed in a pattern of this many images, so a share is exact to
# a thousandth.
_PATTERN_LENGTH = 1000


class Source(Protocol):
    """One of the things that content images come from.

    Attributes:
        name: As the user gave it.
        size: Number of images; None if there is no end of them.
    """

    name: str
    size: int | None

    def records(self, first: int) -> tf.data.Dataset:
        """Returns an endless dataset of string scalars from sample `first`."""

    def load(self, sample: int, record: bytes, side: int | None) -> np.ndarray:
        """Returns sample number `sample`: uint8, (height, width, 3).

        Args:
            sample: The number.
            record: Its element of `records`.
            side: The shorter side may be reduced to this; None: it may not.

        Raises:
            ValueError: If it cannot be decoded.
        """

    def describe(self, sample: int, record: bytes) -> str:
        """Returns the name of a sample for the log."""


class Folder:
    """The pictures of a folder, in a new order each time round."""

    def __init__(self, name: str, *, seed: int, shard: tuple[int, int]):
        files = image_files.find_images([name])
        self.name = name
        self.size = len(files)
        self._files = files[shard[0]::shard[1]]
        if not self._files:
            raise ValueError(
                f"The folder {name} holds {len(files)} pictures, too few for "
                f"{shard[1]} workers."
            )
        self._seed = seed
        self._order = (-1, np.zeros([0], np.int64))
        self._lock = threading.Lock()

    def records(self, first: int) -> tf.data.Dataset:
        del first  # A file is found by its number.
        return tf.data.Dataset.from_tensors(b"").repeat()

    def load(self, sample: int, record: bytes, side: int | None) -> np.ndarray:
        data = self._file(sample).read_bytes()
        picture = image_files.decode_image(data, shortest_side=side)
        return picture.flattened()

    def describe(self, sample: int, record: bytes) -> str:
        return str(self._file(sample))

    @property
    def files(self) -> list[pathlib.Path]:
        """The files of this shard."""
        return self._files

    def _file(self, sample: int) -> pathlib.Path:
        epoch, index = divmod(sample, len(self._files))
        with self._lock:
            if self._order[0] != epoch:
                order = np.random.default_rng([self._seed, epoch])
                self._order = (epoch, order.permutation(len(self._files)))
            return self._files[self._order[1][index]]


class Synthetic:
    """Dead-leaves images, drawn on demand."""

    name = SYNTHETIC
    size = None

    def __init__(self, *, image_size: int, seed: int, shard: tuple[int, int]):
        self._image_size = image_size
        self._seed = [seed, *shard]

    def records(self, first: int) -> tf.data.Dataset:
        del first
        return tf.data.Dataset.from_tensors(b"").repeat()

    def load(self, sample: int, record: bytes, side: int | None) -> np.ndarray:
        rng = np.random.default_rng([*self._seed, sample])
        return dead_leaves.dead_leaves_image(self._image_size, rng)

    def describe(self, sample: int, record: bytes) -> str:
        return f"{SYNTHETIC} image {sample}"


def content_images(
    sources: Sequence[str],
    *,
    image_size: int,
    batch_size: int,
    seed: int,
    resize: str = "crop",
    start: int = 0,
    download: bool = False,
    data_dir: str | None = None,
    shard: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Returns an endless, repeatable stream of batches of content images.

    Files that cannot be used (damaged, or a shorter side under
    `MINIMUM_SIDE`) are left out, each named once in the log; the next image
    takes the place.

    Args:
        sources: Folders, searched with their subfolders; names of TFDS
            datasets ("coco/2014": its train split); "synthetic": dead-leaves
            images. Each may end in ":" and its share of the images, as in
            "synthetic:0.05". Those without divide the rest in proportion to
            their numbers of images.
        image_size: Height and width of the images.
        batch_size: Images in a batch.
        seed: Of order, crops and flips.
        resize: "crop": the shorter side is resized to `image_size` and a
            random square cut out; "patch": a random square is cut out at the
            picture's own resolution (smaller pictures are left out). Both are
            mirrored half of the time. "squash": resized to a square, whatever
            the aspect, never mirrored.
        start: Position to start from: `next_position` of the last batch that
            was used.
        download: Whether a TFDS dataset that is not there is fetched.
        data_dir: Of TFDS; None for its own default.
        shard: (index, count): use the index-th of `count` disjoint parts.

    Returns:
        A dataset of (images, next_position): float32 in [0, 255], shape
        (batch_size, image_size, image_size, 3); and int64, shape
        (batch_size,), all equal: the `start` that continues after this batch.

    Raises:
        ValueError: If an argument is wrong or a source has no usable image.
        OSError: If a folder cannot be read.
    """
    _check_arguments(image_size, batch_size, resize, start, shard)
    parts, shares = [], []
    for item in sources:
        name, share = split_share(item)
        parts.append(
            _source(name, image_size=image_size, seed=seed, shard=shard,
                    download=download, data_dir=data_dir)
        )
        shares.append(share)
    order = MixedOrder(_fractions(parts, shares), seed)
    loader = _Loader(parts, order, image_size, resize, [seed, *shard])
    loader.check_sources()
    return _batches(loader, parts, order, start, batch_size, image_size, shard)


def _check_arguments(
    image_size: int,
    batch_size: int,
    resize: str,
    start: int,
    shard: tuple[int, int],
) -> None:
    if resize not in RESIZES:
        raise ValueError(
            f"`resize` must be one of {', '.join(RESIZES)}. "
            f"Received: resize={resize!r}."
        )
    for name, value, least in (
        ("image_size", image_size, 1),
        ("batch_size", batch_size, 1),
        ("start", start, 0),
    ):
        if value < least:
            raise ValueError(
                f"`{name}` must be at least {least}. Received: {value}."
            )
    if not 0 <= shard[0] < shard[1]:
        raise ValueError(
            "`shard` must be (index, count) with 0 <= index < count. "
            f"Received: shard={shard}."
        )


def split_share(item: str) -> tuple[str, float | None]:
    """Splits "name:share"; without a share, the second value is None."""
    name, colon, text = item.rpartition(":")
    if not colon or pathlib.Path(item).is_dir():
        return item, None
    try:
        share = float(text)
    except ValueError:
        return item, None
    if not 0.0 < share <= 1.0:
        raise ValueError(
            "The share of a content dataset must be more than 0 and at most "
            f"1. Received: {item!r}."
        )
    return name, share


def _source(
    name: str,
    *,
    image_size: int,
    seed: int,
    shard: tuple[int, int],
    download: bool,
    data_dir: str | None,
) -> Source:
    if pathlib.Path(name).expanduser().is_dir():
        folder = str(pathlib.Path(name).expanduser())
        return Folder(folder, seed=seed, shard=shard)
    if name == SYNTHETIC:
        return Synthetic(image_size=image_size, seed=seed, shard=shard)
    return coco.TfdsImages(
        name, seed=seed, shard=shard, download=download, data_dir=data_dir
    )


def _fractions(
    parts: Sequence[Source], shares: Sequence[float | None]
) -> list[float]:
    """Returns the fraction of the images that each source gives; sum 1."""
    if not parts:
        raise ValueError("At least one content dataset is needed. Received: none.")
    given = sum(share for share in shares if share is not None)
    open_sizes = [p.size for p, s in zip(parts, shares) if s is None]
    if not open_sizes:
        return [share / given for share in shares if share is not None]
    if len(parts) == 1:
        return [1.0]
    if None in open_sizes:
        raise ValueError(
            f"{SYNTHETIC!r} has no end; beside other content datasets it "
            f"needs a share, for example '{SYNTHETIC}:0.05'."
        )
    if given >= 1.0:
        raise ValueError(
            "The shares of the content datasets must leave something for "
            f"those without a share. Received: shares that sum to {given:g}."
        )
    total = sum(size for size in open_sizes if size is not None)
    return [
        (1.0 - given) * (part.size or 0) / total if share is None else share
        for part, share in zip(parts, shares)
    ]


class MixedOrder:
    """Which source an image comes from, and which of its samples it is."""

    def __init__(self, fractions: Sequence[float], seed: int):
        """See `_fractions`; `seed` shuffles the pattern."""
        length = _PATTERN_LENGTH if len(fractions) > 1 else 1
        ends = np.rint(np.cumsum(fractions) * length).astype(int)
        counts = np.maximum(np.diff(ends, prepend=0), 1)
        pattern = np.repeat(np.arange(len(counts)), counts)
        self._pattern = np.random.default_rng([seed]).permutation(pattern)
        self._counts = counts
        before = self._pattern[:, None] == np.arange(len(counts))
        self._before = np.cumsum(before, axis=0) - before

    def source(self, position: int) -> int:
        """Returns the number of the source."""
        return int(self._pattern[position % len(self._pattern)])

    def sample(self, position: int, source: int) -> int:
        """Returns how many images `source` gave before `position`."""
        rounds, index = divmod(position, len(self._pattern))
        return int(rounds * self._counts[source] + self._before[index, source])

    def pattern(self, start: int) -> tf.data.Dataset:
        """Returns the endless dataset of source numbers from `start`."""
        rolled = np.roll(self._pattern, -(start % len(self._pattern)))
        return tf.data.Dataset.from_tensor_slices(
            rolled.astype(np.int64)
        ).repeat()


class _Loader:
    """Turns positions into images."""

    def __init__(
        self,
        parts: Sequence[Source],
        order: MixedOrder,
        image_size: int,
        resize: str,
        seed: list[int],
    ):
        self._parts = parts
        self._order = order
        self._image_size = image_size
        self._resize = resize
        self._seed = seed
        self._skipped: dict[str, set[str]] = {p.name: set() for p in parts}
        self._lock = threading.Lock()

    def check_sources(self) -> None:
        """Refuses a folder without one usable picture."""
        for part in self._parts:
            if not isinstance(part, Folder):
                continue
            if not any(self._usable(part, j) for j in range(len(part.files))):
                raise ValueError(
                    f"None of the {len(part.files)} pictures in the folder "
                    f"{part.name} can be used; see the log for reasons."
                )

    def _usable(self, part: Source, sample: int) -> bool:
        return self._load(part, sample, b"") is not None

    def load(
        self, position: np.ndarray, record: bytes
    ) -> tuple[np.ndarray, np.bool_]:
        """Returns (image, True), or (zeros, False) for one to leave out."""
        number = self._order.source(int(position))
        part = self._parts[number]
        sample = self._order.sample(int(position), number)
        picture = self._load(part, sample, record)
        if picture is None:
            size = self._image_size
            return np.zeros([size, size, 3], np.uint8), np.bool_(False)
        rng = np.random.default_rng([*self._seed, int(position)])
        return self._square(picture, rng), np.bool_(True)

    def _load(
        self, part: Source, sample: int, record: bytes
    ) -> np.ndarray | None:
        name = part.describe(sample, record)
        if name in self._skipped[part.name]:
            return None
        side = None if self._resize == "patch" else self._image_size
        least = self._image_size if self._resize == "patch" else MINIMUM_SIDE
        try:
            picture = part.load(sample, record, side)
            if min(picture.shape[:2]) >= min(least, self._image_size):
                return picture
            reason = f"only {picture.shape[1]}x{picture.shape[0]} pixels."
        except (ValueError, OSError) as error:
            reason = str(error)
        self._skip(part, name, reason)
        return None

    def _skip(self, part: Source, name: str, reason: str) -> None:
        with self._lock:
            skipped = self._skipped[part.name]
            if name in skipped:
                return
            skipped.add(name)
            logging.warning(
                "Content image %s left out (number %d of %s): %s",
                name, len(skipped), part.name, reason,
            )
        if isinstance(part, Folder) and len(skipped) == len(part.files):
            raise ValueError(f"No picture in {part.name} can be used any more.")

    def _square(
        self, picture: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        size = self._image_size
        if self._resize == "squash":
            return image_files.resize(picture, size, size)
        if self._resize == "crop":
            picture = image_files.resize_short_side(picture, size)
        # Differs from the paper: it squashes to a square and never mirrors.
        top = rng.integers(picture.shape[0] - size + 1)
        left = rng.integers(picture.shape[1] - size + 1)
        picture = picture[top:top + size, left:left + size]
        return picture[:, ::-1] if rng.integers(2) else picture


def _batches(
    loader: _Loader,
    parts: Sequence[Source],
    order: MixedOrder,
    start: int,
    batch_size: int,
    image_size: int,
    shard: tuple[int, int],
) -> tf.data.Dataset:
    """Builds the pipeline of `content_images`."""
    records = tf.data.Dataset.choose_from_datasets(
        [p.records(order.sample(start, k)) for k, p in enumerate(parts)],
        order.pattern(start),
        stop_on_empty_dataset=False,
    )
    positions = tf.data.Dataset.range(start, np.iinfo(np.int64).max)

    def load(position: tf.Tensor, record: tf.Tensor):
        image, usable = tf.numpy_function(
            loader.load, [position, record], [tf.uint8, tf.bool]
        )
        image = tf.ensure_shape(image, [image_size, image_size, 3])
        return image, position, tf.ensure_shape(usable, [])

    def finish(images: tf.Tensor, used: tf.Tensor, usable: tf.Tensor):
        del usable
        next_position = tf.fill(tf.shape(used), used[-1] + 1)
        return (
            tf.cast(images, tf.float32),
            tf.ensure_shape(next_position, [batch_size]),
        )

    dataset = tf.data.Dataset.zip((positions, records))
    dataset = dataset.map(
        load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    dataset = dataset.filter(lambda image, position, usable: usable)
    dataset = dataset.batch(batch_size, drop_remainder=True).map(finish)
    if shard[1] > 1:
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.OFF
        )
        dataset = dataset.with_options(options)
    return dataset.prefetch(tf.data.AUTOTUNE)

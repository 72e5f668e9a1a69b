"""Streams of content images for training, from folders, COCO and synthesis.

Every image has a position in its stream, and everything about it (which
source, which file, where it is cropped) is a function of seed and position.
So a training that stopped continues exactly by starting at a position.
"""

from collections.abc import Sequence
import threading

from absl import logging
import numpy as np
import tensorflow as tf

from fastnst.data import content_sources
from fastnst.data import image_files
from fastnst.data import mixed_order

RESIZES = ("crop", "squash", "patch")
# Pictures with a shorter side have nothing to learn from but blur.
MINIMUM_SIDE = 16


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
    """Returns an endless stream of batches that can be continued anywhere.

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
        resize: "crop": a random square as large as fits is cut out and
            resized; "patch": a random square is cut out at the picture's own
            resolution (smaller pictures are left out). Both are mirrored half
            of the time. "squash": resized to a square, whatever the aspect,
            never mirrored.
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
    _check_arguments(image_size, batch_size, seed, resize, start, shard)
    named = [mixed_order.split_share(item) for item in sources]
    parts = [
        content_sources.open_source(
            name,
            image_size=image_size,
            seed=seed,
            shard=shard,
            download=download,
            data_dir=data_dir,
        )
        for name, _ in named
    ]
    fractions = mixed_order.fractions(
        [part.size for part in parts], [share for _, share in named]
    )
    order = mixed_order.MixedOrder(fractions, seed)
    loader = _Loader(parts, order, image_size, resize, [seed, *shard])
    loader.check_folders()
    dataset = _batches(loader, parts, order, start, image_size, batch_size)
    if shard[1] > 1:
        # Each worker has its own part already.
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.OFF
        )
        dataset = dataset.with_options(options)
    return dataset


def _check_arguments(
    image_size: int,
    batch_size: int,
    seed: int,
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
        ("seed", seed, 0),
        ("start", start, 0),
    ):
        if value < least:
            raise ValueError(
                f"`{name}` must be at least {least}. "
                f"Received: {name}={value}."
            )
    if not 0 <= shard[0] < shard[1]:
        raise ValueError(
            "`shard` must be (index, count) with 0 <= index < count. "
            f"Received: shard={shard}."
        )


def _batches(
    loader: "_Loader",
    parts: Sequence[content_sources.Source],
    order: mixed_order.MixedOrder,
    start: int,
    image_size: int,
    batch_size: int,
) -> tf.data.Dataset:
    """Builds the pipeline of `content_images`."""
    records = tf.data.Dataset.choose_from_datasets(
        [part.records(order.sample(start, k)) for k, part in enumerate(parts)],
        order.turns(start),
        stop_on_empty_dataset=True,
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
        next_position = tf.fill([batch_size], used[-1] + 1)
        return tf.cast(images, tf.float32), next_position

    dataset = tf.data.Dataset.zip((positions, records))
    dataset = dataset.map(
        load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    dataset = dataset.filter(lambda image, position, usable: usable)
    dataset = dataset.batch(batch_size, drop_remainder=True).map(finish)
    return dataset.prefetch(tf.data.AUTOTUNE)


class _Loader:
    """Turns positions into square images, and counts what is left out."""

    def __init__(
        self,
        parts: Sequence[content_sources.Source],
        order: mixed_order.MixedOrder,
        image_size: int,
        resize: str,
        seed: list[int],
    ):
        self._parts = parts
        self._order = order
        self._image_size = image_size
        self._resize = resize
        self._seed = seed
        self._left_out: list[set[str]] = [set() for _ in parts]
        self._lock = threading.Lock()

    def check_folders(self) -> None:
        """Refuses a folder without one usable picture."""
        for number, part in enumerate(self._parts):
            if not isinstance(part, content_sources.Folder):
                continue
            # _leave_out raises at the last of a folder's pictures.
            sample = 0
            while self._picture(number, sample, b"") is None:
                sample += 1

    def load(
        self, position: np.ndarray, record: bytes
    ) -> tuple[np.ndarray, np.bool_]:
        """Returns (image, True), or (zeros, False) for one to leave out.

        Args:
            position: int64 scalar.
            record: From the source that has its turn at the position.

        Returns:
            uint8, shape (image_size, image_size, 3); whether it can be used.
        """
        number = self._order.source(int(position))
        sample = self._order.sample(int(position), number)
        picture = self._picture(number, sample, record)
        if picture is None:
            size = self._image_size
            return np.zeros([size, size, 3], np.uint8), np.bool_(False)
        rng = np.random.default_rng([*self._seed, int(position)])
        return self._square(picture, rng), np.bool_(True)

    def _picture(
        self, number: int, sample: int, record: bytes
    ) -> np.ndarray | None:
        """Returns a picture of a source as decoded, None if not usable."""
        part = self._parts[number]
        name = part.describe(sample, record)
        if name in self._left_out[number]:
            return None
        patch = self._resize == "patch"
        least = self._image_size
        if not patch:
            least = min(MINIMUM_SIDE, least)
        try:
            side = None if patch else self._image_size
            picture = part.load(sample, record, side)
            if min(picture.shape[:2]) >= least:
                return picture
            height, width = picture.shape[:2]
            reason = f"{width}x{height} pixels, too small (under {least})."
        except (ValueError, OSError) as error:
            reason = str(error)
        self._leave_out(number, name, reason)
        return None

    def _leave_out(self, number: int, name: str, reason: str) -> None:
        part = self._parts[number]
        left_out = self._left_out[number]
        with self._lock:
            if name in left_out:
                return
            left_out.add(name)
            logging.warning(
                "Content image %s is left out (%d of %s so far): %s",
                name,
                len(left_out),
                part.name,
                reason,
            )
            if part.count is not None and len(left_out) >= part.count:
                raise ValueError(
                    f"None of the {part.count} pictures of {part.name} can be "
                    f"used. The last one: {reason}"
                )

    def _square(
        self, picture: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        size = self._image_size
        # Differs from the paper: its code squashes to a square and never
        # mirrors; that is "squash".
        if self._resize == "squash":
            return image_files.resize(picture, size, size)
        height, width = picture.shape[:2]
        side = size if self._resize == "patch" else min(height, width)
        top = rng.integers(height - side + 1)
        left = rng.integers(width - side + 1)
        square = picture[top:top + side, left:left + side]
        square = image_files.resize(square, size, size)
        return square[:, ::-1] if rng.integers(2) else square

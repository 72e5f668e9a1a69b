"""Streams of content images for training, from folders, COCO and synthesis.

Every image has a position in its stream, and everything about it (which
source, which file, where it is cropped) is a function of seed and position.
So a training that stopped continues exactly by starting at a position.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from fastnst.data import content_loader
from fastnst.data import content_sources
from fastnst.data import mixed_order


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
    16 pixels) are left out, each named once in the log; the next image
    takes the place.

    Args:
        sources: Folders, searched with their subfolders; names of TFDS
            datasets ("coco/2014": its train split, "coco/2014[:10000]": the
            first pictures of it); "synthetic": dead-leaves images. Each may
            end in ":" and its share of the images, as in "synthetic:0.05".
            Those without divide the rest in proportion to their numbers of
            images.
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
    loader = content_loader.ContentLoader(
        parts, order, image_size, resize, [seed, *shard]
    )
    loader.check_folders()
    dataset = _batches(loader, parts, order, start, image_size, batch_size)
    return dataset.with_options(_options(shard))


def _options(shard: tuple[int, int]) -> tf.data.Options:
    options = tf.data.Options()
    if shard[1] > 1:
        # Each worker has its own part already.
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.OFF
        )
    return options


def _check_arguments(
    image_size: int,
    batch_size: int,
    seed: int,
    resize: str,
    start: int,
    shard: tuple[int, int],
) -> None:
    if resize not in content_loader.RESIZES:
        raise ValueError(
            f"`resize` must be one of {', '.join(content_loader.RESIZES)}. "
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
    loader: content_loader.ContentLoader,
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
        image, outcome = tf.numpy_function(
            loader.load, [position, record], [tf.uint8, tf.int64]
        )
        image = tf.ensure_shape(image, [image_size, image_size, 3])
        return image, position, tf.ensure_shape(outcome, [])

    def finish(images: tf.Tensor, used: tf.Tensor, outcome: tf.Tensor):
        del outcome
        next_position = tf.fill([batch_size], used[-1] + 1)
        return tf.cast(images, tf.float32), next_position

    dataset = tf.data.Dataset.zip((positions, records))
    dataset = dataset.map(
        load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    dataset = dataset.take_while(
        lambda image, position, outcome: outcome != content_loader.ENDED
    )
    dataset = dataset.filter(
        lambda image, position, outcome: outcome == content_loader.USABLE
    )
    dataset = dataset.batch(batch_size, drop_remainder=True).map(finish)
    return dataset.prefetch(tf.data.AUTOTUNE)

"""Content images from TensorFlow Datasets, COCO 2014 first of all."""

import hashlib
import pathlib
import re
import shutil
import threading
import urllib.error
import urllib.request

from absl import logging
import numpy as np
import tensorflow as tf

from fastnst.data import image_files

# Undecoded pictures that wait in the shuffle, about 160 kB each. TFDS has
# shuffled them once more when it wrote its files.
_SHUFFLE_BUFFER = 1024
# TFDS does not know the size of COCO before it has fetched it: the archives
# of all splits, of which training needs one.
_DOWNLOAD_BYTES = {"coco/2014": 40.3e9}
# The archives, the unpacked pictures and the records lie on disk together.
_DISK_FACTOR = 3.0
_COCO_URL = "http://images.cocodataset.org/zips/train2014.zip"
_CHEAPER_WAY = (
    f"Cheaper: unzip {_COCO_URL} (13.5 GB) and give the folder, "
    "--content_dataset=FOLDER."
)
_SECONDS_TO_ANSWER = 6.0


class TfdsImages:
    """The pictures of the train split of a TFDS dataset.

    Records are read in order, so a start inside an epoch passes over the
    records before it, undecoded.

    Attributes:
        name: Of the dataset, as in "coco/2014", or "coco/2014[:10000]" for
            the first pictures alone.
        size: Number of training pictures.
        count: Number of those in this shard.
    """

    def __init__(
        self,
        name: str,
        *,
        seed: int,
        shard: tuple[int, int],
        download: bool,
        data_dir: str | None,
    ):
        dataset, part = _split_part(name)
        builder = _prepared(dataset, download=download, data_dir=data_dir)
        if "train" not in builder.info.splits:
            raise ValueError(
                f"A content dataset needs a train split. Received: {name!r} "
                f"with {', '.join(builder.info.splits) or 'none'}."
            )
        if "image" not in builder.info.features:
            raise ValueError(
                "A content dataset needs a feature 'image'. Received: "
                f"{name!r} with {', '.join(builder.info.features)}."
            )
        index, shards = shard
        self.name = name
        self._split = f"train{part}"
        self.size = _num_pictures(name, builder, self._split)
        self.count = len(range(index, self.size, shards))
        if self.size < shards:
            raise ValueError(
                f"{name} holds {self.size} pictures, too few for {shards} "
                "workers."
            )
        self._builder = builder
        self._seed = seed
        self._shard = shard

    def records(self, first: int) -> tf.data.Dataset:
        """Returns the endless dataset of undecoded pictures from `first`."""
        import tensorflow_datasets as tfds

        decoders = tfds.decode.PartialDecoding(
            {"image": True}, decoders={"image": tfds.decode.SkipDecoding()}
        )
        stored = self._builder.as_dataset(split=self._split, decoders=decoders)
        index, shards = self._shard
        stored = stored.map(lambda features: features["image"])
        stored = stored.shard(shards, index)

        def epoch(number: tf.Tensor) -> tf.data.Dataset:
            # Of this function's graph only; without it the order would also
            # depend on the seed of the whole program. Not 0, with which
            # TensorFlow takes no tensor as the other seed.
            tf.random.set_seed(1 + self._seed % (2**31 - 2))
            return stored.shuffle(_SHUFFLE_BUFFER, seed=number)

        start, passed = divmod(first, self.count)
        epochs = tf.data.Dataset.range(start, np.iinfo(np.int64).max)
        return epochs.flat_map(epoch).skip(passed)

    def load(self, sample: int, record: bytes, side: int | None) -> np.ndarray:
        """Decodes a record; see `content_sources.Source`."""
        del sample
        return image_files.decode_image(record, shortest_side=side).flattened()

    def describe(self, sample: int, record: bytes) -> str:
        """Names a record by its content: TFDS has no number for it."""
        del sample
        digest = hashlib.sha256(record).hexdigest()
        return f"{self.name} record with sha256 {digest[:16]}"


def _split_part(name: str) -> tuple[str, str]:
    """Splits "coco/2014[:10000]" into the dataset's name and the rest."""
    part = re.search(r"\[:[1-9]\d*\]$", name)
    return (name[: part.start()], part[0]) if part else (name, "")


def _num_pictures(name: str, builder, split: str) -> int:
    try:
        return builder.info.splits[split].num_examples
    except ValueError as error:
        there = builder.info.splits["train"].num_examples
        raise ValueError(
            f"The train split has {there} pictures. Received: {name!r}."
        ) from error


def _prepared(name: str, *, download: bool, data_dir: str | None):
    """Returns the builder of a dataset that lies on disk."""
    builder = _builder(name, data_dir)
    if builder.is_prepared():
        return builder
    needs = _needs(name, builder)
    if not download:
        raise ValueError(
            f"The TFDS dataset {name} is not in {builder.data_dir}. To fetch "
            f"it add --download_dataset ({needs}).{_cheaper_way(name)}"
        )
    logging.warning("Fetching %s: %s.%s", name, needs, _cheaper_way(name))
    _check_disk(name, builder)
    if name.startswith("coco"):
        _check_network(name)
    try:
        builder.download_and_prepare()
    # TFDS lets the errors of its many libraries through.
    except Exception as error:
        raise ValueError(
            f"TFDS could not prepare {name} in {builder.data_dir}: {error} "
            f"{_cheaper_way(name)}"
        ) from error
    return builder


def _builder(name: str, data_dir: str | None):
    refusal = (
        f"Content dataset {name!r} is neither a folder, nor 'synthetic', nor "
        "a dataset of TFDS such as 'coco/2014'."
    )
    if pathlib.Path(name).is_file():
        raise ValueError(f"{refusal} It is a file: give its folder.")
    if name.startswith(("/", ".", "~")) or not name:
        raise ValueError(refusal)
    # Takes seconds, and a training from folders does not need it.
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=data_dir)
    except ValueError as error:
        raise ValueError(refusal) from error


def _needs(name: str, builder) -> str:
    free = f"{_free_bytes(builder) / 1e9:.1f} GB free"
    size = _download_bytes(name, builder)
    if not size:
        return f"size unknown, {free} there"
    return (
        f"{size / 1e9:.1f} GB download, about {_DISK_FACTOR * size / 1e9:.0f} "
        f"GB on disk while it is prepared, {free} there"
    )


def _cheaper_way(name: str) -> str:
    return f" {_CHEAPER_WAY}" if name.startswith("coco") else ""


def _download_bytes(name: str, builder) -> float:
    return _DOWNLOAD_BYTES.get(name) or float(builder.info.download_size or 0)


def _free_bytes(builder) -> int:
    """Returns the free disk where the dataset would be written."""
    folder = pathlib.Path(builder.data_dir).absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _check_disk(name: str, builder) -> None:
    wanted = _DISK_FACTOR * _download_bytes(name, builder)
    if _free_bytes(builder) < wanted:
        raise ValueError(
            f"Too little disk for {name} in {builder.data_dir}: "
            f"{_needs(name, builder)}.{_cheaper_way(name)}"
        )


def _check_network(name: str) -> None:
    """Refuses in seconds what TFDS would retry for minutes."""
    reasons = ["no answer."]

    def ask() -> None:
        request = urllib.request.Request(_COCO_URL, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS_TO_ANSWER):
                reasons.clear()
        except (OSError, urllib.error.URLError) as error:
            reasons[:] = [f"{error}."]

    # In a thread because looking up a name does not heed the timeout.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_SECONDS_TO_ANSWER)
    if reasons:
        raise ValueError(
            f"{name} cannot be fetched, {_COCO_URL} is out of reach: "
            f"{reasons[0]}{_cheaper_way(name)}"
        )

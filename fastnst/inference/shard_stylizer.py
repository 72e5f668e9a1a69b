"""Stylizes the pictures of a shard, those of one size together."""

from collections.abc import Iterator
import dataclasses

import numpy as np
import tensorflow as tf

from fastnst.data import image_files
from fastnst.inference import collection
from fastnst.inference import memory
from fastnst.inference import size_batches
from fastnst.inference import transform
from fastnst.networks import saved_networks


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is done with every picture; plain values, which travel to workers.

    Attributes:
        network: See `network_files.resolve`; on every worker.
        output: The directory of the collection.
        style: See `ImageTransformer.transform`.
        precision: "float32" or "bfloat16".
        image_feature: The feature of the TFRecord files' examples that holds
            an encoded picture; None: the files are pictures.
        batch_size: The most pictures that run together.
        image_format: "jpeg" or "png".
        threads: Of the network; 0: one for each core.
    """

    network: str
    output: str
    style: str | None = None
    precision: str = "float32"
    image_feature: str | None = None
    batch_size: int = 8
    image_format: str = "jpeg"
    threads: int = 0


class ShardStylizer:
    """A network that is ready to stylize shards, loaded once for each worker.

    Raises:
        ValueError: If network and style do not fit.
    """

    def __init__(self, settings: Settings):
        if settings.threads:
            _limit_threads(settings.threads)
        self._settings = settings
        self._output = collection.Output(settings.output)
        self._transformer = transform.ImageTransformer.load(
            settings.network, precision=settings.precision
        )
        self._transformer.require_task("style_transfer")
        self._style = self._transformer.style_weights(settings.style)
        network = saved_networks.with_dtype_policy(
            self._transformer.network, transform.PRECISIONS[settings.precision]
        )
        names = self._transformer.style_names
        blend = self._style or [1.0] + [0.0] * (len(names) - 1)

        # Traced once, for all sizes: a collection has hundreds of them.
        @tf.function(
            input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8)],
            autograph=False,
        )
        def stylized(images):
            blends = tf.tile([blend], [tf.shape(images)[0], 1])
            result = network(tf.cast(images, tf.float32), blends)
            result = tf.round(tf.cast(result, tf.float32))
            return tf.cast(tf.clip_by_value(result, 0.0, 255.0), tf.uint8)

        self._stylized = stylized

    def run(self, shard: collection.Shard) -> collection.Report:
        """Stylizes a shard, unless it is done; returns what became of it."""
        report = self._output.report(shard)
        if report is not None:
            return report
        counts = {"done": 0, "pixels": 0}
        skipped: list[dict] = []

        def examples() -> Iterator[bytes]:
            for names, pictures in size_batches.size_batches(
                self._pictures(shard, skipped),
                batch_size=self._settings.batch_size,
            ):
                for name, picture in zip(names, self._batch(pictures)):
                    counts["done"] += 1
                    counts["pixels"] += picture.shape[0] * picture.shape[1]
                    yield self._example(name, picture)

        self._output.write(shard, examples())
        report = collection.Report(**counts, skipped=tuple(skipped))
        self._output.finish(shard, report)
        return report

    def _pictures(
        self, shard: collection.Shard, skipped: list[dict]
    ) -> Iterator[tuple[str, np.ndarray]]:
        for name, data in self._encoded(shard, skipped):
            try:
                yield name, image_files.decode_image(data).flattened()
            except (ValueError, MemoryError) as error:
                _skip(skipped, name, error)

    def _encoded(
        self, shard: collection.Shard, skipped: list[dict]
    ) -> Iterator[tuple[str, bytes]]:
        """Yields name and content of every picture that can be read."""
        for source in shard.sources:
            try:
                if self._settings.image_feature is None:
                    with tf.io.gfile.GFile(source, "rb") as file:
                        yield source, file.read()
                else:
                    yield from self._records(source, skipped)
            # Of a TFRecord file, what comes after a damaged record is lost.
            except (OSError, tf.errors.OpError) as error:
                _skip(skipped, source, error)

    def _records(
        self, source: str, skipped: list[dict]
    ) -> Iterator[tuple[str, bytes]]:
        for number, record in enumerate(tf.data.TFRecordDataset(source)):
            name = f"{source}#{number}"
            try:
                example = tf.train.Example.FromString(record.numpy())
                feature = example.features.feature[self._settings.image_feature]
                (data,) = feature.bytes_list.value
            # protobuf raises an error of its own for what is no example.
            except Exception:
                wanted = self._settings.image_feature
                _skip(skipped, name, f"no picture in feature {wanted!r}")
            else:
                yield name, data

    def _batch(self, pictures: np.ndarray) -> np.ndarray:
        """Stylizes pictures of one size, in parts if memory is short."""
        count, height, width = pictures.shape[:3]
        if memory.fits(self._transformer.network, count * height, width):
            return self._stylized(tf.constant(pictures)).numpy()
        return self._transformer.transform(pictures, self._style)

    def _example(self, name: str, picture: np.ndarray) -> bytes:
        if self._settings.image_format == "jpeg":
            data = tf.io.encode_jpeg(
                picture, quality=95, chroma_downsampling=False
            )
        else:
            data = tf.io.encode_png(picture)
        features = {
            "image/filename": name.encode(),
            "image/encoded": data.numpy(),
            "image/format": self._settings.image_format.encode(),
        }
        return tf.train.Example(
            features=tf.train.Features(
                feature={
                    key: tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[value])
                    )
                    for key, value in features.items()
                }
            )
        ).SerializeToString()


def _skip(skipped: list[dict], name: str, error: Exception | str) -> None:
    reason = " ".join(str(error).split()) or type(error).__name__
    skipped.append({"name": name, "reason": reason})


def _limit_threads(threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        pass  # TensorFlow runs already in this process.

"""What TensorBoard shows of a training, each step once."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import pathlib
import time
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from fastnst.training import failures
from fastnst.training import per_style
from fastnst.training import training_step

_EVERY = 10


class Shown(NamedTuple):
    """What is shown of a validation photo.

    Attributes:
        picture: uint8, shape (height, width, 3).
        scalars: Name to value; their means over the photos are shown too.
    """

    picture: np.ndarray
    scalars: Mapping[str, float] = {}


class EventLog(keras.callbacks.Callback):
    """Writes scalars of the first ten steps, then of every tenth; pictures.

    Args:
        directory: Where TensorBoard looks.
        photos: uint8 images, shape (height, width, 3): the fixed validation
            photos.
        show: Makes of a photo what is shown.
        pictures_every: Number of steps between pictures.
        batch_size: Images per step.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        photos: Sequence[np.ndarray],
        show: Callable[[np.ndarray], Shown],
        *,
        pictures_every: int,
        batch_size: int,
    ):
        super().__init__()
        self._directory = directory
        self._photos = photos
        self._show = show
        self._pictures_every = pictures_every
        self._batch_size = batch_size
        self._writer: Any = None
        self._last = (0, 0.0)
        self._unwritten: list[Mapping[str, Any]] = []

    def on_train_begin(self, logs=None):
        step = _step(self.model)
        if self._writer is None:
            # A new start writes the pictures of step 0 again.
            forget_after(self._directory, step or -1)
            self._writer = tf.summary.create_file_writer(str(self._directory))
            if step == 0:
                self._write_pictures(0)
        self._last = (step, time.monotonic())

    def on_train_batch_end(self, batch, logs=None):
        step = _step(self.model)
        self._unwritten.append(logs)
        if step <= _EVERY or step % _EVERY == 0:
            self._write_scalars(step, logs)
        if step % self._pictures_every == 0:
            self._write_pictures(step)
            self._last = (step, time.monotonic())

    def _write_scalars(self, step, logs):
        before, then = self._last
        now = time.monotonic()
        self._last = (step, now)
        images = (step - before) * self._batch_size
        rate = tf.convert_to_tensor(self.model.optimizer.learning_rate)
        values = {
            **per_style.without_sums(logs),
            **per_style.means(self._unwritten),
        }
        self._unwritten = []
        with self._writing(step):
            for name, value in values.items():
                tf.summary.scalar(_tag(name), np.mean(value))
            tf.summary.scalar("training/learning_rate", rate)
            if images and now > then:
                tf.summary.scalar(
                    "training/images_per_second", images / (now - then)
                )

    def _write_pictures(self, step):
        values: dict[str, list[float]] = {}
        with self._writing(step):
            for number, photo in enumerate(self._photos):
                shown = self._show(photo)
                tf.summary.image(f"validation/{number}", shown.picture[None])
                for name, value in shown.scalars.items():
                    values.setdefault(name, []).append(value)
                    tf.summary.scalar(f"validation_{name}/{number}", value)
            for name, numbers in values.items():
                tf.summary.scalar(f"validation/{name}", np.mean(numbers))

    @contextlib.contextmanager
    def _writing(self, step: int):
        """Gives what is written inside its step, and has it on disk after.

        So a kill leaves no gap before the checkpoint of this step, and a full
        disk is told here: Keras' fit takes one of TensorFlow's errors for the
        end of the data.
        """
        try:
            with self._writer.as_default(step=step):
                yield
            self._writer.flush()
        except tf.errors.OpError as error:
            raise OSError(
                f"{self._directory} cannot be written: "
                f"{failures.reason(error)} The last checkpoint is kept: make "
                "room and give the same command again."
            ) from error


def _tag(name: str) -> str:
    """Groups the curves: the objective, its terms, and the terms weighted."""
    if name == training_step.TOTAL:
        return "objective/total"
    if name == training_step.GRADIENT_NORM:
        return "training/gradient_norm"
    if name.startswith(per_style.STYLE_OF):
        return f"styles/{name.removeprefix(per_style.STYLE_OF)}"
    prefix = training_step.WEIGHTED_PREFIX
    if name.startswith(prefix):
        return f"objective_weighted/{name[len(prefix):]}"
    return f"objective_terms/{name}"


def _step(model: keras.Model) -> int:
    return int(model.optimizer.iterations.numpy())


def forget_after(directory: pathlib.Path, step: int) -> None:
    """Removes from event files what a killed training wrote after `step`.

    A training that is continued writes these steps again; TensorBoard would
    show them twice.

    Args:
        directory: Where the event files are; need not exist.
        step: The last step to keep.
    """
    for unfinished in directory.glob(".events.out.tfevents.*"):
        unfinished.unlink()  # TensorBoard would read it.
    for path in directory.glob("events.out.tfevents.*"):
        kept = [
            record for record in _records(path) if _step_of(record) <= step
        ]
        if not any(_holds_values(record) for record in kept):
            path.unlink()
            continue
        temporary = path.with_name(f".{path.name}")
        try:
            with tf.io.TFRecordWriter(str(temporary)) as writer:
                for record in kept:
                    writer.write(record)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _records(path: pathlib.Path) -> list[bytes]:
    records = []
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            records.append(record.numpy())
    except tf.errors.DataLossError:
        pass  # The record that was being written when the process was killed.
    return records


def _holds_values(record: bytes) -> bool:
    return bool(tf.compat.v1.Event.FromString(record).summary.value)


def _step_of(record: bytes) -> int:
    return tf.compat.v1.Event.FromString(record).step

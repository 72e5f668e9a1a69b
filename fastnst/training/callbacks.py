"""What happens between the steps of a training."""

from collections.abc import Callable
from collections.abc import Sequence
import math
import pathlib
import shutil
import sys
import time

from absl import logging
import keras
import numpy as np
import tensorflow as tf

from fastnst.training import failures
from fastnst.training import stop_signals
from fastnst.training import training_step

_LINE_EVERY_SECONDS = 30.0


class NotFiniteError(ValueError):
    """A term of the objective is infinite or not a number."""


class StopOnNotFinite(keras.callbacks.Callback):
    """Ends the training before a result that is not finite is saved."""

    def on_train_batch_end(self, batch, logs=None):
        # The terms come first: what is wrong with one is wrong with the sum.
        last = (training_step.GRADIENT_NORM, training_step.TOTAL)
        values = logs or {}
        for name in [*(n for n in values if n not in last), *last]:
            if not np.all(np.isfinite(values.get(name, 0.0))):
                step = int(self.model.optimizer.iterations.numpy())
                raise NotFiniteError(
                    f"{name} is {float(np.mean(values[name]))} at step {step}: "
                    "the training is stopped, the last good checkpoint kept. "
                    "Start another --workdir with a lower --learning_rate or "
                    "a lower weight of that term."
                )


class StopOnSignal(keras.callbacks.Callback):
    """Ends the training after the running step, once a signal was noted.

    Args:
        signals: Open while the training runs.
        agree: Makes of the numbers of all workers, 0 without a signal, one
            that they share: they stop together.

    Attributes:
        received: The number of the signal that ended it, or None.
    """

    def __init__(
        self,
        signals: stop_signals.StopSignals,
        agree: Callable[[int], int] = int,
    ):
        super().__init__()
        self._signals = signals
        self._agree = agree
        self.received: int | None = None

    def on_train_batch_end(self, batch, logs=None):
        number = self._agree(self._signals.received or 0)
        if number:
            self.received = number
            self.model.stop_training = True


class Checkpoints(keras.callbacks.Callback):
    """Saves the whole state of a training: network, optimizer, position.

    Args:
        trainer: Has `transform_network`, `optimizer` (built), `data_position`
            and `usual_gradient_norm`.
        directory: Where the checkpoints are.
        every: Number of steps between checkpoints.
    """

    def __init__(self, trainer: keras.Model, directory: str, every: int):
        super().__init__()
        self._iterations = trainer.optimizer.iterations
        self._directory = pathlib.Path(directory)
        self._every = every
        self._saved: int | None = None
        self._checkpoint = tf.train.Checkpoint(
            # TensorFlow does not look into a Keras network's lists of layers:
            # the moving averages of batch normalization would be missing.
            transform_network=list(trainer.transform_network.variables),
            optimizer=trainer.optimizer,
            data_position=trainer.data_position,
            usual_gradient_norm=trainer.usual_gradient_norm,
        )
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, directory, max_to_keep=2
        )

    def restore(self, agree: Callable[[int], int] = int) -> int:
        """Restores the last state that all workers have, if there is one.

        Args:
            agree: Makes of the last steps of all workers one that all have:
                one that was killed may have saved one state less than others.

        Returns:
            The number of steps done.

        Raises:
            ValueError: If there are checkpoints, but none can be restored.
        """
        step = self._restore_last()
        agreed = agree(step)
        if agreed < step:
            self._restore_step(agreed)
        return agreed

    def _restore_step(self, step: int) -> None:
        """Restores the state of a step."""
        for path in self._manager.checkpoints or self._unlisted():
            if path.endswith(f"-{step}"):
                self._checkpoint.restore(path).assert_consumed()
                self._saved = step
                return
        raise ValueError(
            f"Another worker has the state of step {step}, which "
            f"{self._directory} has not. Copy the checkpoints of the worker "
            "that has done most steps to all others, or choose another "
            "--workdir."
        )

    def _restore_last(self) -> int:
        """Restores the last state here that is not damaged."""
        # What a process that was killed had not finished.
        for unfinished in self._directory.glob("ckpt-*_temp"):
            shutil.rmtree(unfinished, ignore_errors=True)
        paths = self._manager.checkpoints[::-1] or self._unlisted()
        for path in paths:
            try:
                self._checkpoint.restore(path).assert_consumed()
            # TensorFlow raises an IndexError where a file is too short.
            except (tf.errors.OpError, IndexError):
                logging.warning("%s is damaged and left out.", path)
            except (AssertionError, ValueError):
                raise ValueError(
                    f"{path} holds the state of another network. Choose "
                    "another --workdir."
                ) from None
            else:
                self._saved = self._step()
                return self._saved
        if paths:
            raise ValueError(
                f"All checkpoints in {self._directory} are damaged. Put back "
                "a copy of them, or choose another --workdir."
            )
        return 0

    def _unlisted(self) -> list[str]:
        """Finds checkpoints, newest first, where their list is lost."""
        paths = [
            path.with_suffix("") for path in self._directory.glob("*-*.index")
        ]
        paths.sort(key=lambda path: int(path.name.split("-")[-1]), reverse=True)
        return [str(path) for path in paths]

    def on_train_batch_end(self, batch, logs=None):
        if self._step() % self._every == 0:
            self.save()

    def save(self) -> None:
        """Saves the state, unless it is saved already.

        Raises:
            OSError: If it cannot be written; the last one is kept.
        """
        step = self._step()
        if step == self._saved:
            return
        # Keras' fit takes one of TensorFlow's errors for the end of the data.
        try:
            self._manager.save(checkpoint_number=step)
        except tf.errors.OpError as error:
            raise OSError(
                f"The checkpoint of step {step} cannot be written: "
                f"{failures.reason(error)} The last one is kept: make room "
                "and give the same command again."
            ) from error
        self._saved = step

    def _step(self) -> int:
        return int(self._iterations.numpy())


def step_costs(stages: Sequence[tuple[int, int]]) -> np.ndarray:
    """Returns the pixels of an image in every step of a training.

    Args:
        stages: Image size and number of steps of each.
    """
    sizes, steps = zip(*stages)
    return np.repeat(np.square(sizes, dtype=np.float64), steps)


class ProgressBar(keras.callbacks.Callback):
    """Prints the step, the loss, images per second and the time left.

    Args:
        costs: Cost of every step of the training, in any unit; the time left
            is that of the cost left.
        batch_size: Images per step.
    """

    def __init__(self, costs: np.ndarray, batch_size: int):
        super().__init__()
        self._batch_size = batch_size
        self._costs_left = np.append(np.cumsum(costs[::-1])[::-1], 0.0)
        self._on_terminal = sys.stdout is not None and sys.stdout.isatty()
        self._interval = 1.0 if self._on_terminal else _LINE_EVERY_SECONDS
        self._start: tuple[int, float] | None = None
        self._printed = -math.inf

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations.numpy())
        now = time.monotonic()
        if self._start is None:
            # The first step traces the graph: its time tells nothing.
            self._start = (step, now)
        last = step == len(self._costs_left) - 1
        if now - self._printed >= self._interval or last:
            self._printed = now
            loss = float(np.mean(logs[training_step.TOTAL]))
            self._print(step, now - self._start[1], loss)

    def _print(self, step, seconds, loss):
        first = self._start[0] if self._start else step
        steps = len(self._costs_left) - 1
        text = f"step {step}/{steps}  loss {loss:.4g}"
        if step > first:
            done = self._costs_left[first] - self._costs_left[step]
            left = self._costs_left[step] / done * seconds
            speed = (step - first) * self._batch_size / seconds
            text += f"  {speed:.2f} images/s  {_clock(left)} left"
        if self._on_terminal:
            filled = 30 * step // steps
            bar = "=" * filled + "." * (30 - filled)
            end = "\n" if step == steps else ""
            _say(f"\r[{bar}] {text}\x1b[K", end=end)
        else:
            _say(text)


def _say(text: str, end: str = "\n") -> None:
    """Prints; nobody may be there to read it, which must not end a training."""
    try:
        print(text, end=end, flush=True)
    except OSError:
        pass


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"

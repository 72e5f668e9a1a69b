"""What happens between the steps of a training."""

import math
import signal
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from fastnst.training import training_step

_LINE_EVERY_SECONDS = 30.0


class NotFiniteError(ValueError):
    """A term of the objective is infinite or not a number."""


class StopOnNotFinite(keras.callbacks.Callback):
    """Ends the training before a result that is not finite is saved."""

    def on_train_batch_end(self, batch, logs=None):
        for name, value in (logs or {}).items():
            total = name == training_step.TOTAL
            if not total and not np.all(np.isfinite(value)):
                step = int(self.model.optimizer.iterations.numpy())
                raise NotFiniteError(
                    f"{name} is {float(np.mean(value))} at step {step}: the "
                    "training is stopped and the last good checkpoint kept. "
                    "Lower --learning_rate or the weight of that term."
                )


class StopOnSignal(keras.callbacks.Callback):
    """Ends the training after the running step on Ctrl-C or SIGTERM.

    A second Ctrl-C ends it at once.

    Attributes:
        received: The number of the signal, or None.
    """

    def __init__(self):
        super().__init__()
        self.received = None
        self._before = {}

    def on_train_begin(self, logs=None):
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._receive)

    def on_train_batch_end(self, batch, logs=None):
        if self.received is not None:
            self.model.stop_training = True

    def restore(self) -> None:
        """Puts back the signal handlers that were there before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _receive(self, number, frame):
        del frame
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
        print("\nstopping after the running step", flush=True)


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
        self._every = every
        self._checkpoint = tf.train.Checkpoint(
            transform_network=trainer.transform_network,
            optimizer=trainer.optimizer,
            data_position=trainer.data_position,
            usual_gradient_norm=trainer.usual_gradient_norm,
        )
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, directory, max_to_keep=2
        )

    def restore(self) -> int:
        """Restores the last state, if there is one.

        Returns:
            The number of steps done.
        """
        if self._manager.latest_checkpoint:
            status = self._checkpoint.restore(self._manager.latest_checkpoint)
            status.assert_consumed()
        return self._step()

    def on_train_batch_end(self, batch, logs=None):
        if self._step() % self._every == 0:
            self.save()

    def save(self) -> None:
        """Saves the state, unless it is saved already."""
        latest = self._manager.latest_checkpoint or ""
        if not latest.endswith(f"-{self._step()}"):
            self._manager.save(checkpoint_number=self._step())

    def _step(self) -> int:
        return int(self._iterations.numpy())


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
        self._interval = 1.0 if sys.stdout.isatty() else _LINE_EVERY_SECONDS
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
        if sys.stdout.isatty():
            filled = 30 * step // steps
            bar = "=" * filled + "." * (30 - filled)
            end = "\n" if step == steps else ""
            print(f"\r[{bar}] {text}\x1b[K", end=end, flush=True)
        else:
            print(text, flush=True)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"

"""Runs a training in stages, so that it can stop and go on at any step."""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses

import keras
import numpy as np
import tensorflow as tf

from fastnst.training import callbacks as callbacks_lib
from fastnst.training import distribution as distribution_lib
from fastnst.training import per_style
from fastnst.training import stop_signals


@dataclasses.dataclass(frozen=True)
class Result:
    """How a training ended.

    Attributes:
        step: Number of steps done, in this and earlier runs.
        finished: Whether these are all.
        signal: The signal that stopped it, or None.
        losses: Name to mean over the last (at most 100) steps of this run.
    """

    step: int
    finished: bool
    signal: int | None
    losses: dict[str, float]


class _LastLosses(keras.callbacks.Callback):
    """Keeps what the last hundred steps logged."""

    def __init__(self):
        super().__init__()
        self.history = []

    def on_train_batch_end(self, batch, logs=None):
        values = {name: float(np.mean(value)) for name, value in logs.items()}
        self.history = [*self.history[-99:], values]

    def means(self) -> dict[str, float]:
        if not self.history:
            return {}
        means = {
            name: float(np.mean([values[name] for values in self.history]))
            for name in per_style.without_sums(self.history[0])
        }
        return {**means, **per_style.means(self.history)}


def run(
    trainer: keras.Model,
    stages: Sequence[tuple[int, int]],
    make_dataset: Callable[[int, int], tf.data.Dataset],
    *,
    checkpoints: callbacks_lib.Checkpoints,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    distribution: distribution_lib.Distribution | None = None,
) -> Result:
    """Trains until all stages are done or a signal comes, from where it stood.

    Args:
        trainer: Compiled, its optimizer built; has `data_position`.
        stages: (image size, number of steps) of each stage, in order.
        make_dataset: (image size, position) -> batches from that position.
        checkpoints: Restored first, saved regularly and at the end.
        callbacks: More of them; they see every step.
        distribution: Who trains; None: one device.

    Returns:
        How it ended.

    Raises:
        NotFiniteError: If a term is not finite.
        OSError: If the state cannot be saved.
    """
    workers = distribution or distribution_lib.Distribution("none")
    last = _LastLosses()
    total = 0
    try:
        step = checkpoints.restore(workers.smallest)
        with stop_signals.StopSignals("step") as signals:
            stop = callbacks_lib.StopOnSignal(signals, workers.largest)
            # The guard comes first: nothing after it may save a bad state.
            guard = callbacks_lib.StopOnNotFinite()
            every = [guard, last, *callbacks, checkpoints, stop]
            for image_size, num_steps in stages:
                total += num_steps
                if step < total and stop.received is None:
                    position = int(trainer.data_position.numpy())
                    dataset = make_dataset(image_size, position)
                    step = _fit(trainer, dataset, total - step, every)
                    if step < total and stop.received is None:
                        raise OSError(
                            f"The content images ended at step {step} of "
                            f"{total}."
                        )
            checkpoints.save()
    except tf.errors.OpError as error:
        raise OSError(
            "The training stopped: "
            f"{workers.reason(error)} The last checkpoint is kept; mend the "
            "cause and give the same command again."
        ) from error
    return Result(step, step >= total, stop.received, last.means())


def _fit(trainer, dataset, num_steps: int, callbacks) -> int:
    """Trains on images of one size; returns the number of steps done."""
    # Traced anew: the function of the last stage would go on with images of
    # any size, whose sums differ in the last bit from those of a training that
    # is restarted here.
    trainer.make_train_function(force=True)
    trainer.fit(
        dataset,
        steps_per_epoch=num_steps,
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )
    return int(trainer.optimizer.iterations.numpy())

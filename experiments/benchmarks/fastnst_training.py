"""fastnst's training step, alone and in the loop of the train command."""

import pathlib
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

from fastnst.data import content_images
from fastnst.networks import loss_network
from fastnst.networks import style_transfer_network
from fastnst.training import callbacks
from fastnst.training import event_log
from fastnst.training import run
from fastnst.training import style_objective
from fastnst.training import style_transfer_trainer

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3")
# Steps that are not timed: the first is traced, the next fill buffers.
_NUM_WARM_UP = 2


def bare_step(case, precision: str):
    """A step on one batch that is there already."""
    trainer = _trainer(case, precision)
    step = tf.function(trainer.train_step)
    images = tf.constant(case.pictures())
    position = tf.zeros([case.batch], tf.int64)
    return lambda: step((images, position))["loss"].numpy()


class _Interleaved(keras.callbacks.Callback):
    """Times steps of the loop, and between blocks of them the bare step.

    It comes last of the callbacks: what the others take belongs to the loop.

    Args:
        bare: Makes a bare step.
        steps_per_block: Of either kind, in turn.
    """

    def __init__(self, bare, steps_per_block: int):
        super().__init__()
        self.loop: list[float] = []
        self.bare: list[float] = []
        self._bare = bare
        self._steps_per_block = steps_per_block
        self._begin = 0.0

    def on_train_batch_end(self, batch, logs=None):
        done = batch + 1 - _NUM_WARM_UP
        if done < 0 or done % self._steps_per_block:
            return
        count = self._steps_per_block
        if done:
            self.loop.append((time.perf_counter() - self._begin) / count)
            begin = time.perf_counter()
            for _ in range(count):
                self._bare()
            self.bare.append((time.perf_counter() - begin) / count)
        self._begin = time.perf_counter()


def fit_against_bare_step(
    case, precision: str, photos: list[str], num_blocks: int, steps: int
) -> dict[str, list[float]]:
    """Times the loop of the train command beside the bare step.

    Pipeline, TensorBoard scalars, progress bar, guards: all that the command
    does each step. Its checkpoints (every 500 steps) and pictures (every 1000)
    do not fall into the steps that are timed.

    Args:
        case: Size and batch.
        precision: "float32" or "mixed_bfloat16".
        photos: Folders of content images.
        num_blocks: Blocks to time.
        steps: In each.

    Returns:
        Seconds per step of each block, by "loop" and "bare".
    """
    trainer = _trainer(case, precision)
    bare = bare_step(case, precision)
    for _ in range(_NUM_WARM_UP):
        bare()
    timer = _Interleaved(bare, steps)
    total = _NUM_WARM_UP + num_blocks * steps
    with tempfile.TemporaryDirectory() as folder:
        run.run(
            trainer,
            [(case.height, total)],
            lambda size, start: content_images.content_images(
                photos,
                image_size=size,
                batch_size=case.batch,
                seed=0,
                start=start,
            ),
            checkpoints=callbacks.Checkpoints(trainer, folder, total + 1),
            callbacks=[
                event_log.EventLog(
                    pathlib.Path(folder, "logs"),
                    [],
                    lambda photo: event_log.Shown(photo),
                    pictures_every=total + 1,
                    batch_size=case.batch,
                ),
                callbacks.ProgressBar(np.ones(total), case.batch),
                timer,
            ],
        )
    return {"loop": timer.loop, "bare": timer.bare}


def pipeline_images_per_second(case, photos: list[str], batches: int) -> float:
    """Times the content images alone, decoded, cut and batched."""
    dataset = content_images.content_images(
        photos, image_size=case.height, batch_size=case.batch, seed=0
    )
    iterator = iter(dataset)
    for _ in range(max(batches // 4, 1)):
        next(iterator)
    begin = time.perf_counter()
    for _ in range(batches):
        next(iterator)
    return batches * case.batch / (time.perf_counter() - begin)


def _trainer(case, precision: str):
    """Builds what the train command builds, with random VGG16 weights."""
    keras.utils.set_random_seed(0)
    network = style_transfer_network.StyleTransferNetwork(dtype=precision)
    network.build()
    features = loss_network.LossNetwork(
        STYLE_LAYERS,
        weights="random",
        compute_dtype="float32" if precision == "float32" else "bfloat16",
    )
    objective = style_objective.StyleObjective(
        features,
        [case.pictures()[0]],
        content_layer="relu3_3",
        content_weight=1.0,
        style_weights={
            layer: 5.0 / loss_network.num_channels(layer) ** 2
            for layer in STYLE_LAYERS
        },
        tv_weight=2e-6,
    )
    trainer = style_transfer_trainer.StyleTransferTrainer(network, objective)
    trainer.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    trainer.optimizer.build(network.trainable_variables)
    return trainer

"""Trains a transform network: python -m fastnst.train --flagfile=FILE."""

import os
import shlex
import sys
from typing import Any

from absl import flags

import fastnst
from fastnst import command_line
from fastnst import content_flags
from fastnst import flag_values
from fastnst import init_flags
from fastnst import loss_flags
from fastnst import stability_flags
from fastnst import style_transfer_task
from fastnst import super_resolution_flags
from fastnst import super_resolution_task

_TASKS: dict[str, Any] = {
    "style_transfer": style_transfer_task.StyleTransferTask,
    "super_resolution": super_resolution_task.SuperResolutionTask,
}

_TASK = flags.DEFINE_enum(
    "task", "style_transfer", list(_TASKS), "What the network learns."
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Directory of this training; made if missing."
)
_STEPS_PER_EPOCH = flags.DEFINE_integer(
    "steps_per_epoch",
    1000,
    "Steps between pictures of the validation photos in TensorBoard.",
    lower_bound=1,
)
_CHECKPOINT_EVERY = flags.DEFINE_integer(
    "checkpoint_every",
    500,
    "Steps between checkpoints: the most that is computed again after a kill.",
    lower_bound=1,
)
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate", 1e-3, "Adam's learning rate.", lower_bound=0.0
)
_LEARNING_RATE_SCHEDULE = flags.DEFINE_enum(
    "learning_rate_schedule",
    "constant",
    ["constant", "cosine"],
    "Cosine: a warm-up of 100 steps, then down to 2 % over all stages.",
)
_PRESET = flags.DEFINE_enum(
    "preset", "default", ["default", "paper"], "Transform network."
)
_WIDTH = flags.DEFINE_float(
    "width",
    1.0,
    "Multiplier of its numbers of filters.",
    lower_bound=0.01,
    upper_bound=16.0,
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "mixed_bfloat16"],
    "What is computed in; weights, statistics, losses and the saved network "
    "are float32.",
)
_JIT_COMPILE = flags.DEFINE_boolean(
    "jit_compile", False, "Compile the training step with XLA (pays on GPUs)."
)
_DISTRIBUTION = flags.DEFINE_enum(
    "distribution",
    "none",
    ["none", "mirrored", "multi_worker"],
    "Who trains: one device; all GPUs of this machine; those of all machines "
    "that TF_CONFIG names (export/cluster).",
)

flags.adopt_module_key_flags(content_flags)
flags.adopt_module_key_flags(init_flags)
flags.adopt_module_key_flags(loss_flags)
flags.adopt_module_key_flags(stability_flags)
flags.adopt_module_key_flags(super_resolution_flags)


def main(argv: list[str]) -> int:
    """Trains, or continues, the network of the flags."""
    del argv
    task = _task()
    stages = content_flags.stages()
    for size, _ in stages:
        task.check_image_size(size)
    if not _WORKDIR.value:
        raise ValueError("--workdir=DIR is missing: where the network goes.")

    fastnst.import_tensorflow()
    from fastnst.training import distribution as distribution_lib
    from fastnst.training import machine

    distribution = distribution_lib.Distribution(_DISTRIBUTION.value)
    distribution.check_batch_size(content_flags.BATCH_SIZE.value)
    experiment = _flag_values(task)
    workdir = _workdir(task, experiment, distribution)
    about = machine.describe(_PRECISION.value, _JIT_COMPILE.value)
    print(*about, *distribution.describe(), sep="\n", flush=True)
    with distribution.scope():
        trainer, facts = _trainer(task, stages)
    photos = content_flags.validation_photos(stages[0][0])
    for name, photo in photos:
        task.check_photo(name, photo)
    result = _run(task, trainer, stages, workdir, photos, distribution)
    if distribution.is_chief:
        facts = {"flags": experiment, **facts, **_steps(result, facts)}
        _save(task, trainer, workdir, result, photos, facts)
    # All end together: TensorFlow takes who ends before for lost.
    distribution.wait()
    return 0 if result.finished else 128 + result.signal


def _save(task, trainer, workdir, result, photos, facts) -> None:
    """Writes the network, its card and the transformed photos."""
    from fastnst.inference import transform
    from fastnst.networks import saved_networks
    from fastnst.training import machine

    transformer = transform.ImageTransformer(trainer.transform_network)
    card = {
        **task.card(transformer, photos if result.finished else []),
        "command": shlex.join(["python", "-m", "fastnst.train", *sys.argv[1:]]),
        **facts,
        # A training that was finished already has no new ones.
        "losses": result.losses or workdir.card().get("losses", {}),
        "versions": machine.versions(),
    }
    card["description"] += f": {card['total_steps']} steps"
    saved_networks.save(trainer.transform_network, workdir.network, card)
    _report(task, transformer, workdir, result, photos)


def _steps(result, facts: dict) -> dict[str, int]:
    """Returns the steps of this training, and with those it started from."""
    before = facts.get("started_from", {}).get("total_steps", 0)
    return {"steps": result.step, "total_steps": before + result.step}


def _workdir(task, experiment, distribution):
    """Opens the workdir: that of worker 0 is the training's."""
    from fastnst.training import workdir as workdir_lib

    path = str(_WORKDIR.value)
    facts = {**task.facts, **init_flags.facts()}
    if distribution.num_workers > 1:
        facts["workers"] = str(distribution.num_workers)
    if not distribution.is_chief:
        path = os.path.join(path, f"worker_{distribution.worker}")
    return workdir_lib.Workdir(
        path,
        experiment,
        facts,
        defaults={
            name: flag_values.as_text(flags.FLAGS[name].default)
            for name in experiment
        },
    )


def _task():
    """Returns the task, its own defaults set, if all flags belong to it."""
    task = _TASKS[_TASK.value]
    wrong = [name for name in task.ignored if flags.FLAGS[name].present]
    if wrong:
        raise ValueError(
            f"--{min(wrong)} does not belong to --task={_TASK.value}. Leave it "
            "out or choose another task."
        )
    for name, value in task.defaults.items():
        flags.FLAGS.set_default(name, value)
    return task()


def _flag_values(task) -> dict[str, str]:
    """Returns the flags of the task that have a value, as text."""
    values = flag_values.of_command(main.__module__)
    return {
        name: value
        for name, value in values.items()
        if name not in task.ignored
    }


def _trainer(task, stages):
    """Builds the trainer of the task, and facts for the network's card."""
    import keras

    from fastnst.training import init_network
    from fastnst.training import learning_rate

    keras.utils.set_random_seed(content_flags.SEED.value)
    network = task.build_network(_PRESET.value, _WIDTH.value, _PRECISION.value)
    network.build()
    loss_network, trainer = task.build_trainer(network, _PRECISION.value)
    facts = {}
    if loss_network is not None:
        facts["loss_network"] = {
            "name": loss_network.name,
            "weights": loss_network.weights,
            "sha256": loss_network.weights_sha256,
        }
    if init_flags.INIT_NETWORK.value:
        facts["started_from"] = init_network.copy_weights(
            init_flags.INIT_NETWORK.value, network
        )
    sizes, steps = zip(*stages)
    rate = learning_rate.schedule(
        _LEARNING_RATE_SCHEDULE.value, _LEARNING_RATE.value, sizes, steps
    )
    trainer.compile(keras.optimizers.Adam(rate), jit_compile=_JIT_COMPILE.value)
    trainer.optimizer.build(network.trainable_variables)
    return trainer, facts


def _run(task, trainer, stages, workdir, photos, distribution):
    from fastnst.training import callbacks
    from fastnst.training import run

    def batches(size, start):
        def of_shard(batch_size, shard):
            return task.batches(
                content_flags.content_images(
                    size, start, batch_size=batch_size, shard=shard
                )
            )

        return distribution.batches(of_shard, content_flags.BATCH_SIZE.value)

    shown = []
    if distribution.is_chief:
        shown = _shown(task, trainer, stages, workdir, photos)
    return run.run(
        trainer,
        stages,
        batches,
        checkpoints=callbacks.Checkpoints(
            trainer, str(workdir.checkpoints), _CHECKPOINT_EVERY.value
        ),
        callbacks=shown,
        distribution=distribution,
    )


def _shown(task, trainer, stages, workdir, photos) -> list:
    """Returns what shows the training, in TensorBoard and on the screen."""
    from fastnst.inference import transform
    from fastnst.training import callbacks
    from fastnst.training import event_log

    # In the precision of the training: in another it would be a copy.
    transformer = transform.ImageTransformer(
        trainer.transform_network, _PRECISION.value.removeprefix("mixed_")
    )
    return [
        event_log.EventLog(
            workdir.logs,
            [photo for _, photo in photos],
            lambda photo: task.show(transformer, photo),
            pictures_every=_STEPS_PER_EPOCH.value,
            batch_size=content_flags.BATCH_SIZE.value,
        ),
        callbacks.ProgressBar(
            callbacks.step_costs(stages), content_flags.BATCH_SIZE.value
        ),
    ]


def _report(task, transformer, workdir, result, photos) -> None:
    """Writes the transformed photos and says where everything is."""
    from fastnst.data import image_files

    if not result.finished:
        print(
            f"stopped after step {result.step}; the same command continues. "
            f"The network so far: {workdir.network}"
        )
        return
    print(f"network: {workdir.network}")
    workdir.validation.mkdir(exist_ok=True)
    for name, picture in task.results(transformer, photos):
        path = workdir.validation / name
        image_files.write_image(path, picture)
        print(f"validation: {path}")


if __name__ == "__main__":
    command_line.run(main)

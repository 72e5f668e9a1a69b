r"""Trains the small loss network that ships, vgg16_small, to see as VGG16 does.

    python -m fastnst.distill --flagfile=experiments/distill_vgg16.flags \
        --content_dataset=photos --networks=great_wave,wave

Photographs, stylized ones, blends of the two and pale, noisy images are shown
to both. The result is WORKDIR/vgg16_small.npz and its card; the same command
continues a training that was stopped. To use it, put both into
fastnst/pretrained/. --table=loss_network of fastnst.evaluate tells how well its
losses agree with VGG16's.
"""

import json
import pathlib

from absl import flags

import fastnst
from fastnst import command_line
from fastnst import content_flags
from fastnst import flag_values
from fastnst import loss_flags
from fastnst import whole_files
from fastnst.networks import network_files

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Directory of this training; made if missing."
)
_WIDTHS = flags.DEFINE_list(
    "widths",
    ["24", "48", "96"],
    "Channels of the three blocks; VGG16 has 64, 128 and 256.",
)
_NETWORKS = flags.DEFINE_list(
    "networks",
    [],
    "Trained style transfer networks, which stylize the images in all of their "
    "styles.",
)
_INIT_WEIGHTS = flags.DEFINE_string(
    "init_weights",
    None,
    "File of an earlier distillation with the same --widths, to go on from. "
    "Default: start from some of VGG16's own channels.",
)
_GRAM_WEIGHT = flags.DEFINE_float(
    "gram_weight",
    1.0,
    "Weight of the error of the Gram matrices; that of the features has 1.",
    lower_bound=0.0,
)
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate",
    1e-3,
    "Adam's: after a warm-up of 100 steps, down to 2 % by a cosine.",
    lower_bound=0.0,
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "mixed_bfloat16"],
    "What is computed in; weights and losses are float32.",
)
_CHECKPOINT_EVERY = flags.DEFINE_integer(
    "checkpoint_every", 100, "Steps between checkpoints.", lower_bound=1
)

for _name in (
    "batch_size",
    "content_dataset",
    "data_dir",
    "download_dataset",
    "image_size",
    "num_steps",
    "resize",
    "seed",
    "vgg16_weights",
):
    flags.declare_key_flag(_name)

# Batches of images from which the channels are chosen.
_FIRST_BATCHES = 8


def main(argv: list[str]) -> int:
    """Distills, or goes on; returns the exit code."""
    del argv
    stages = content_flags.stages()
    widths = _checked_widths()
    _check_networks()
    if content_flags.BATCH_SIZE.value % 4:
        raise ValueError(
            "--batch_size must be a multiple of 4, a quarter for each kind of "
            f"image. Received: {content_flags.BATCH_SIZE.value}."
        )
    if loss_flags.VGG16_WEIGHTS.value == "random":
        raise ValueError(
            "--vgg16_weights=random cannot teach anything: give a file or "
            "imagenet."
        )
    fastnst.import_tensorflow()
    from fastnst.training import workdir as workdir_lib

    known, origin = _origin(widths)
    workdir = workdir_lib.Workdir(
        command_line.required(_WORKDIR),
        flag_values.of_command(main.__module__),
        {f"{key} of --init_weights": value for key, value in origin.items()},
    )
    trainer, teacher = _trainer(
        stages, widths, known, begun=any(workdir.checkpoints.glob("*.index"))
    )
    result = _run(trainer, stages, workdir)
    if not result.finished:
        print(
            f"stopped after step {result.step}; the same command continues."
        )
        return 128 + result.signal
    _save(trainer.transform_network, teacher, result, workdir, origin)
    return 0


def _checked_widths() -> list[int]:
    try:
        widths = [int(width) for width in _WIDTHS.value]
    except ValueError:
        widths = []
    if len(widths) != 3 or any(
        not 1 <= width <= most for width, most in zip(widths, (64, 128, 256))
    ):
        raise ValueError(
            "--widths must be three whole numbers, at most 64,128,256. "
            f"Received: {','.join(_WIDTHS.value)}."
        )
    return widths


def _check_networks() -> None:
    for name in _NETWORKS.value:
        task = network_files.describe(name).task
        if task != "style_transfer":
            raise ValueError(
                "--networks must be style transfer networks. Received: "
                f"{name}, a {task} network."
            )


def _origin(widths: list[int]):
    """Loads what --init_weights names; returns it and what is known of it."""
    from fastnst.networks import small_loss_network

    if not _INIT_WEIGHTS.value:
        return None, {}
    path = pathlib.Path(_INIT_WEIGHTS.value)
    known = small_loss_network.load(path.read_bytes())
    found = [known.get_layer(f"block{n}_conv1").filters for n in (1, 2, 3)]
    if found != widths:
        raise ValueError(
            "--widths must be those of --init_weights, "
            f"{','.join(map(str, found))}. Received: "
            f"{','.join(_WIDTHS.value)}."
        )
    return known, {"sha256": network_files.sha256(path)}


def _trainer(stages, widths: list[int], known, begun: bool):
    """Builds the trainer and the teacher.

    Args:
        stages: Image size and number of steps of each.
        widths: Channels of the blocks.
        known: The network to go on from, or None.
        begun: Whether checkpoints will be restored: no start is needed.

    Returns:
        The trainer, its network at the start, and the teacher.
    """
    import keras

    from fastnst.networks import loss_network
    from fastnst.networks import small_loss_network
    from fastnst.training import channel_selection
    from fastnst.training import distillation
    from fastnst.training import learning_rate

    keras.utils.set_random_seed(content_flags.SEED.value)
    teacher = loss_network.LossNetwork(
        [*loss_network.VGG16_LAYERS][: len(small_loss_network.CONVOLUTIONS)],
        weights=loss_flags.VGG16_WEIGHTS.value,
        compute_dtype=_PRECISION.value.removeprefix("mixed_"),
    )
    network = small_loss_network.build(
        widths,
        [loss_network.num_channels(n) for n in small_loss_network.LAYERS],
        _PRECISION.value,
    )
    images = _images()
    if not begun:
        batches = content_flags.content_images(stages[0][0], 0)
        first = [
            images(photos, step)
            for step, (photos, _) in enumerate(batches.take(_FIRST_BATCHES))
        ]
        if known is None:
            channel_selection.initialize(network, teacher, first)
        else:
            channel_selection.go_on_from(network, known, teacher, first)
    objective = distillation.DistillationObjective(
        teacher, gram_weight=_GRAM_WEIGHT.value
    )
    trainer = distillation.Distiller(network, objective, images)
    sizes, steps = zip(*stages)
    rate = learning_rate.schedule("cosine", _LEARNING_RATE.value, sizes, steps)
    trainer.compile(keras.optimizers.Adam(rate), jit_compile=False)
    trainer.optimizer.build(network.trainable_variables)
    return trainer, teacher


def _images():
    """Loads the networks of the flags; makes images with them."""
    from fastnst.networks import saved_networks
    from fastnst.training import distillation_images

    stylizers = []
    for name in _NETWORKS.value:
        network = saved_networks.load(name)
        stylizers += distillation_images.in_every_style(
            saved_networks.with_dtype_policy(network, _PRECISION.value)
        )
    return distillation_images.DistillationImages(
        stylizers, seed=content_flags.SEED.value
    )


def _run(trainer, stages, workdir):
    from fastnst.training import callbacks
    from fastnst.training import run

    return run.run(
        trainer,
        stages,
        content_flags.content_images,
        checkpoints=callbacks.Checkpoints(
            trainer, str(workdir.checkpoints), _CHECKPOINT_EVERY.value
        ),
        callbacks=[
            callbacks.ProgressBar(
                callbacks.step_costs(stages), content_flags.BATCH_SIZE.value
            )
        ],
    )


def _save(network, teacher, result, workdir, origin) -> None:
    """Writes the network and its card; prints what it measured last."""
    from fastnst.networks import small_loss_network
    from fastnst.training import machine

    path = workdir.path / small_loss_network.WEIGHTS.name
    small_loss_network.save(network, path)
    card_path = path.with_suffix(".json")
    before = json.loads(card_path.read_bytes()) if card_path.exists() else {}
    card = {
        "description": "VGG16 to relu3_3 in "
        f"{','.join(_WIDTHS.value)} channels",
        "teacher": {"name": teacher.name, "sha256": teacher.weights_sha256},
        "flags": flag_values.of_command(main.__module__),
        **({"started_from": origin} if origin else {}),
        "steps": result.step,
        # A distillation that was finished already has no new ones.
        "losses": result.losses or before.get("losses", {}),
        "versions": machine.versions(),
        "weights_stored_as": "float16",
    }
    card = network_files.without_folders(card)
    text = network_files.card_text(card)
    whole_files.write_text(card_path, text)
    for name, value in result.losses.items():
        print(f"{name}: {value:.4g}")
    print(f"loss network: {path}, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    command_line.run(main)

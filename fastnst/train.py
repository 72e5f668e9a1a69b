"""Trains a transform network: python -m fastnst.train --flagfile=FILE."""

import shlex
import sys

from absl import flags

import fastnst
from fastnst import command_line
from fastnst import loss_flags

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Directory of this training; made if missing."
)
_CONTENT_DATASET = flags.DEFINE_list(
    "content_dataset",
    ["coco/2014"],
    "Content images: TFDS names, folders and 'synthetic', separated by commas, "
    "each with :SHARE if wanted.",
)
_DOWNLOAD_DATASET = flags.DEFINE_boolean(
    "download_dataset", False, "Download and prepare a missing TFDS data set."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Where TFDS keeps its data. Default: TFDS' own."
)
_RESIZE = flags.DEFINE_enum(
    "resize",
    "crop",
    ["crop", "squash"],
    "How content images become squares: short side resized, cropped and "
    "flipped at random; or squashed, as in the paper.",
)
_IMAGE_SIZE = flags.DEFINE_list(
    "image_size", ["256"], "Side of the content images of each stage, pixels."
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 4, "Images per step.", lower_bound=1
)
_NUM_STEPS = flags.DEFINE_list(
    "num_steps", ["40000"], "Number of steps of each stage."
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
_VALIDATION_IMAGES = flags.DEFINE_list(
    "validation_images",
    [],
    "Photos or folders shown in TensorBoard and stylized at the end. Default: "
    "four content images.",
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
    "width", 1.0, "Multiplier of its numbers of filters.", lower_bound=0.01
)
_INIT_NETWORK = flags.DEFINE_string(
    "init_network",
    None,
    "Trained network to start from: a name, a .keras file or a workdir.",
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
_SEED = flags.DEFINE_integer("seed", 0, "Seed of weights and data.")

flags.adopt_module_key_flags(loss_flags)


def main(argv: list[str]) -> int:
    """Trains, or continues, the network of the flags."""
    del argv
    stages = _stages()
    pictures = loss_flags.style_pictures()
    if not _WORKDIR.value:
        raise ValueError("--workdir=DIR is missing: where the network goes.")

    fastnst.import_tensorflow()
    from fastnst.training import machine
    from fastnst.training import workdir as workdir_lib

    facts = {f"sha256 of style {p['name']}": p["sha256"] for p in pictures}
    workdir = workdir_lib.Workdir(_WORKDIR.value, _flag_values(), facts)
    for line in machine.describe(_PRECISION.value, _JIT_COMPILE.value):
        print(line, flush=True)
    trainer, facts = _style_transfer()
    photos = _validation_photos()
    result = _run(trainer, stages, workdir, photos)

    from fastnst.networks import saved_networks

    card = {
        "description": f"{', '.join(trainer.transform_network.style_names)}: "
        f"{result.step} steps",
        "command": shlex.join(["python", "-m", "fastnst.train", *sys.argv[1:]]),
        "flags": _flag_values(),
        "style_images": pictures,
        **facts,
        "steps": result.step,
        "losses": result.losses,
        "versions": machine.versions(),
    }
    saved_networks.save(trainer.transform_network, workdir.network, card)
    return _report(trainer.transform_network, workdir, result, photos)


def _stages():
    sizes = _whole_numbers("image_size", _IMAGE_SIZE.value, 32)
    steps = _whole_numbers("num_steps", _NUM_STEPS.value, 1)
    if len(sizes) != len(steps):
        raise ValueError(
            "--image_size and --num_steps must hold one number for each stage. "
            f"Received: {len(sizes)} sizes and {len(steps)} numbers of steps."
        )
    return list(zip(sizes, steps))


def _whole_numbers(name: str, values: list[str], least: int) -> list[int]:
    try:
        result = [int(value) for value in values]
    except ValueError:
        result = []
    if not result or min(result) < least:
        raise ValueError(
            f"--{name} must be whole numbers of at least {least}, separated by "
            f"commas. Received: {','.join(values)}."
        )
    return result


def _flag_values() -> dict[str, str]:
    """Returns the flags of this command that have a value, as text."""
    this = sys.modules[main.__module__]
    return {
        flag.name: (
            ",".join(flag.value)
            if isinstance(flag.value, list)
            else str(flag.value)
        )
        for flag in sorted(
            flags.FLAGS.get_key_flags_for_module(this), key=lambda f: f.name
        )
        if flag.value not in (None, [])
    }


def _style_transfer():
    """Builds the trainer of a style network, and facts for its card."""
    import keras

    from fastnst.networks import style_transfer_network
    from fastnst.training import init_network
    from fastnst.training import learning_rate
    from fastnst.training import style_transfer_trainer

    keras.utils.set_random_seed(_SEED.value)
    network = style_transfer_network.StyleTransferNetwork(
        _PRESET.value,
        width=_WIDTH.value,
        style_names=loss_flags.style_names(),
        dtype=_PRECISION.value,
    )
    network.build()
    loss_network, objective = loss_flags.build_style_objective(
        _PRECISION.value
    )
    facts = {
        "loss_network": {
            "name": "VGG16",
            "weights": loss_network.weights,
            "sha256": loss_network.weights_sha256,
        }
    }
    if _INIT_NETWORK.value:
        facts["started_from"] = init_network.copy_weights(
            _INIT_NETWORK.value, network
        )
    trainer = style_transfer_trainer.StyleTransferTrainer(network, objective)
    sizes, steps = zip(*_stages())
    rate = learning_rate.schedule(
        _LEARNING_RATE_SCHEDULE.value, _LEARNING_RATE.value, sizes, steps
    )
    trainer.compile(keras.optimizers.Adam(rate), jit_compile=_JIT_COMPILE.value)
    trainer.optimizer.build(network.trainable_variables)
    return trainer, facts


def _batches(image_size: int, start: int):
    from fastnst.data import content_images

    return content_images.content_images(
        _CONTENT_DATASET.value,
        image_size=image_size,
        batch_size=_BATCH_SIZE.value,
        seed=_SEED.value,
        resize=_RESIZE.value,
        start=start,
        download=_DOWNLOAD_DATASET.value,
        data_dir=_DATA_DIR.value,
    )


def _validation_photos():
    """Returns name and uint8 pixels of the validation photos."""
    from fastnst.data import image_files

    # Opening the content images here finds what is wrong with them at once.
    batches = _batches(_stages()[0][0], 0)
    if _VALIDATION_IMAGES.value:
        return [
            (path.stem, image_files.read_image(path).flattened())
            for path in image_files.find_images(_VALIDATION_IMAGES.value)
        ]
    images, _ = next(iter(batches))
    return [
        (f"content_{number}", image)
        for number, image in enumerate(images.numpy().astype("uint8")[:4])
    ]


def _run(trainer, stages, workdir, photos):
    import numpy as np

    from fastnst.inference import transform
    from fastnst.training import callbacks
    from fastnst.training import event_log
    from fastnst.training import run

    transformer = transform.ImageTransformer(trainer.transform_network)

    def content_beside_stylized(photo):
        return np.concatenate([photo, transformer.stylize(photo)], axis=1)

    costs = np.concatenate(
        [np.full(steps, float(size) ** 2) for size, steps in stages]
    )
    return run.run(
        trainer,
        stages,
        _batches,
        checkpoints=callbacks.Checkpoints(
            trainer, str(workdir.checkpoints), _CHECKPOINT_EVERY.value
        ),
        callbacks=[
            event_log.EventLog(
                workdir.logs,
                [photo for _, photo in photos],
                content_beside_stylized,
                pictures_every=_STEPS_PER_EPOCH.value,
                batch_size=_BATCH_SIZE.value,
            ),
            callbacks.ProgressBar(costs, _BATCH_SIZE.value),
        ],
    )


def _report(network, workdir, result, photos) -> int:
    """Writes the stylized validation photos and says where everything is."""
    from fastnst.data import image_files
    from fastnst.inference import transform

    if not result.finished:
        print(
            f"stopped after step {result.step}; the same command continues. "
            f"The network so far: {workdir.network}"
        )
        return 128 + result.signal
    print(f"network: {workdir.network}")
    transformer = transform.ImageTransformer(network)
    workdir.stylized.mkdir(exist_ok=True)
    for name, photo in photos:
        for style in network.style_names:
            path = workdir.stylized / f"{name}_{style}.png"
            image_files.write_image(path, transformer.stylize(photo, style))
            print(f"stylized: {path}")
    return 0


if __name__ == "__main__":
    command_line.run(main)

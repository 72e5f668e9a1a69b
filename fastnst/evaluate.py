r"""Measures a trained network and writes the tables of the results.

    python -m fastnst.evaluate --table=objective --network=wave \
        --images=photos --style_image=wave.png --output_dir=results
    python -m fastnst.evaluate --table=artifacts --network=wave \
        --images=photos --style_image=wave.png --output_dir=results
    python -m fastnst.evaluate --table=speed --network=wave \
        --images=photo.jpg --style_image=wave.png --output_dir=results
    python -m fastnst.evaluate --table=super_resolution --images=set5 \
        --factor=4 --network=sr_x4_pixel --output_dir=results
    python -m fastnst.evaluate --table=loss_network --images=photos \
        --stylizers=great_wave,wave --image_size=128 --output_dir=results
    python -m fastnst.evaluate --table=flicker --network=wave \
        --images=photos --output_dir=results

`objective`: eq. (5) of the photos and of the network's output, term by term,
and Figure 5 of the paper: how many iterations of L-BFGS the network equals.
Layers and weights are those of the network's training, from its card; flags
replace them. A stopped run goes on where it was. `artifacts`: border frame,
checkerboard and burnt spots. `speed`: Table 1 of the paper for this machine,
the seconds of the network and of L-BFGS on the first photo. `super_resolution`:
PSNR and SSIM, beside bicubic; without --network bicubic alone. `loss_network`:
how the losses of vgg16_small rank pairs of photos and stylized photos, beside
VGG16's. `flicker`: how much each style changes from frame to frame where a
photo has camera noise, and where it pans by a pixel. Each table is printed and
written to --output_dir as CSV and Markdown.
"""

from collections.abc import Sequence
import pathlib

from absl import flags

import fastnst
from fastnst import command_line
from fastnst import flag_values
from fastnst import flicker_evaluation
from fastnst import loss_flags
from fastnst import loss_network_evaluation
from fastnst import objective_evaluation
from fastnst import speed_evaluation
from fastnst import super_resolution_evaluation

_TABLE = flags.DEFINE_enum(
    "table",
    None,
    [
        "objective",
        "artifacts",
        "speed",
        "super_resolution",
        "loss_network",
        "flicker",
    ],
    "What to measure.",
)
_NETWORK = flags.DEFINE_string(
    "network", None, "A trained network: a name, a .keras file or a workdir."
)
_STYLE = flags.DEFINE_string(
    "style",
    None,
    "Which style of a network that has several. Default: the one that was "
    "trained on the picture of --style_image.",
)
_IMAGES = flags.DEFINE_list(
    "images", None, "Photos, and folders of photos, to measure on."
)
_NUM_IMAGES = flags.DEFINE_list(
    "num_images",
    None,
    "How many of them: one number, or one for each of --image_size. Default: "
    "all.",
)
_IMAGE_SIZE = flags.DEFINE_list(
    "image_size",
    ["256"],
    "Sides of the squares that are cut from the middle of the photos, pixels. "
    "Default of --table=speed: 256,512,1024.",
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Where the tables go; made if missing."
)

flags.adopt_module_key_flags(loss_flags)
flags.adopt_module_key_flags(loss_network_evaluation)
flags.adopt_module_key_flags(objective_evaluation)
flags.adopt_module_key_flags(speed_evaluation)
flags.adopt_module_key_flags(super_resolution_evaluation)


def main(argv: list[str]) -> int:
    """Measures, prints and writes one table; returns the exit code."""
    del argv
    name = command_line.required(_TABLE)
    _check_flags_that_fit(name)
    if name == "super_resolution":
        return super_resolution_evaluation.evaluate(
            _NETWORK.value,
            command_line.required(_IMAGES),
            _photo_counts(1)[0],
            _OUTPUT_DIR.value,
        )
    if name == "speed":
        flags.FLAGS.set_default("image_size", speed_evaluation.IMAGE_SIZES)
    sizes = _sizes()
    _photo_counts(len(sizes))
    command_line.required(_OUTPUT_DIR)
    command_line.required(_IMAGES)
    if name == "loss_network":
        objective_evaluation.check_flags()
        _output_dir().mkdir(parents=True, exist_ok=True)
        return loss_network_evaluation.evaluate(
            sizes, _photos, _output_dir()
        )
    command_line.required(_NETWORK)
    if name == "flicker":
        _output_dir().mkdir(parents=True, exist_ok=True)
        return flicker_evaluation.evaluate(
            _transformer(), _STYLE.value, sizes, _photos, _output_dir()
        )
    loss_flags.one_style_image()
    tables = {
        "objective": _objective,
        "artifacts": _artifacts,
        "speed": _speed,
    }
    table = tables[name]
    _output_dir().mkdir(parents=True, exist_ok=True)
    return table(sizes)


def _check_flags_that_fit(table: str) -> None:
    """Refuses flags of other tables, which would change nothing."""
    modules = {
        "objective": objective_evaluation,
        "speed": speed_evaluation,
        "super_resolution": super_resolution_evaluation,
        "loss_network": loss_network_evaluation,
    }
    defined = flags.FLAGS.flags_by_module_dict()
    for other, module in modules.items():
        for flag in defined[module.__name__]:
            flag_values.check_used(
                flag.name, f"--table={other}", other == table
            )


def _output_dir() -> pathlib.Path:
    return pathlib.Path(command_line.required(_OUTPUT_DIR))


def _sizes() -> list[int]:
    try:
        sizes = [int(size) for size in _IMAGE_SIZE.value]
    except ValueError:
        sizes = []
    if not sizes or min(sizes) < 1 or len(set(sizes)) < len(sizes):
        raise ValueError(
            "--image_size must be whole numbers of at least 1, each once, "
            f"separated by commas. Received: {','.join(_IMAGE_SIZE.value)}."
        )
    return sizes


def _photo_counts(num_sizes: int) -> Sequence[int | None]:
    """Returns how many photos to take at each size; None is all."""
    if _NUM_IMAGES.value is None:
        return [None] * num_sizes
    try:
        numbers = [int(number) for number in _NUM_IMAGES.value]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, num_sizes) or min(numbers) < 1:
        raise ValueError(
            "--num_images must be a whole number of at least 1, or one for "
            "each of --image_size, separated by commas. Received: "
            f"{','.join(_NUM_IMAGES.value)}."
        )
    return numbers * (num_sizes // len(numbers))


def _transformer(precision: str = "float32"):
    """Loads the network, and refuses one that cannot be measured."""
    fastnst.import_tensorflow()
    from fastnst.inference import transform

    transformer = transform.ImageTransformer.load(
        command_line.required(_NETWORK), precision=precision
    )
    transformer.require_task("style_transfer")
    transformer.require_trained_loss_network()
    return transformer


def _style(transformer) -> str:
    """Returns the style that was trained on the picture of the flags."""
    from fastnst.evaluation import objective

    return objective.matching_style(
        transformer.card, loss_flags.one_style_image(), _STYLE.value
    )


def _photos(size: int):
    from fastnst.evaluation import objective

    sizes = _sizes()
    return objective.square_photos(
        command_line.required(_IMAGES),
        image_size=size,
        num_images=_photo_counts(len(sizes))[sizes.index(size)],
    )


def _objective(sizes: list[int]) -> int:
    objective_evaluation.check_flags()
    transformer = _transformer()
    return objective_evaluation.evaluate(
        transformer, _style(transformer), sizes, _photos, _output_dir()
    )


def _speed(sizes: list[int]) -> int:
    objective_evaluation.check_flags()
    speed_evaluation.check_flags()
    if not set(_photo_counts(len(sizes))) <= {None, 1}:
        raise ValueError(
            "--num_images must be 1 with --table=speed, which needs one photo. "
            f"Received: {','.join(_NUM_IMAGES.value or [])}."
        )
    transformer = _transformer(speed_evaluation.precision())
    return speed_evaluation.evaluate(
        transformer,
        _style(transformer),
        sizes,
        lambda size: _photos(size)[0],
        _output_dir(),
    )


def _artifacts(sizes: list[int]) -> int:
    transformer = _transformer()
    style = _style(transformer)
    from fastnst.data import image_files
    from fastnst.evaluation import artifacts
    from fastnst.evaluation import tables

    picture = loss_flags.one_style_image()
    style_image = image_files.read_image(picture).flattened()
    rows, failed = [], []
    for size in sizes:
        photos = [photo[0] for _, photo in _photos(size)]
        defects = artifacts.measure(
            lambda images: transformer.stylize(images, style),
            photos,
            style_image,
        )
        rows.append((size, len(photos), *defects))
        failed += [f"{size}: {line}" for line in artifacts.failures(defects)]
    header = ("size", "photos", *artifacts.Defects._fields)
    directory = _output_dir()
    print(tables.write(directory, "artifacts", header, rows), end="")
    for line in failed:
        print(line)
    return int(bool(failed))


if __name__ == "__main__":
    command_line.run(main)

"""Exports a trained network for TensorFlow Serving and for phones.

    python -m fastnst.export --network=wave --output_dir=export/products

writes, for a network called wave,

    export/products/wave/1/                          SavedModel, version 1
    export/products/wave/tflite/1/wave_*.tflite      fp16 for pictures of
        256x256 and of 512x512, and int8 for pictures of any size

and in both folders parity.json. Everything is loaded again and compared with
Keras on a picture before it gets its name: a product that differs too much
stops the export, and nothing of it is kept. The products are described in
export/README.md.
"""

import contextlib
import dataclasses
import json
import pathlib
import re

from absl import flags

import fastnst
from fastnst import command_line
from fastnst.data import image_files
from fastnst.deployment import tflite_options
from fastnst.deployment import version_directory

_FORMATS = ("saved_model", "tflite")
# A super-resolution network's result is 4 or 8 times as high and wide.
_TFLITE_SIZES = {
    "style_transfer": ("256x256", "512x512", "dynamic"),
    "super_resolution": ("128x128", "256x256", "dynamic"),
}

_NETWORK = flags.DEFINE_string(
    "network",
    None,
    "A network that ships with fastnst, a .keras file, or the workdir of a "
    "training.",
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder that gets a folder of the network's name."
)
_NAME = flags.DEFINE_string(
    "name", None, "Name of the exported network. Default: from --network."
)
_VERSION = flags.DEFINE_integer(
    "version",
    1,
    "Version; a model server runs the largest it finds.",
    lower_bound=1,
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace this version if it exists."
)
_FORMATS_FLAG = flags.DEFINE_list(
    "formats", list(_FORMATS), f"Of {', '.join(_FORMATS)}."
)
_TFLITE_SIZE = flags.DEFINE_list(
    "tflite_size",
    None,
    "Height x width of the pictures, a file for each; `dynamic` is a file for "
    "any size, which LiteRT's Interpreter runs, but no GPU. Default: "
    "256x256,512x512,dynamic; super-resolution: 128x128,256x256,dynamic.",
)
_TFLITE_PRECISION = flags.DEFINE_list(
    "tflite_precision",
    None,
    "Of fp32, fp16, int8 (dynamic range): how the weights are stored, a file "
    "for each. Default: fp16, which GPUs take; of `dynamic` int8, the smallest "
    "and on processors the fastest.",
)
_TFLITE_PIXELS = flags.DEFINE_list(
    "tflite_pixels",
    ["float32"],
    "Of float32, uint8: what the files take and return.",
)
_MAX_PIXELS = flags.DEFINE_integer(
    "max_pixels",
    None,
    "Pixels that the pictures of a request to the SavedModel may have "
    "together; more are refused before they are decoded. 0: no limit. Default: "
    "4,194,304, of the enlarged pictures if the network enlarges.",
    lower_bound=0,
)
_PHOTO = flags.DEFINE_string(
    "photo", None, "Photo to compare on. Default: a drawn picture."
)
_TIMED_RUNS = flags.DEFINE_integer(
    "timed_runs", 20, "Runs that the median time is of.", lower_bound=1
)


def main(argv: list[str]) -> None:
    """Exports the network."""
    del argv
    network_name = command_line.required(_NETWORK)
    output_dir = pathlib.Path(command_line.required(_OUTPUT_DIR)).expanduser()
    _check_flags()
    name = _export_name(network_name)
    folders = _folders(output_dir / name)
    for folder in folders.values():
        version_directory.check_free(folder, overwrite=_OVERWRITE.value)
    fastnst.import_tensorflow()
    from fastnst.networks import saved_networks

    network = saved_networks.load(network_name)
    print(f"{name}: {network_name}, compared with Keras:", flush=True)
    with contextlib.ExitStack() as stack:
        new = {
            format_name: stack.enter_context(
                version_directory.new(folder, overwrite=_OVERWRITE.value)
            )
            for format_name, folder in folders.items()
        }
        if "saved_model" in new:
            _export_saved_model(network, new["saved_model"])
        if "tflite" in new:
            _export_tflite(network, name, new["tflite"])
    for folder in folders.values():
        print(f"wrote {folder}")


def _check_flags() -> None:
    """Refuses at once what would otherwise fail after minutes."""
    check = tflite_options.check_choice
    check("--formats", _FORMATS_FLAG.value, _FORMATS)
    check("--tflite_pixels", _TFLITE_PIXELS.value, tflite_options.PIXELS)
    if _TFLITE_PRECISION.value is not None:
        check(
            "--tflite_precision",
            _TFLITE_PRECISION.value,
            tflite_options.PRECISIONS,
        )
    for size in _TFLITE_SIZE.value or []:
        tflite_options.parse_size(size)
    if _PHOTO.value:
        image_files.read_image(_PHOTO.value)


def _export_name(network_name: str) -> str:
    """Returns --name, or the name of the network, its file or its workdir."""
    path = pathlib.Path(network_name).expanduser().absolute()
    if path.name == "network.keras":
        path = path.parent
    name = _NAME.value or path.name.removesuffix(".keras")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name):
        raise ValueError(
            "--name must be letters, digits, _, - and ., a letter first. "
            f"Received: {name!r}."
        )
    return name


def _folders(parent: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns where each format goes; a model server wants whole numbers."""
    version = str(_VERSION.value)
    folders = {
        "saved_model": parent / version,
        "tflite": parent / "tflite" / version,
    }
    return {
        name: folder
        for name, folder in folders.items()
        if name in _FORMATS_FLAG.value
    }


def _export_saved_model(network, folder: pathlib.Path) -> None:
    from fastnst.deployment import saved_model

    max_pixels = _MAX_PIXELS.value
    if max_pixels is None:
        max_pixels = saved_model.MAX_PIXELS // network.factor**2
    saved_model.write(network, folder, max_pixels=max_pixels)
    comparisons = saved_model.compare(
        network, folder, photo=_PHOTO.value, num_runs=_TIMED_RUNS.value
    )
    for comparison in comparisons:
        print(f"  {comparison}", flush=True)
    _write_report(folder, comparisons)


def _export_tflite(network, name: str, folder: pathlib.Path) -> None:
    from fastnst.deployment import tflite

    sizes = _TFLITE_SIZE.value or _TFLITE_SIZES[network.task]
    comparisons = []
    for size in map(tflite_options.parse_size, sizes):
        precisions = _TFLITE_PRECISION.value or ["fp16" if size else "int8"]
        for pixels in _TFLITE_PIXELS.value:
            for precision, model in tflite.convert(
                network, size, precisions=precisions, pixels=pixels, name=name
            ):
                file = tflite_options.file_name(name, size, precision, pixels)
                comparison = tflite.compare(
                    network,
                    model,
                    size,
                    name=file,
                    precision=precision,
                    pixels=pixels,
                    photo=_PHOTO.value,
                    num_runs=_TIMED_RUNS.value,
                )
                (folder / file).write_bytes(model)
                print(f"  {comparison}", flush=True)
                comparisons.append(comparison)
    _write_report(folder, comparisons)


def _write_report(folder: pathlib.Path, comparisons: list) -> None:
    """Writes the comparisons beside the files."""
    import tensorflow as tf

    import fastnst
    from fastnst.deployment import parity

    report = {
        "network": _NETWORK.value,
        "version": _VERSION.value,
        "picture": _PHOTO.value or "drawn",
        "fastnst": fastnst.__version__,
        "tensorflow": tf.__version__,
        "comparisons": [
            {"summary": str(comparison), **dataclasses.asdict(comparison)}
            for comparison in comparisons
        ],
    }
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    (folder / parity.REPORT_FILE).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    command_line.run(main)

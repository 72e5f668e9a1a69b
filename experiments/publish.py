"""Puts a trained network into the package: python experiments/publish.py.

    python experiments/publish.py --workdir=runs/great_wave --name=great_wave

writes fastnst/pretrained/NAME.keras, its weights stored in float16 (half the
size; they are float32 again when it is loaded), and its card NAME.json, in
which absolute paths are cut to the names of the files and folders. Refused if
that changes a pixel of the three photographs by a gray level or more.
"""

import io
import json
import os
import pathlib
import zipfile

from absl import flags
import h5py
import numpy as np

import fastnst
from fastnst import command_line
from fastnst import whole_files
from fastnst.data import image_files
from fastnst.networks import half_precision
from fastnst.networks import network_files

_WORKDIR = flags.DEFINE_string("workdir", None, "Workdir of a training.")
_NAME = flags.DEFINE_string("name", None, "Name of the network.")
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", str(network_files.PRETRAINED), "Where it goes."
)
_NOTE = flags.DEFINE_string(
    "note", None, "What the card says besides, about how it was made."
)
_WEIGHTS = "model.weights.h5"
_KNOWN = pathlib.Path(__file__).with_name("model_cards.json")
_PHOTOS = pathlib.Path(__file__).with_name("photos")


def main(argv: list[str]) -> None:
    """Publishes the network of the flags."""
    del argv
    name = command_line.required(_NAME)
    workdir = pathlib.Path(command_line.required(_WORKDIR))
    trained = workdir / network_files.NETWORK_FILE
    network_files.read_config(trained)
    network = pathlib.Path(_OUTPUT_DIR.value) / f"{name}.keras"
    card = network_files.without_folders(network_files.load_card(trained))
    card["weights_stored_as"] = "float16"
    about = json.loads(_KNOWN.read_text(encoding="utf-8"))["networks"]
    if "text" in about.get(name, {}):
        card["description"] = about[name]["text"]
    if _NOTE.value:
        card["note"] = _NOTE.value
    with (
        whole_files.replacing(network.with_suffix(".json")) as temporary_card,
        whole_files.replacing(network, network_files.SUFFIX) as temporary,
    ):
        store_in_float16(trained, temporary)
        effect = float16_effect(trained, temporary)
        if not effect < 1.0:
            raise ValueError(
                "float16 must change pixels by less than a gray level. "
                f"Received: {effect:.2g} gray levels with {trained}."
            )
        card["float16_effect"] = round(effect, 2)
        temporary_card.write_text(
            network_files.card_text(card), encoding="utf-8"
        )
    print(f"{network}: {network.stat().st_size / 1e6:.1f} MB")


def store_in_float16(
    source: str | os.PathLike, target: str | os.PathLike
) -> None:
    """Copies a `.keras` file, its weights rounded to float16.

    Args:
        source: The file.
        target: The copy.

    Raises:
        ValueError: If a weight is too large for float16.
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.infolist():
            data = old.read(member)
            if member.filename == _WEIGHTS:
                data = _rounded(data)
            new.writestr(member, data, zipfile.ZIP_DEFLATED)


def float16_effect(
    whole: str | os.PathLike, rounded: str | os.PathLike
) -> float:
    """Returns by how much pictures of two networks differ, at most.

    Args:
        whole: A network.
        rounded: The same with weights in float16.

    Returns:
        The largest difference of a pixel, in gray levels, over the photographs
        of this folder and all styles.
    """
    fastnst.import_tensorflow()
    from fastnst.inference import transform

    networks = [transform.ImageTransformer.load(p) for p in (whole, rounded)]
    differences = []
    for path in sorted(_PHOTOS.glob("*.jpg")):
        photo = image_files.read_image(path).flattened().astype(np.float32)
        for style in networks[0].style_names or (None,):
            first, second = (n.transform(photo, style) for n in networks)
            differences.append(np.abs(first - second).max())
    return float(max(differences))


def _rounded(weights: bytes) -> bytes:
    with io.BytesIO(weights) as buffer:
        with h5py.File(buffer, "r+") as file:
            names: list[str] = []
            file.visit(names.append)
            for name in names:
                if isinstance(file[name], h5py.Dataset):
                    _round(file, name)
            with io.BytesIO() as compact, h5py.File(compact, "w") as result:
                for name in file:
                    file.copy(name, result)
                result.attrs.update(file.attrs)
                result.flush()
                return compact.getvalue()


def _round(file: h5py.File, name: str) -> None:
    values = np.asarray(file[name])
    if values.dtype != np.float32:
        return
    attributes = dict(file[name].attrs)
    del file[name]
    file[name] = half_precision.rounded(values, name)
    file[name].attrs.update(attributes)


if __name__ == "__main__":
    command_line.run(main)

"""Draws the contact sheet of all styles: python experiments/gallery.py.

    python experiments/gallery.py --output=experiments/results/gallery.jpg

Every style of every network that ships with fastnst, or of those of --networks,
over the photographs of --images, which are cut to squares.
"""

from collections.abc import Iterator
import pathlib

from absl import flags
import contact_sheet
import numpy as np

import fastnst
from fastnst import command_line
from fastnst.networks import network_files

_OUTPUT = flags.DEFINE_string(
    "output", "experiments/results/gallery.jpg", "The picture."
)
_IMAGES = flags.DEFINE_list(
    "images", ["experiments/photos"], "Photos, and folders of photos."
)
_NETWORKS = flags.DEFINE_list(
    "networks", None, "Networks. Default: all that ship with fastnst."
)
_SIZE = flags.DEFINE_integer(
    "size", 256, "Side of a picture, in pixels.", lower_bound=32
)
_COLUMNS = flags.DEFINE_integer(
    "columns", 2, "Styles side by side.", lower_bound=1
)


def main(argv: list[str]) -> None:
    """Stylizes the photos in all styles and writes the sheet."""
    del argv
    fastnst.import_tensorflow()
    from fastnst.data import image_files

    image_files.checked_format(_OUTPUT.value)
    pathlib.Path(_OUTPUT.value).parent.mkdir(parents=True, exist_ok=True)
    photos = [
        image_files.center_crop(
            image_files.resize_short_side(
                image_files.read_image(path).flattened(), _SIZE.value
            ),
            _SIZE.value,
        )
        for path in image_files.find_images(_IMAGES.value)
    ]
    strips = [("photographs", photos), *_stylized(photos)]
    drawn = contact_sheet.sheet(strips, _COLUMNS.value)
    image_files.write_image(_OUTPUT.value, drawn, quality=90)
    print(f"written: {_OUTPUT.value}, {len(strips) - 1} styles")


def _stylized(photos) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yields label and stylized photos of every style."""
    networks = _NETWORKS.value or network_files.list_networks()
    for network in networks:
        if network_files.describe(network).task != "style_transfer":
            continue
        transformer = fastnst.load_network(network)
        for style in transformer.style_names:
            alone = len(transformer.style_names) == 1
            label = network if alone else f"{network}: {style}"
            yield label, [transformer.stylize(p, style) for p in photos]


if __name__ == "__main__":
    command_line.run(main)

"""Draws the contact sheet of all styles: python experiments/gallery.py.

    python experiments/gallery.py --output=experiments/results/gallery.jpg

Every style of every network that ships with fastnst, or of those of --networks,
over the photographs of --images, which are cut to squares.
"""

from collections.abc import Iterator

from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont
from absl import flags
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
_GAP = 8
_LABEL = 28


def main(argv: list[str]) -> None:
    """Stylizes the photos in all styles and writes the sheet."""
    del argv
    fastnst.import_tensorflow()
    from fastnst.data import image_files

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
    drawn = sheet(strips, _COLUMNS.value)
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


def sheet(
    strips: list[tuple[str, list[np.ndarray]]], columns: int
) -> np.ndarray:
    """Lays strips of pictures out on white, a label above each.

    Args:
        strips: Label and pictures, uint8, shape (height, width, 3), all of one
            size, as many in each strip.
        columns: Number of strips side by side.

    Returns:
        uint8, shape (height, width, 3).
    """
    height, width = np.hstack(strips[0][1]).shape[:2]
    step_y, step_x = _LABEL + height + _GAP, width + 2 * _GAP
    columns = min(columns, len(strips))
    rows = -(-len(strips) // columns)
    image = Image.new(
        "RGB", (columns * step_x, rows * step_y + _GAP), "white"
    )
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(18)
    for number, (label, pictures) in enumerate(strips):
        left = number % columns * step_x + _GAP
        top = number // columns * step_y
        pen.text((left, top + _LABEL - 4), label, "black", font, anchor="ls")
        strip = Image.fromarray(np.hstack(pictures))
        image.paste(strip, (left, top + _LABEL))
    return np.asarray(image)


if __name__ == "__main__":
    command_line.run(main)

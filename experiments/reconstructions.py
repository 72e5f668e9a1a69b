"""Redraws Figures 3 and 4 of the paper: what layers of VGG16 keep of a photo.

    python experiments/reconstructions.py --image=experiments/photos/chelsea.jpg

For each layer an image that has the photo's features there (Figure 3), and one
that has its Gram matrix (Figure 4), both found by `fastnst.optimize` from
noise. Writes figure_3.png and figure_4.png to --output_dir, each the photo and
then its reconstructions, and reconstructions.csv: how close their pixels are.
"""

import pathlib
import subprocess
import sys
import tempfile

from absl import flags
import contact_sheet

from fastnst import command_line
from fastnst.data import image_files
from fastnst.evaluation import image_quality
from fastnst.evaluation import tables

_IMAGE = flags.DEFINE_string(
    "image", "experiments/photos/chelsea.jpg", "The photo."
)
_LAYERS = flags.DEFINE_list(
    "layers", ["relu1_2", "relu2_2", "relu3_3"], "Of the loss network."
)
_SIZE = flags.DEFINE_integer("size", 256, "Short side of a picture, pixels.")
_NUM_ITERATIONS = flags.DEFINE_integer(
    "num_iterations", 300, "Of L-BFGS, for each picture.", lower_bound=1
)
_VGG16_WEIGHTS = flags.DEFINE_string(
    "vgg16_weights", None, "As in `fastnst.train`."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", "experiments/results", "Where the two figures go."
)


def main(argv: list[str]) -> None:
    """Optimizes all images and writes both figures."""
    del argv
    photo = image_files.resize_short_side(
        image_files.read_image(_IMAGE.value).flattened(), _SIZE.value
    )
    output_dir = pathlib.Path(_OUTPUT_DIR.value)
    output_dir.mkdir(parents=True, exist_ok=True)
    figures = {
        "figure_3.png": lambda layer: [
            "--reconstruct=feature",
            f"--layer={layer}",
            f"--content_image={_IMAGE.value}",
        ],
        "figure_4.png": lambda layer: [
            "--reconstruct=style",
            f"--layers={layer}",
            f"--style_image={_IMAGE.value}",
            f"--style_image_size={_SIZE.value}",
        ],
    }
    rows = []
    for name, arguments in figures.items():
        strips = [("photograph", [photo])]
        for layer in _LAYERS.value:
            print(f"== {name}, {layer}", flush=True)
            picture = _optimized(arguments(layer))
            strips.append((layer, [picture]))
            rows.append((name, layer, image_quality.psnr(picture, photo)))
        drawn = contact_sheet.sheet(strips, len(strips))
        image_files.write_image(output_dir / name, drawn)
        print(f"written: {output_dir / name}", flush=True)
    tables.write_csv(
        output_dir / "reconstructions.csv", ("figure", "layer", "psnr"), rows
    )


def _optimized(arguments: list[str]):
    """Returns what `fastnst.optimize` makes: uint8 (height, width, 3)."""
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "output.png"
        arguments = [
            *arguments,
            f"--image_size={_SIZE.value}",
            f"--num_iterations={_NUM_ITERATIONS.value}",
            f"--output={output}",
        ]
        if _VGG16_WEIGHTS.value:
            arguments.append(f"--vgg16_weights={_VGG16_WEIGHTS.value}")
        done = subprocess.run(
            [sys.executable, "-m", "fastnst.optimize", *arguments], check=False
        )
        if done.returncode:
            # It has said why.
            sys.exit(done.returncode)
        return image_files.read_image(output).flattened()


if __name__ == "__main__":
    command_line.run(main)

"""Draws the style pictures of the experiments, each from a fixed seed.

    python experiments/styles/draw_styles.py [--only=wave] [--output_dir=DIR]

Needs NumPy and Pillow. The Gram matrices of the loss network see patches of a
few to some sixty pixels, so every picture is full of strokes of these sizes,
in several widths and many colors, with hardly a flat area.
"""

import argparse
import pathlib

from PIL import Image
import mosaic_picture
import swirl_picture
import wave_picture
import woodcut_picture

PICTURES = {
    "wave": wave_picture.draw,
    "mosaic": mosaic_picture.draw,
    "swirl": swirl_picture.draw,
    "woodcut": woodcut_picture.draw,
}


def save(image: Image.Image, path: pathlib.Path) -> None:
    """Writes a PNG with 256 colors chosen for this picture.

    Args:
        image: RGB.
        path: Of the file.
    """
    image.quantize(
        256, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE
    ).save(path, optimize=True)


def main() -> None:
    """Draws all pictures, or the one named by --only."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=sorted(PICTURES))
    parser.add_argument(
        "--output_dir",
        type=pathlib.Path,
        default=pathlib.Path(__file__).parent,
    )
    arguments = parser.parse_args()
    for name in [arguments.only] if arguments.only else PICTURES:
        path = arguments.output_dir / f"{name}.png"
        save(PICTURES[name](), path)
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

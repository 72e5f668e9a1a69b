"""Pictures side by side under labels, as one picture."""

from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont
import numpy as np

_GAP = 8
_LABEL = 28


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

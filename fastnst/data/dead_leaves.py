"""Dead-leaves images: synthetic pictures with the statistics of natural ones.

Opaque shapes fall on each other with radii distributed as r ** -3, which
makes the picture scale invariant (Lee, Mumford and Huang 2001, "Occlusion
Models for Natural Images", International Journal of Computer Vision 41).
"""

import numpy as np
from PIL import Image
from PIL import ImageDraw


def dead_leaves_image(size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws a square dead-leaves image.

    Args:
        size: Height and width.
        rng: Everything random comes from it.

    Returns:
        uint8, shape (size, size, 3).
    """
    image = Image.new("RGB", (size, size), (128, 128, 128))
    draw = ImageDraw.Draw(image)
    for _ in range(1000):
        radius = size / 60 / np.sqrt(1 - rng.random() * 0.9995)
        x, y = rng.uniform(-size / 4, size * 1.25, 2)
        color = tuple(int(c) for c in rng.integers(0, 256, 3))
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, fill=color)
    return np.asarray(image)

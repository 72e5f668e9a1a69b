"""Dead-leaves images: synthetic pictures with the statistics of natural ones.

Opaque shapes fall on each other with radii distributed as r ** -3, which
makes the picture scale invariant (Lee, Mumford and Huang 2001, "Occlusion
Models for Natural Images", International Journal of Computer Vision 41).
Texture and shading inside the leaves are ours.
"""

from PIL import Image
from PIL import ImageDraw
import numpy as np

# The picture is drawn this many times larger and averaged: smooth edges.
_OVERSAMPLING = 2
# Expected number of leaves over each pixel; e ** -4 stay uncovered.
_LAYERS = 4.0
# Corners of the polygons that leaves are; the last is a circle for the eye.
_CORNERS = (3, 4, 4, 5, 7, 40)
# Axes of color: brightness, blue-yellow, green-red, with their spread in
# natural images relative to each other (Ruderman, Cronin and Chiao 1998,
# "Statistics of cone responses to natural images", figure 3, rounded).
_COLOR_AXES = np.array(
    [[1.0, 1.0, 1.0], [0.5, 0.5, -1.0], [1.0, -1.0, 0.0]], np.float32
)
_COLOR_SPREADS = np.array([70.0, 20.0, 10.0], np.float32)


def dead_leaves_image(size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws a square dead-leaves image.

    Args:
        size: Height and width.
        rng: Everything random comes from it.

    Returns:
        uint8, shape (size, size, 3).
    """
    side = size * _OVERSAMPLING
    # Some pictures get no small leaves, that is, large quiet areas.
    smallest = rng.choice([1.0, 1.5, 3.0, 6.0]) * _OVERSAMPLING
    largest = max(0.75 * side, 2.0 * smallest)
    radii, centers = _fallen_leaves(side, smallest, largest, rng)
    index = _draw(side, radii, centers, rng)
    colors = _color_leaves(index, radii, centers, rng)
    blocks = colors.reshape(size, _OVERSAMPLING, size, _OVERSAMPLING, 3)
    means = np.einsum("hiwjc->hwc", blocks) / _OVERSAMPLING**2
    return np.rint(np.clip(means, 0, 255)).astype(np.uint8)


def _fallen_leaves(
    side: int, smallest: float, largest: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns radii (n,) and centers (n, 2) of the leaves that hit the frame.

    The first is the ground, which the others fall on.
    """
    span = side + 2.0 * largest
    mean_square = (
        2.0
        * np.log(largest / smallest)
        / (smallest**-2.0 - largest**-2.0)
    )
    number = int(np.ceil(_LAYERS * span**2 / (np.pi * mean_square)))
    # The inverse of the distribution function of a density r ** -3.
    quantiles = rng.random(number)
    radii = (
        smallest**-2.0 - quantiles * (smallest**-2.0 - largest**-2.0)
    ) ** -0.5
    centers = rng.uniform(-largest, side + largest, [number, 2])
    distance = np.abs(centers - side / 2.0).max(axis=1) - side / 2.0
    hits = distance < radii
    radii, centers = radii[hits], centers[hits]
    ground = [side / 2.0]
    return np.append(ground, radii), np.vstack([ground * 2, centers])


def _draw(
    side: int, radii: np.ndarray, centers: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Returns which leaf is on top of each pixel: int32, (side, side)."""
    image = Image.new("I", (side, side), 0)
    draw = ImageDraw.Draw(image)
    corners = rng.choice(_CORNERS, len(radii))
    # A polygon fills less than its circle; flat ones and thin ones occur.
    aspects = rng.uniform(0.4, 1.0, len(radii))
    turns = rng.uniform(0.0, 2.0 * np.pi, [len(radii), 2])
    for leaf in range(1, len(radii)):
        radius, (x, y) = radii[leaf], centers[leaf]
        if radius < 4.0:
            box = (x - radius, y - radius, x + radius, y + radius)
            draw.ellipse(box, fill=leaf)
            continue
        angles = np.arange(corners[leaf]) * (2.0 * np.pi / corners[leaf])
        outline = np.exp(1j * (angles + turns[leaf, 0])) * radius
        outline = outline.real + 1j * outline.imag * aspects[leaf]
        outline = outline * np.exp(1j * turns[leaf, 1]) + complex(x, y)
        # Seen as floats, complex numbers are x, y, x, y, ...
        draw.polygon(outline.view(np.float64).tolist(), fill=leaf)
    return np.asarray(image)


def _color_leaves(
    index: np.ndarray,
    radii: np.ndarray,
    centers: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns the picture: float32, shape (side, side, 3)."""
    number = len(radii)
    tint = rng.normal(0.0, 0.5, 3) * _COLOR_SPREADS
    tint[0] = 0.0
    amounts = rng.normal(size=[number, 3]) * _COLOR_SPREADS + tint
    # Brightness is spread evenly: dark and light areas must both occur.
    amounts[:, 0] = rng.uniform(8.0, 247.0, number)
    colors = (amounts @ _COLOR_AXES).astype(np.float32)
    visible = index.ravel()
    slopes = rng.normal(0.0, 12.0, [number, 2]) / radii[:, None]
    roughness = np.abs(rng.normal(0.0, 7.0, number)).astype(np.float32)
    ys, xs = np.indices(index.shape, np.float32).reshape(2, -1)
    # Light falls off linearly across a leaf: slope . (place - center).
    slopes = slopes.astype(np.float32)
    middles = (slopes * centers).sum(axis=1).astype(np.float32)
    light = xs * slopes[visible, 0] + ys * slopes[visible, 1]
    light += roughness[visible] * _texture(index.shape[0], rng).ravel()
    light -= middles[visible]
    picture = colors[visible] + light[:, None]
    return picture.reshape(*index.shape, 3)


def _texture(side: int, rng: np.random.Generator) -> np.ndarray:
    """Returns noise with a 1 / frequency amplitude spectrum, variance 1."""
    rows = np.fft.fftfreq(side)[:, None]
    columns = np.fft.rfftfreq(side)[None, :]
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = np.inf
    noise = np.fft.rfft2(rng.standard_normal([side, side]))
    texture = np.fft.irfft2(noise / frequency, s=(side, side))
    return (texture / texture.std()).astype(np.float32)

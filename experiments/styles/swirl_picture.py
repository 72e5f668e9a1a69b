"""The `swirl`: a night sky of vortices in thick strokes of oil paint."""

from PIL import Image
from PIL import ImageDraw
import brushwork
import numpy as np

WIDTH, HEIGHT = 720, 576
SUPERSAMPLING = 2
# x, y, radius and turning direction of each light in the sky.
LIGHTS = (
    (560, 120, 92, 1), (352, 196, 118, -1), (130, 92, 70, 1),
    (90, 285, 58, -1), (470, 312, 66, 1), (660, 300, 52, -1),
    (440, 46, 40, -1), (232, 40, 36, 1), (700, 30, 34, 1),
)  # fmt: skip
# From the middle of a light outward.
GLOW = (
    (255, 246, 190), (255, 214, 60), (244, 160, 36), (250, 226, 120),
    (226, 234, 190), (134, 190, 200), (70, 128, 196),
)  # fmt: skip
NIGHT = (
    (16, 28, 96), (28, 56, 150), (44, 92, 186), (18, 40, 120), (90, 150, 206),
)  # fmt: skip
HILLS = (
    (16, 54, 66), (30, 92, 84), (64, 128, 82), (20, 38, 82), (150, 164, 74),
)  # fmt: skip
FIELDS = (
    (206, 150, 40), (238, 196, 76), (160, 96, 38), (110, 128, 56),
    (246, 222, 140),
)  # fmt: skip
TREE = ((12, 24, 28), (34, 58, 36), (70, 84, 40), (92, 56, 38), (22, 30, 62))
ACCENTS = ((58, 150, 160), (196, 92, 44), (110, 84, 160), (232, 208, 120))


def draw(size_factor: float = 1.0, seed: int = 1889) -> Image.Image:
    """Draws the picture, `size_factor` times its full size."""
    rng = np.random.default_rng(seed)
    width, height = round(WIDTH * size_factor), round(HEIGHT * size_factor)
    scale = size_factor * SUPERSAMPLING
    size = width * SUPERSAMPLING, height * SUPERSAMPLING
    paint = Image.new("RGB", size, (30, 40, 84))
    relief = Image.new("L", size, 90)
    # Large strokes first; each later coat is finer and leaves gaps.
    for coat in ((21, 100, 13), (12, 74, 9.5), (7, 48, 9)):
        _coat(rng, paint, relief, scale, *coat)
    return _varnish(rng, paint, relief, scale).resize(
        (width, height), Image.Resampling.LANCZOS
    )


def _ground(x):
    """Heights of the hill line and of the field line at x."""
    hills = 402 + 34 * np.sin(x / 88 + 1.0) + 13 * np.sin(x / 33)
    fields = 474 + 22 * np.sin(x / 120 + 3.2) + 5 * np.sin(x / 29)
    return hills, fields


def _in_tree(x, y):
    """Whether a point lies in the flame-shaped tree."""
    rise = np.clip((576 - y) / 440, 0, 1)
    middle = 236 + 12 * np.sin(y / 42)
    half = 50 * np.sin(np.pi * np.clip(0.3 + 0.7 * rise, 0, 1)) ** 1.2
    half = half * (1 + 0.22 * np.sin(y / 19 + x / 60))
    return (np.abs(x - middle) < half) & (y > 138)


def _way(x, y):
    """Unit direction of the strokes at each point."""
    dx, dy = 1.0 + 0 * x, 0.42 * np.sin(x / 75 + y / 60) + 0.2 * np.sin(y / 28)
    for cx, cy, radius, turn in LIGHTS:
        rx, ry = x - cx, y - cy
        distance = np.hypot(rx, ry) + 1e-6
        pull = 3.4 * np.exp(-((distance / (radius * 1.05)) ** 2))
        # A little inward, so that the strokes spiral.
        dx = dx + pull * (-turn * ry - 0.22 * rx) / distance
        dy = dy + pull * (turn * rx - 0.22 * ry) / distance
    hills, fields = _ground(x)
    slope = (_ground(x + 2)[0] - hills) / 2
    slope = slope * np.clip(1.6 - (y - hills) / 90, -1, 1)
    dx = np.where(y > hills, 1.0, dx)
    dy = np.where(y > hills, slope + 0.3 * np.sin(x / 24 + y / 15), dy)
    fan = (x - 400) / 260
    dx = np.where(y > fields, 0.5 + 0.9 * fan, dx)
    dy = np.where(y > fields, 0.75 - 0.5 * np.abs(fan), dy)
    tree = _in_tree(x, y)
    dx = np.where(tree, 0.65 * np.sin(y / 21 + x / 17), dx)
    dy = np.where(tree, -1.0, dy)
    length = np.hypot(dx, dy) + 1e-6
    return dx / length, dy / length


def _pick_colors(rng, x, y) -> np.ndarray:
    """Base color of a stroke that starts at each point, (number, 3)."""
    bands = y / 31 + 0.9 * np.sin(x / 62 + y / 90) + rng.normal(0, 0.55, len(x))
    colors = np.asarray(NIGHT, float)[np.floor(bands).astype(int) % len(NIGHT)]
    for cx, cy, radius, _ in LIGHTS:
        share = np.hypot(x - cx, y - cy) / radius
        ring = share * 7 + rng.normal(0, 0.35, len(x))
        near = ring < len(GLOW)
        ring = np.clip(ring, 0, len(GLOW) - 1).astype(int)
        colors = np.where(near[:, None], np.asarray(GLOW, float)[ring], colors)
    hills, fields = _ground(x)
    tree = _in_tree(x, y)
    for where, depth, palette in (
        (y > hills, (y - hills) / 17, HILLS),
        (y > fields, (y - fields) / 15 + x / 60, FIELDS),
        (tree, x / 11 + y / 70, TREE),
    ):
        row = np.floor(depth + rng.normal(0, 0.5, len(x))).astype(int)
        chosen = np.asarray(palette, float)[row % len(palette)]
        colors = np.where(where[:, None], chosen, colors)
    # Broken color: now and then another tint of the palette shows through.
    stray = (rng.uniform(size=len(x)) < 0.045) & ~tree
    tints = rng.integers(0, len(ACCENTS), len(x))[stray]
    colors[stray] = np.asarray(ACCENTS, float)[tints]
    hue, light = rng.normal(0, 9, colors.shape), rng.normal(0, 9, (len(x), 1))
    return colors + hue + light


def _coat(rng, paint, relief, scale, stroke_width, length, spacing) -> None:
    """Lays one coat of strokes of a size over the whole picture."""
    y, x = np.mgrid[-10 : HEIGHT + 10 : spacing, -10 : WIDTH + 10 : spacing]
    x = x.ravel() + rng.normal(0, spacing * 0.45, x.size)
    y = y.ravel() + rng.normal(0, spacing * 0.45, y.size)
    order = rng.permutation(len(x))
    x, y = x[order], y[order]
    colors = _pick_colors(rng, x, y)
    lengths = length * rng.uniform(0.45, 1.15, len(x))
    num = 14
    path = np.zeros((num, len(x), 2))
    for i in range(num):
        path[i] = np.stack([x, y], 1)
        dx, dy = _way(x, y)
        x, y = x + dx * lengths / num, y + dy * lengths / num
    painter, carver = ImageDraw.Draw(paint), ImageDraw.Draw(relief)
    for i, color in enumerate(colors):
        width = stroke_width * rng.uniform(0.6, 1.1)
        _stroke(rng, painter, carver, path[:, i] * scale, width * scale, color)


def _stroke(rng, painter, carver, points, width, color) -> None:
    """One stroke: bristles side by side, each of its own shade and height."""
    count = int(np.clip(width / 2.8, 3, 14))
    sideways = brushwork.normals(points)
    across = np.linspace(-0.5, 0.5, count)
    for place in across[rng.permutation(count)]:
        start = int(rng.integers(0, 2 + int(3 * abs(place))))
        end = len(points) - int(rng.integers(0, 2 + int(5 * abs(place))))
        squeeze = np.sin(np.linspace(0.5, 2.75, len(points)))[:, None] ** 0.5
        bristle = points + sideways * place * width * squeeze
        shade = color * (1 + rng.normal(0, 0.075)) + rng.normal(0, 5, 3)
        line = [tuple(point) for point in bristle[start:end]]
        thickness = max(2, round(width / count * 1.7))
        ink = tuple(int(v) for v in np.clip(shade, 0, 255))
        painter.line(line, fill=ink, width=thickness, joint="curve")
        height = int(np.clip(rng.normal(128 - 90 * place**2, 34), 0, 255))
        carver.line(line, fill=height, width=thickness, joint="curve")


def _varnish(rng, paint, relief, scale) -> Image.Image:
    """Lights the relief of the paint from the upper left."""
    pixels = np.asarray(paint, np.float32)
    height = np.asarray(relief, np.float32)
    height = height + 7 * brushwork.smooth_noise(rng, height.shape, 2.2 * scale)
    slope_y, slope_x = np.gradient(height)
    light = np.clip((slope_x + slope_y) * 0.5, -34, 42)
    canvas = brushwork.smooth_noise(rng, height.shape, 1.6 * scale)
    return Image.fromarray(
        brushwork.to_uint8(pixels + (light + 2.5 * canvas)[..., None])
    )

"""The `woodcut`: mountains, pines and a lake, black lines over five colors.

Every line is a level of a smooth field, cut wider where the picture is darker,
as a gouge does; flat colors are printed under the black block, a little off.
"""

from PIL import Image
from PIL import ImageDraw
import brushwork
import numpy as np

WIDTH, HEIGHT = 720, 576
SUPERSAMPLING = 3
BLACK = np.array((26, 22, 26), np.float32)
PAPER = (240, 226, 194)
VERMILION = (206, 66, 40)
ORANGE = (232, 140, 52)
OCHRE = (222, 178, 84)
TEAL = (36, 118, 122)
SEA_GREEN = (122, 172, 146)
PLUM = (96, 48, 84)
SUN = 500, 158
LAKE = 392


def draw(size_factor: float = 1.0, seed: int = 1905) -> Image.Image:
    """Draws the picture, `size_factor` times its full size."""
    rng = np.random.default_rng(seed)
    width, height = round(WIDTH * size_factor), round(HEIGHT * size_factor)
    shape = height * SUPERSAMPLING, width * SUPERSAMPLING
    scale = SUPERSAMPLING * size_factor
    y, x = (np.mgrid[: shape[0], : shape[1]] / scale).astype(np.float32)
    wobble = [brushwork.smooth_noise(rng, shape, 70 * scale, 3) for _ in "xy"]
    wx, wy = x + 4 * wobble[0], y + 4 * wobble[1]
    color, phase, darkness = _scene(wx, wy)
    ink = _lines(phase, darkness + 0.1 * wobble[0])
    trees, snow, gouged = _pines(rng, shape, scale)
    color = np.where(trees[..., None], np.array(TEAL, np.float32), color)
    color = np.where(snow[..., None], np.array(PAPER, np.float32), color)
    ink = np.where(trees > 0, gouged, ink)
    return _press(rng, color, ink, scale).resize(
        (width, height), Image.Resampling.LANCZOS
    )


def _lines(phase, darkness) -> np.ndarray:
    """Cuts one line per unit of phase; darkness 0 to 1 is the share of ink."""
    return np.abs((phase % 1) - 0.5) * 2 < darkness


def _scene(x, y):
    """Color, line phase and darkness of every pixel, back to front."""
    radius = np.hypot(x - SUN[0], y - SUN[1])
    around = np.arctan2(y - SUN[1], x - SUN[0])
    color = np.where((y < 210)[..., None], ORANGE, OCHRE).astype(np.float32)
    wind = y / 9.5 + 1.1 * np.sin(x / 70 + y / 55) + 0.6 * np.sin(x / 31)
    color[np.sin(wind * 2 * np.pi / 6 + x / 200) > 0.55] = PAPER
    phase = wind
    darkness = 0.18 + 0.4 * np.clip(1 - y / 260, 0, 1) + 0.14 * np.sin(x / 46)
    rays = radius < 190 + 16 * np.sin(around * 22)
    phase = np.where(rays, around * 44 / (2 * np.pi), phase)
    darkness = np.where(rays, 0.12 + radius / 520, darkness)
    color[rays] = OCHRE
    color[rays & (np.sin(around * 11) > 0)] = PAPER
    disc = radius < 66
    phase = np.where(disc, radius / 9 + 0.3 * np.sin(5 * around), phase)
    darkness = np.where(disc, 0.16, darkness)
    color[disc] = VERMILION
    darkness = np.where(np.abs(radius - 68) < 2.6, 1.2, darkness)
    color, phase, darkness = _mountains(x, y, color, phase, darkness)
    return _lake(x, y, color, phase, darkness)


def _mountains(x, y, color, phase, darkness):
    """Ridges with a lit and a dark flank, gouged down the slope."""
    for peaks, lit, dark, spacing in (
        (((150, 96, 1.1), (330, 176, 1.3), (660, 186, 1.2)),
         SEA_GREEN, PLUM, 7.5),
        (((40, 230, 0.9), (245, 262, 0.8), (430, 286, 0.7), (610, 276, 0.8)),
         VERMILION, TEAL, 9.0),
    ):  # fmt: skip
        heights = np.stack(
            [
                top + steep * np.abs(x - px) * (1 + 0.12 * np.sin(x / 17))
                for px, top, steep in peaks
            ]
        )
        which = heights.argmin(0)
        ridge = heights.min(0)
        summit = np.array([peak[0] for peak in peaks], np.float32)[which]
        top = np.array([peak[1] for peak in peaks], np.float32)[which]
        here = (y > ridge) & (y < LAKE)
        spur = summit + 14 * np.sin(y / 17) + 9 * np.sin(y / 7 + summit)
        shadow = x < spur
        down = (x - summit) / (y - top + 60) * 130
        folds = down / spacing + 0.7 * np.sin(y / 13 + summit)
        across = (y - ridge) / spacing + 0.4 * np.sin(x / 12)
        phase = np.where(here, np.where(shadow, folds, across), phase)
        tone = np.where(shadow, 0.62, 0.26) + 0.1 * np.sin(y / 23 + x / 31)
        darkness = np.where(here, tone, darkness)
        flank = np.where(shadow[..., None], dark, lit)
        color = np.where(here[..., None], flank, color)
        cap = here & (y - top < 46 + 9 * np.sin(x / 6)) & (lit == SEA_GREEN)
        color[cap & ~shadow] = PAPER
        darkness = np.where(here & (np.abs(y - ridge) < 3.2), 1.2, darkness)
    return color, phase, darkness


def _lake(x, y, color, phase, darkness):
    """Water in horizontal cuts, with the path of the sun on it."""
    depth = np.clip(y - LAKE, 0, None)
    here = y > LAKE
    ripple = 9 * np.log1p(depth / 14) * 2.2
    ripple = ripple + 0.45 * np.sin(x / (13 + depth / 6) + depth / 9)
    row = np.floor(ripple)
    water = np.where((row % 3 == 0)[..., None], SEA_GREEN, TEAL)
    color = np.where(here[..., None], water, color)
    glint = np.abs(x - SUN[0] + 20 * np.sin(row * 2.4)) < 36 + depth / 3
    color[here & glint & (row % 2 == 0)] = ORANGE
    color[here & glint & (row % 4 == 1)] = VERMILION
    color[here & (np.sin(row * 5.1 + x / 57) > 0.86)] = PAPER
    tone = 0.34 + 0.24 * np.sin(x / 83 + row) - np.where(glint, 0.1, 0)
    phase = np.where(here, ripple, phase)
    darkness = np.where(here, tone, darkness)
    darkness = np.where(np.abs(y - LAKE) < 3, 1.2, darkness)
    return color, phase, darkness


def _pines(rng, shape, scale):
    """The pines on both shores.

    Returns:
        Three bool arrays: trees, the snow on them, and their black lines.
    """
    layers = [Image.new("1", shape[::-1]) for _ in range(3)]
    pens = [ImageDraw.Draw(layer) for layer in layers]
    far = [(rng.uniform(-10, 330), rng.uniform(45, 70)) for _ in range(18)]
    far += [(rng.uniform(620, 730), rng.uniform(50, 80)) for _ in range(7)]
    near = [(58, 300), (142, 226), (4, 214), (206, 150)]
    near += [(668, 262), (720, 330), (604, 150)]
    for x, height in sorted(far):
        _pine(rng, pens, scale, x, height, LAKE + 9)
    for x, height in sorted(near, key=lambda place: -place[1]):
        _pine(rng, pens, scale, x, height, 596)
    return [np.asarray(layer) for layer in layers]


def _pine(rng, pens, scale, x, height, foot) -> None:
    """One pine, tier under tier from the top; needles are short cuts."""
    tree, snow, ink = pens
    tiers = int(np.clip(height / 15, 4, 17))
    for tier in range(tiers, 0, -1):
        share = tier / tiers
        level = foot - height + height * share * 0.94
        rise = height / tiers * 1.9
        half = (0.23 * height * share + 2) * rng.uniform(0.85, 1.1)
        tip = np.array([x, level - rise])
        drops = np.array([0, 3, 0.5, 3.5, 1, 3.5, 0.5, 3, 0]) / 3.5
        hem = np.stack(
            [
                x + half * np.linspace(-1, 1, 9),
                level - rise * 0.2 + rise * 0.2 * drops + rng.normal(0, 1, 9),
            ],
            1,
        )
        outline = np.vstack([tip, hem]) * scale
        points = [tuple(point) for point in outline]
        tree.polygon(points, fill=1)
        snow.polygon(points, fill=0)
        ink.polygon(points, fill=0)
        width = max(2, round((0.9 + height / 260) * scale))
        ink.line([*points, points[0]], fill=1, width=width)
        for at in np.linspace(0.02, 1, max(4, int(half / 2.4))):
            end = hem[0] * (1 - at) + hem[-1] * at
            # The left side lies in shadow: its cuts are longer.
            start = end + (tip - end) * (0.85 if at < 0.5 else 0.38)
            line = [tuple(start * scale), tuple(end * scale)]
            ink.line(line, fill=1, width=width)
        flake = [tip, tip * 0.35 + hem[-1] * 0.65, tip * 0.5 + hem[5] * 0.5]
        flake = [tuple((point + (0, 2)) * scale) for point in flake]
        snow.polygon(flake, fill=1)
        ink.polygon(flake, fill=0)


def _press(rng, color, ink, scale) -> Image.Image:
    """Prints the colors, then the black block, on fibrous paper."""
    shape = ink.shape
    color = np.asarray(color, np.float32)
    off = round(1.1 * scale)
    color = np.roll(color, (off, -off), (0, 1))
    grain = brushwork.smooth_noise(rng, shape, (2 * scale, 40 * scale), 2)
    speckle = brushwork.smooth_noise(rng, shape, 1.5 * scale)
    missed = (grain + 0.8 * speckle > 2.8)[..., None]
    pixels = np.where(missed, 0.5 * color + 0.5 * np.array(PAPER), color)
    pixels = pixels + 5.0 * grain[..., None] + 4.0 * speckle[..., None]
    # The black ink is thinner over the grain of the wood.
    worn = (0.6 * grain + speckle > 2.2) & ink
    black = BLACK + 4 * speckle[..., None]
    pixels = np.where((ink & ~worn)[..., None], black, pixels)
    return Image.fromarray(brushwork.to_uint8(pixels))

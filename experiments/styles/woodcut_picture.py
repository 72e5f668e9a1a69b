"""The `woodcut`: mountains, pines and a lake, black lines over five colors.

Every line is a level of a smooth field, cut wider where the picture is darker,
as a gouge does; flat colors are printed under the black block, a little off.
"""

import brushwork
import numpy as np
from PIL import Image
from PIL import ImageDraw

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
    trees, snow = _pines(rng, shape, scale)
    color = np.where(trees[..., None], np.array(TEAL, np.float32) * 0.75, color)
    needles = _lines((wy + 0.9 * np.abs(wx % 34 - 17)) / 5.2, 0.66 + 0 * x)
    ink = np.where(trees, needles & ~snow, ink)
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
        (((150, 96, 1.1), (330, 176, 1.3), (660, 186, 1.2)), SEA_GREEN, PLUM, 7.5),
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
        color = np.where(here[..., None], np.where(shadow[..., None], dark, lit), color)
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
    color = np.where(
        here[..., None], np.where((row % 3 == 0)[..., None], SEA_GREEN, TEAL), color
    )
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
    """Masks of the pines on both shores, and of the snow on them."""
    trees = Image.new("1", shape[::-1])
    snow = Image.new("1", shape[::-1])
    tree_pen, snow_pen = ImageDraw.Draw(trees), ImageDraw.Draw(snow)
    places = [
        (rng.uniform(-10, 330) ** 1.0, 0.5 * rng.uniform(90, 130), LAKE + 8)
        for _ in range(26)
    ]
    places += [(rng.uniform(620, 730), rng.uniform(60, 90), LAKE + 10) for _ in range(9)]
    places += [(52, 300, 590), (128, 236, 600), (8, 220, 590), (196, 150, 600)]
    places += [(668, 270, 590), (716, 330, 596), (604, 150, 600)]
    for x, height, foot in places:
        tiers = int(np.clip(height / 17, 5, 17))
        for tier in range(tiers):
            share = (tier + 1) / tiers
            level = foot - height + height * share * 0.94
            half = 0.24 * height * share * rng.uniform(0.8, 1.12)
            rise = height / tiers * 1.9
            outline = [
                (x, level - rise), (x + half, level + rng.normal(0, 2)),
                (x + half * 0.45, level - rise * 0.14),
                (x, level + rise * 0.1), (x - half * 0.45, level - rise * 0.14),
                (x - half, level + rng.normal(0, 2)),
            ]  # fmt: skip
            tree_pen.polygon([(a * scale, b * scale) for a, b in outline], fill=1)
            side = x + half * np.array([0.95, 0.2, 0.3])
            lift = level + rise * np.array([-0.05, -0.75, -0.3])
            flake = [(a * scale, b * scale) for a, b in zip(side, lift)]
            snow_pen.polygon(flake, fill=1)
    return np.asarray(trees), np.asarray(snow)


def _press(rng, color, ink, scale) -> Image.Image:
    """Prints the colors, then the black block, on fibrous paper."""
    shape = ink.shape
    color = np.asarray(color, np.float32)
    off = round(1.1 * scale)
    color = np.roll(color, (off, -off), (0, 1))
    grain = brushwork.smooth_noise(rng, shape, (2 * scale, 40 * scale), 2)
    speckle = brushwork.smooth_noise(rng, shape, 1.5 * scale)
    missed = (grain + 0.8 * speckle > 2.1)[..., None]
    pixels = np.where(missed, 0.5 * color + 0.5 * np.array(PAPER), color)
    pixels = pixels + 5.0 * grain[..., None] + 4.0 * speckle[..., None]
    # The black ink is thinner over the grain of the wood.
    worn = (0.7 * grain + speckle > 2.0) & ink
    black = BLACK + 4 * speckle[..., None]
    pixels = np.where((ink & ~worn)[..., None], black, pixels)
    return Image.fromarray(brushwork.to_uint8(pixels))

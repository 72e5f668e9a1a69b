"""The `mosaic`: sun, hills and sea laid in tesserae that follow the forms.

The tiles are found as in Hausner, "Simulating Decorative Mosaics" (SIGGRAPH
2001): centroidal Voronoi regions under a square metric turned with the forms.
"""

from PIL import Image
import brushwork
import numpy as np

WIDTH, HEIGHT = 720, 576
GROUT = np.array((58, 50, 52), np.float32)
NIGHT = (
    (24, 44, 112), (32, 74, 158), (21, 108, 168), (86, 62, 148), (42, 33, 92),
)  # fmt: skip
DAWN = ((28, 140, 168), (112, 190, 186), (64, 108, 190), (220, 206, 170))
SUN = (
    (255, 214, 74), (240, 138, 40), (206, 52, 44), (250, 236, 180),
    (140, 26, 60),
)  # fmt: skip
RAYS = ((242, 186, 60), (226, 108, 52), (250, 226, 150), (186, 64, 72))
HILLS = (
    ((26, 104, 70), (96, 150, 52), (180, 186, 64), (12, 70, 72)),
    ((170, 68, 42), (216, 132, 58), (124, 38, 46), (232, 186, 106)),
    ((108, 42, 104), (176, 72, 124), (64, 34, 92), (222, 138, 150)),
)
SEA = (
    (10, 84, 110), (20, 138, 142), (140, 208, 190), (16, 46, 96),
    (236, 232, 206),
)  # fmt: skip


def draw(size_factor: float = 1.0, seed: int = 547) -> Image.Image:
    """Draws the picture, `size_factor` times its full size."""
    rng = np.random.default_rng(seed)
    width, height = round(WIDTH * size_factor), round(HEIGHT * size_factor)
    step = WIDTH / width
    y, x = np.mgrid[:height, :width].astype(np.float32) * step
    phase, _, tile_size = _design(x, y)
    slope_y, slope_x = np.gradient(phase)
    angle = np.arctan2(slope_y, slope_x)
    centers = _lay(rng, angle, tile_size / step)
    return _paint(rng, centers, angle, tile_size / step, step, (width, height))


def _design(x, y):
    """What is where.

    Args:
        x: float32 (height, width), in units of the full picture.
        y: The same.

    Returns:
        phase: Grows across the rows of tiles; one row of colors per unit.
        palette: Of the area (night, sun, rays, three hills, sea, moon).
        tile_size: Side of a tile, in the same units as x.
    """
    radius = np.hypot(x - 470, y - 210)
    around = np.arctan2(y - 210, x - 470)
    swirl = np.hypot(x - 150, y - 120)
    wind = y / 34 + 1.3 * np.sin(x / 85 + y / 120) + x / 260
    phase = np.where(swirl < 104, swirl / 26 + 0.35 * np.sin(3 * around), wind)
    palette = np.where(swirl < 104, 7, 0)
    size = np.where(swirl < 104, 10.5, 13.0)
    rays = radius < 178 + 30 * np.cos(around * 9)
    phase = np.where(rays, radius / 31, phase)
    palette = np.where(rays, 2, palette)
    sun = radius < 98
    phase = np.where(sun, radius / 24.5, phase)
    palette = np.where(sun, 1, palette)
    size = np.where(sun, 9.5, np.where(rays, 11.5, size))
    tops = (
        300 + 42 * np.sin(x / 96 + 0.4) + 16 * np.sin(x / 41),
        356 + 46 * np.sin(x / 130 + 2.3) + 10 * np.sin(x / 37 + 1),
        418 + 38 * np.sin(x / 105 + 4.4),
        470 + 12 * np.sin(x / 60) + 7 * np.sin(x / 23 + 2),
    )
    for index, top in enumerate(tops):
        below = y > top
        depth = (y - top) / (27, 30, 24, 19)[index]
        depth = depth + (0.25 * np.sin(x / 30) if index < 3 else 0)
        phase = np.where(below, depth, phase)
        palette = np.where(below, 3 + index, palette)
        size = np.where(below, (11.0, 13.5, 10.5, 9.5)[index], size)
    return phase.astype(np.float32), palette, size.astype(np.float32)


def _lay(rng, angle, tile_size) -> np.ndarray:
    """Spreads the tiles evenly, rows along the forms; (number, 2) as (y, x)."""
    height, width = angle.shape
    area = float(np.sum(1.0 / tile_size**2)) * 1.04
    chance = (1.0 / tile_size**2).ravel().astype(np.float64)
    chance /= chance.sum()
    flat = rng.choice(chance.size, int(area), replace=False, p=chance)
    centers = np.stack(np.unravel_index(flat, (height, width)), 1).astype(float)
    y, x = np.mgrid[:height, :width]
    for _ in range(14):
        owner, _ = _nearest(centers, angle, tile_size, angle.shape, 1)
        count = np.bincount(owner.ravel(), minlength=len(centers))
        kept = count > 0
        sums = [
            np.bincount(owner.ravel(), axis.ravel(), minlength=len(kept))
            for axis in (y, x)
        ]
        centers = np.stack(sums, 1)[kept] / count[kept, None]
    return centers


def _nearest(centers, angle, tile_size, shape, scale):
    """Assigns each pixel to the tile nearest in the tile's own square metric.

    Returns:
        owner: int32 of `shape`, index of the tile.
        margin: float32, how much farther the second nearest tile is.
    """
    best = np.full(shape, 1e9, np.float32)
    second = np.full(shape, 1e9, np.float32)
    owner = np.zeros(shape, np.int32)
    for index, (cy, cx) in enumerate(centers):
        at = int(cy), int(cx)
        reach = float(tile_size[at]) * scale * 1.7 + 2
        top, left = (max(0, int(c * scale - reach)) for c in (cy, cx))
        window = (
            slice(top, int(cy * scale + reach) + 1),
            slice(left, int(cx * scale + reach) + 1),
        )
        rows, columns = best[window].shape
        dy = (np.arange(top, top + rows) + 0.5)[:, None] - (cy + 0.5) * scale
        dx = (np.arange(left, left + columns) + 0.5)[None] - (cx + 0.5) * scale
        cos, sin = np.cos(angle[at]), np.sin(angle[at])
        u, v = np.abs(dx * cos + dy * sin), np.abs(dy * cos - dx * sin)
        distance = np.maximum(u, v) + 0.12 * np.minimum(u, v)
        distance = distance.astype(np.float32)
        nearer = distance < best[window]
        pushed = np.where(nearer, best[window], distance)
        second[window] = np.minimum(second[window], pushed)
        best[window] = np.where(nearer, distance, best[window])
        owner[window] = np.where(nearer, index, owner[window])
    return owner, second - best


def _colors(rng, centers, step) -> np.ndarray:
    """One color per tile: by area and row, with strays as in real mosaics."""
    y, x = (centers * step).T.astype(np.float32)
    phase, palette, _ = _design(x, y)
    palettes = (NIGHT, SUN, RAYS, *HILLS, SEA, DAWN)
    colors = np.zeros((len(centers), 3), np.float32)
    for index, choices in enumerate(palettes):
        here = palette == index
        row = np.floor(phase + rng.normal(0, 0.16, len(phase))).astype(int)
        stray = rng.uniform(size=len(row)) < 0.1
        row = np.where(stray, rng.integers(0, 99, len(row)), row)
        colors[here] = np.asarray(choices, np.float32)[row[here] % len(choices)]
    gold = rng.uniform(size=len(colors)) < 0.025
    colors[gold] = (226, 180, 72)
    colors *= 1 + 0.1 * rng.normal(size=(len(colors), 1))
    return colors + rng.normal(0, 7, colors.shape)


def _paint(rng, centers, angle, tile_size, step, size) -> Image.Image:
    """Colors, beveled edges, surface of the stone and grout, then reduces."""
    scale = 2
    shape = size[1] * scale, size[0] * scale
    owner, margin = _nearest(centers, angle, tile_size, shape, scale)
    edge = margin * step / scale
    pixels = _colors(rng, centers, step)[owner]
    stone = brushwork.smooth_noise(rng, shape, 5 * scale / step, 3)
    pixels = pixels * (1 + 0.055 * stone[..., None])
    y, x = np.mgrid[: shape[0], : shape[1]]
    tilt = rng.normal(0, 1, (len(centers), 2))
    local = np.stack([y, x], -1) - (centers * scale)[owner]
    sheen = (local * tilt[owner]).sum(-1) * step / scale
    pixels += (2.6 * sheen)[..., None]
    slope_y, slope_x = np.gradient(np.minimum(edge, 4.5))
    light = -(slope_y + slope_x) * scale / step
    rim = np.clip((4.5 - edge) / 2.5, 0, 1)
    pixels += (26 * light * rim)[..., None]
    cover = np.clip((edge - 1.5) * scale / step, 0, 1)[..., None]
    sand = brushwork.smooth_noise(rng, shape, 2 * scale / step)
    mortar = GROUT + 9 * sand[..., None]
    shade = np.clip(edge / 1.5, 0, 1)[..., None] * -14
    pixels = pixels * cover + (mortar + shade) * (1 - cover)
    picture = Image.fromarray(brushwork.to_uint8(pixels))
    return picture.resize(size, Image.Resampling.LANCZOS)

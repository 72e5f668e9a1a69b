"""Noise, curves and the canvas that the four style pictures share.

Coordinates are in pixels of the finished picture, x to the right and y down;
a `Canvas` draws them several times larger, and `finish` reduces the picture
once at the end, so every edge is smooth.
"""

from PIL import Image
from PIL import ImageDraw
import numpy as np

Color = tuple[int, int, int]


class Canvas:
    """An RGB picture drawn `supersampling` times larger than it will be.

    Args:
        width: Of the finished picture.
        height: Of the finished picture.
        color: Of the empty canvas.
        supersampling: Canvas pixels per finished pixel, each direction.
        unit: Length of one drawing unit in finished pixels: a design made
            for 768 pixels is drawn smaller with a `unit` below 1.
    """

    def __init__(self, width, height, color, supersampling=3, unit=1.0):
        self.size = (width, height)
        self.scale = supersampling * unit
        self.image = Image.new(
            "RGB", (width * supersampling, height * supersampling), color
        )
        self._draw = ImageDraw.Draw(self.image)

    def _points(self, points) -> list[tuple[float, float]]:
        return [(x * self.scale, y * self.scale) for x, y in points]

    def fill(self, points, color: Color) -> None:
        """Fills the polygon through `points`."""
        self._draw.polygon(self._points(points), fill=color)

    def line(self, points, width: float, color: Color) -> None:
        """Draws an open line of one width, with round joints."""
        self._draw.line(
            self._points(points),
            fill=color,
            width=max(1, round(width * self.scale)),
            joint="curve",
        )

    def stroke(self, points, widths, color: Color) -> None:
        """Draws a line whose width changes from point to point."""
        self.fill(ribbon(points, widths), color)

    def disc(self, center, radius: float, color: Color) -> None:
        """Fills a circle."""
        x, y = center[0] * self.scale, center[1] * self.scale
        radius *= self.scale
        self._draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius), fill=color
        )

    def pixels(self) -> np.ndarray:
        """Returns a copy of the large picture, float32 (height, width, 3)."""
        return np.asarray(self.image, np.float32).copy()

    def replace(self, pixels: np.ndarray) -> None:
        """Puts float pixels [0, 255] in place of the large picture."""
        self.image = Image.fromarray(to_uint8(pixels))
        self._draw = ImageDraw.Draw(self.image)

    def finish(self) -> Image.Image:
        """Returns the picture reduced to its size."""
        return self.image.resize(self.size, Image.Resampling.LANCZOS)


def to_uint8(pixels: np.ndarray) -> np.ndarray:
    """Rounds and clips float pixels to uint8."""
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def curve(points, num: int = 80) -> np.ndarray:
    """Passes a Catmull-Rom curve through points, evenly sampled by length.

    Args:
        points: (number, 2) through which the curve goes, ends included.
        num: Samples on the result.

    Returns:
        float64, shape (num, 2).
    """
    points = np.asarray(points, np.float64)
    ends = [2 * points[0] - points[1], 2 * points[-1] - points[-2]]
    padded = np.vstack([ends[0], points, ends[1]])
    t = np.linspace(0, 1, 40, endpoint=False)[:, None]
    pieces = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:]):
        pieces.append(
            0.5
            * (
                2 * p1
                + (p2 - p0) * t
                + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                + (3 * p1 - p0 - 3 * p2 + p3) * t**3
            )
        )
    return resample(np.vstack([*pieces, points[-1:]]), num)


def resample(points: np.ndarray, num: int) -> np.ndarray:
    """Spaces `num` points evenly along a polyline."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.linspace(0, length[-1], num)
    return np.stack([np.interp(at, length, points[:, i]) for i in (0, 1)], 1)


def normals(points: np.ndarray) -> np.ndarray:
    """Returns unit vectors to the right of the way along a polyline."""
    way = np.gradient(np.asarray(points, np.float64), axis=0)
    way /= np.maximum(np.hypot(way[:, :1], way[:, 1:]), 1e-9)
    return np.stack([-way[:, 1], way[:, 0]], 1)


def ribbon(points, widths) -> np.ndarray:
    """Returns the outline of a line of changing width."""
    points = np.asarray(points, np.float64)
    offset = normals(points) * np.asarray(widths)[:, None] / 2
    return np.vstack([points + offset, (points - offset)[::-1]])


def smooth_noise(rng, shape, cell, octaves: int = 1) -> np.ndarray:
    """Makes smooth random values, about standard normal.

    Args:
        rng: A `numpy.random.Generator`.
        shape: (height, width) of the result.
        cell: Size of the largest blobs in pixels, or one per axis.
        octaves: Layers, each half as large and half as strong.

    Returns:
        float32 of that shape.
    """
    total = np.zeros(shape, np.float32)
    cell = np.broadcast_to(np.asarray(cell, float), 2)
    for octave in range(octaves):
        step = np.maximum(cell / 2**octave, 1.0)
        grid = np.ceil(np.asarray(shape) / step).astype(int) + 3
        blobs = Image.fromarray(rng.normal(size=grid).astype(np.float32))
        box = (1, 1, 1 + shape[1] / step[1], 1 + shape[0] / step[0])
        layer = blobs.resize(shape[::-1], Image.Resampling.BICUBIC, box=box)
        total += np.asarray(layer) / 2**octave
    return total / max(float(total.std()), 1e-6)


def mix(first, second, share) -> Color:
    """Mixes two colors; share 0 is the first."""
    mixed = np.asarray(first) * (1 - share) + np.asarray(second) * share
    return tuple(int(round(value)) for value in mixed)


def vary(rng, color, amount: float = 8.0) -> Color:
    """Moves a color a little: lightness first, hue less."""
    shift = rng.normal(0, amount) + rng.normal(0, amount / 2, 3)
    return tuple(int(v) for v in np.clip(np.asarray(color) + shift, 0, 255))

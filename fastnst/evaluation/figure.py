"""Figure 5 as a picture: the objective by iteration, one panel for each size.

Drawn with Pillow, which is there anyway.
"""

from collections.abc import Sequence
import math
import os
from typing import NamedTuple

from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont
import numpy as np

from fastnst.data import image_files

_Color = tuple[int, int, int]

# Drawn larger and reduced, which smooths the lines.
_SCALE = 2
_PANEL = (420, 360)
# Left, top, right, bottom of the axes in a panel.
_MARGINS = (70, 40, 15, 50)
_BLACK = (0, 0, 0)
_GREY = (225, 225, 225)
_LEGEND_LINE = 18


class Line(NamedTuple):
    """One line with the deviation around it.

    Attributes:
        label: For the legend.
        color: RGB.
        mean: Values by iteration from 0 on; a single one is drawn all along.
        deviation: As many.
    """

    label: str
    color: _Color
    mean: Sequence[float]
    deviation: Sequence[float]


class Panel(NamedTuple):
    """One size: title and lines."""

    title: str
    lines: Sequence[Line]


def draw(path: str | os.PathLike, panels: Sequence[Panel]) -> None:
    """Draws panels side by side, the objective on a logarithmic axis.

    Args:
        path: The picture file.
        panels: At least one; values must be positive.

    Raises:
        ValueError: If there is nothing to draw.
    """
    values = [v for panel in panels for line in panel.lines for v in line.mean]
    if not values or min(values) <= 0:
        raise ValueError(
            "`panels` must hold lines of positive values. Received: "
            f"{len(values)} values{' from ' if values else ''}"
            f"{min(values, default='')}."
        )
    low, high = math.log10(min(values)) - 0.1, math.log10(max(values)) + 0.1
    width, height = (_SCALE * side for side in _PANEL)
    picture = Image.new("RGB", (width * len(panels), height), "white")
    for number, panel in enumerate(panels):
        part = Image.new("RGB", (width, height), "white")
        _Axes(part, panel, low, high).draw()
        picture.paste(part, (number * width, 0))
    reduced = picture.resize(
        (picture.width // _SCALE, picture.height // _SCALE),
        Image.Resampling.BOX,
    )
    image_files.write_image(path, np.asarray(reduced))


class _Axes:
    """The drawing of one panel."""

    def __init__(
        self, picture: Image.Image, panel: Panel, low: float, high: float
    ):
        self._panel = panel
        self._low, self._high = low, high
        self._draw = ImageDraw.Draw(picture, "RGBA")
        self._font = ImageFont.load_default(12 * _SCALE)
        left, top, right, bottom = (_SCALE * side for side in _MARGINS)
        self._box = (left, top, picture.width - right, picture.height - bottom)
        longest = max(len(line.mean) for line in panel.lines)
        self._last = max(longest - 1, 1)

    def draw(self) -> None:
        self._grid()
        for line in self._panel.lines:
            self._line(line)
        self._draw.rectangle(self._box, outline=_BLACK, width=_SCALE)
        self._legend()
        center = (self._box[0] + self._box[2]) // 2
        self._text((center, self._box[1] // 2), self._panel.title, "mm")
        below = self._box[3] + 36 * _SCALE
        self._text((center, below), "iterations of L-BFGS", "mm")

    def _x(self, iteration: float) -> float:
        width = self._box[2] - self._box[0]
        return self._box[0] + width * iteration / self._last

    def _y(self, value: float) -> float:
        logarithm = math.log10(max(value, 10.0**self._low))
        share = (logarithm - self._low) / (self._high - self._low)
        return self._box[3] - (self._box[3] - self._box[1]) * share

    def _grid(self) -> None:
        for decade in range(math.floor(self._low), math.ceil(self._high) + 1):
            for digit in (1, 2, 5):
                value = digit * 10.0**decade
                if not self._low <= math.log10(value) <= self._high:
                    continue
                y = self._y(value)
                self._draw.line([self._box[0], y, self._box[2], y], _GREY)
                place = (self._box[0] - 5 * _SCALE, y)
                self._text(place, f"{value:.0e}".replace("e+0", "e"), "rm")
        for tick in _ticks(self._last):
            x = self._x(tick)
            self._draw.line([x, self._box[1], x, self._box[3]], _GREY)
            self._text((x, self._box[3] + 5 * _SCALE), str(tick), "mt")

    def _line(self, line: Line) -> None:
        mean, deviation = list(line.mean), list(line.deviation)
        if len(mean) == 1:
            mean, deviation = 2 * mean, 2 * deviation
            places = [self._x(0), self._x(self._last)]
        else:
            places = [self._x(iteration) for iteration in range(len(mean))]
        upper = [self._y(m + d) for m, d in zip(mean, deviation)]
        lower = [self._y(m - d) for m, d in zip(mean, deviation)]
        top = self._box[1]
        band = [(x, max(y, top)) for x, y in zip(places, upper)]
        band += [(x, max(y, top)) for x, y in zip(places, lower)][::-1]
        self._draw.polygon(band, fill=(*line.color, 40))
        points = [(x, self._y(m)) for x, m in zip(places, mean)]
        self._draw.line(points, fill=line.color, width=2 * _SCALE)

    def _legend(self) -> None:
        right = self._box[2] - 10 * _SCALE
        widest = max(
            self._font.getlength(line.label) for line in self._panel.lines
        )
        height = (_LEGEND_LINE * len(self._panel.lines) + 8) * _SCALE
        self._draw.rectangle(
            [
                right - 36 * _SCALE - widest,
                self._box[1] + _SCALE,
                self._box[2] - _SCALE,
                self._box[1] + height,
            ],
            (255, 255, 255, 200),
        )
        for number, line in enumerate(self._panel.lines):
            y = self._box[1] + (14 + _LEGEND_LINE * number) * _SCALE
            self._draw.line(
                [right - 24 * _SCALE, y, right, y], line.color, 2 * _SCALE
            )
            self._text((right - 30 * _SCALE, y), line.label, "rm")

    def _text(self, place: tuple[float, float], text: str, anchor: str) -> None:
        self._draw.text(place, text, _BLACK, self._font, anchor)


def _ticks(last: int) -> list[int]:
    """Chooses at most six round numbers from 0 to the last iteration."""
    step = 1
    for step in (d * 10**e for e in range(7) for d in (1, 2, 5)):
        if last / step <= 5:
            break
    return list(range(0, last + 1, step))

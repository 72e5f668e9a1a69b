"""Defects of a style transfer network, measured instead of looked for.

Three are known from networks like the paper's: a frame along the border, where
padding differs from what a photo looks like; a checkerboard of period 2 or 4
pixels, left by upsampling; and burnt spots, flat areas driven to 0 or 255.
A network is taken as a callable, so that anything can be measured: Keras, a
file of TFLite, a filter.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fastnst.evaluation import drawings

# float32 (1, height, width, 3) in [0, 255] to the same.
Stylize = Callable[[np.ndarray], np.ndarray]

# Largest values of a network without visible defects, by field of `Defects`.
BOUNDS = {
    "border_ratio": 3.0,
    "checkerboard_period_2": 4.0,
    "checkerboard_period_4": 4.0,
    "burnt_share": 0.01,
}

_MIRRORED = 64
_RING = 16
# Differences and patterns below these (of 255) cannot be seen: files round to
# whole levels. They keep the ratios of perfect networks, 0 / 0, at 1.
_UNSEEN_DIFFERENCE = 0.5
_UNSEEN_AMPLITUDE = 0.5
# Neighboring frequencies, in bins: beyond the lobe of the window, near enough
# that the spectrum of the picture itself hardly changes.
_NEIGHBORS = (-8, -7, -6, -5, -4, 4, 5, 6, 7, 8)


class BorderFrame(NamedTuple):
    """What the border of the photo changes, of 255, and ring over center."""

    ring: float
    center: float
    ratio: float


class Defects(NamedTuple):
    """All measures of a network; see the functions of the same names.

    `border_ring` and `border_center` explain `border_ratio` and have no bound.
    """

    border_ring: float
    border_center: float
    border_ratio: float
    checkerboard_period_2: float
    checkerboard_period_4: float
    burnt_share: float


def measure(
    stylize: Stylize, photos: Sequence[np.ndarray], style_image: np.ndarray
) -> Defects:
    """Measures all defects: on photos, and on pictures drawn here.

    Args:
        stylize: The network.
        photos: uint8 or float, shape (height, width, 3), in [0, 255], sides
            at least 128.
        style_image: The style picture, uint8 or float, any size.

    Returns:
        The measures; `failures` tells which are too large.
    """
    border = border_frame(stylize, photos)
    smooth = [drawings.smooth_gradient(), drawings.sky()]
    periods = checkerboard(stylize, smooth)
    burnt = burnt_share(
        stylize, [*photos, *drawings.all_pictures().values()], style_image
    )
    return Defects(
        border_ring=border.ring,
        border_center=border.center,
        border_ratio=border.ratio,
        checkerboard_period_2=periods[2],
        checkerboard_period_4=periods[4],
        burnt_share=burnt,
    )


def failures(
    defects: Defects, bounds: Mapping[str, float] | None = None
) -> list[str]:
    """Tells which measures exceed their bounds.

    Args:
        defects: What `measure` returned.
        bounds: Field of `Defects` to the largest value that passes; None is
            `BOUNDS`.

    Returns:
        A line for each failure; empty if the network passes.
    """
    values = defects._asdict()
    return [
        f"{name} is {values[name]:.4g}, more than {bound:g}"
        for name, bound in (BOUNDS if bounds is None else bounds).items()
        # A NaN must fail too.
        if not values[name] <= bound
    ]


def border_frame(
    stylize: Stylize, photos: Sequence[np.ndarray]
) -> BorderFrame:
    """Compares photos with the same photos continued beyond their borders.

    The photo is mirrored outward by 64 pixels; the part of the result that
    shows the photo differs from the result of the photo alone by what the
    network invents at borders. The center, half as high and wide, differs too
    where statistics of the whole picture matter (instance normalization).

    Args:
        stylize: The network.
        photos: As `measure` takes them.

    Returns:
        Mean absolute differences in the outer ring of 16 pixels and in the
        center, averaged over the photos, and their ratio, which is 1 for a
        network that knows no borders.

    Raises:
        ValueError: If a photo is smaller than 128x128, or there is none.
    """
    differences = [_border_differences(stylize, photo) for photo in photos]
    if not differences:
        raise ValueError("`photos` must hold at least one. Received: none.")
    ring, center = np.mean(differences, axis=0)
    ratio = (ring + _UNSEEN_DIFFERENCE) / (center + _UNSEEN_DIFFERENCE)
    return BorderFrame(float(ring), float(center), float(ratio))


def checkerboard(
    stylize: Stylize, pictures: Sequence[np.ndarray]
) -> dict[int, float]:
    """Looks for patterns with periods of 2 and 4 pixels in stylized pictures.

    The power at such a frequency, horizontal, vertical or both, is divided by
    the mean power of its neighbors: a texture is spread over frequencies, what
    upsampling leaves is not.

    Args:
        stylize: The network.
        pictures: uint8 or float, shape (height, width, 3), in [0, 255], sides
            at least 64 (a multiple of 4 is used of each). Smooth pictures
            hide nothing.

    Returns:
        Period to its largest ratio over the directions, averaged over the
        pictures: about 1 without a pattern.

    Raises:
        ValueError: If a picture is too small, or there is none.
    """
    ratios = [_pattern_ratios(_run(stylize, picture)) for picture in pictures]
    if not ratios:
        raise ValueError("`pictures` must hold at least one. Received: none.")
    mean = np.mean(ratios, axis=0)
    return {2: float(mean[0].max()), 4: float(mean[1].max())}


def burnt_share(
    stylize: Stylize, photos: Sequence[np.ndarray], style_image: np.ndarray
) -> float:
    """Computes how much more is driven to 0 or 255 than in the style picture.

    Args:
        stylize: The network.
        photos: uint8 or float, shape (height, width, 3), in [0, 255].
        style_image: uint8 or float, shape (height, width, 3), in [0, 255].

    Returns:
        Mean share of pixels with a channel at 0 or 255 in the stylized photos
        minus that of the style picture, at least 0.
    """
    shares = [_saturated_share(_run(stylize, photo)) for photo in photos]
    if not shares:
        raise ValueError("`photos` must hold at least one. Received: none.")
    return max(0.0, float(np.mean(shares)) - _saturated_share(style_image))


def _run(stylize: Stylize, picture: np.ndarray) -> np.ndarray:
    """Stylizes a picture: (height, width, 3) to float64 of the same shape."""
    batch = np.asarray(picture, np.float32)[None]
    stylized = np.asarray(stylize(batch), np.float64)
    if stylized.shape != batch.shape:
        raise ValueError(
            "`stylize` must return the shape it is given. Received: "
            f"{stylized.shape} for {batch.shape}."
        )
    return stylized[0]


def _border_differences(
    stylize: Stylize, photo: np.ndarray
) -> tuple[float, float]:
    height, width = photo.shape[:2]
    if min(height, width) < 2 * _MIRRORED:
        raise ValueError(
            f"Photos must be at least {2 * _MIRRORED} pixels high and wide. "
            f"Received: {width}x{height}."
        )
    pads = [(_MIRRORED, _MIRRORED)] * 2 + [(0, 0)]
    inside = slice(_MIRRORED, -_MIRRORED)
    mirrored = _run(stylize, np.pad(photo, pads, mode="reflect"))
    change = np.abs(_run(stylize, photo) - mirrored[inside, inside])
    ring = np.ones((height, width), bool)
    ring[_RING:-_RING, _RING:-_RING] = False
    center = change[
        height // 4 : height - height // 4, width // 4 : width - width // 4
    ]
    return float(change[ring].mean()), float(center.mean())


def _pattern_ratios(image: np.ndarray) -> np.ndarray:
    """Returns ratios by (period 2 or 4, direction), shape (2, 4)."""
    height, width = (side - side % 4 for side in image.shape[:2])
    if min(height, width) < 64:
        raise ValueError(
            "Pictures must be at least 64 pixels high and wide. Received: "
            f"{width}x{height}."
        )
    power = _power_spectrum(image[:height, :width])
    ratios = []
    for period in (2, 4):
        down, right = height // period, width // period
        # Of the two diagonals of a period of 2 the second is the first.
        directions = [(0, right), (down, 0), (down, right), (-down, right)]
        ratios.append([_ratio(power, *place) for place in directions])
    return np.array(ratios)


def _power_spectrum(image: np.ndarray) -> np.ndarray:
    """Computes the power by frequency: amplitude 1 has about power 1."""
    height, width = image.shape[:2]
    window = np.hanning(height)[:, None] * np.hanning(width)[None]
    windowed = (image - image.mean((0, 1))) * window[..., None]
    spectrum = np.fft.fft2(windowed, axes=(0, 1)) / window.sum()
    power = (np.abs(spectrum) ** 2).mean(-1)
    # The window spreads each frequency over 3 x 3 bins, here put together.
    for axis in (0, 1):
        power = power + np.roll(power, 1, axis) + np.roll(power, -1, axis)
    return power


def _ratio(power: np.ndarray, down: int, right: int) -> float:
    """Divides the power at a frequency by that of its neighbors.

    Neighbors of a horizontal or vertical frequency are on the same axis, where
    pictures have more power than beside it.
    """
    rows = np.array([down + k for k in _NEIGHBORS]) if down else np.zeros(1)
    columns = np.array([right + k for k in _NEIGHBORS]) if right else [0]
    height, width = power.shape
    around = power[
        np.ix_(
            np.asarray(rows, int) % height, np.asarray(columns, int) % width
        )
    ]
    floor = _UNSEEN_AMPLITUDE**2
    return float((power[down, right] + floor) / (around.mean() + floor))


def _saturated_share(image: np.ndarray) -> float:
    saturated = (image <= 0.5) | (image >= 254.5)
    return float(saturated.any(-1).mean())

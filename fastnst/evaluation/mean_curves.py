"""The mean curves of photos: what Figure 5 shows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fastnst.evaluation import curve_file
from fastnst.evaluation import figure
from fastnst.evaluation import objective

_COLORS = {
    "noise": (31, 119, 180),
    "content": (44, 160, 44),
    "content image": (127, 127, 127),
    "network": (214, 39, 40),
}


class Mean(NamedTuple):
    """A point of the mean curve of the photos of one size and one start.

    Attributes:
        size: Side of the photos, pixels.
        start: "noise" or "content".
        iteration: Number of iterations done.
        photos: How many curves go that far; the others do not count.
        mean: Of their objectives.
        deviation: Of the sample.
        content: Mean of the weighted content term.
        style: Of the weighted style terms of all layers together.
        total_variation: Of the weighted total variation.
    """

    size: int
    start: str
    iteration: int
    photos: int
    mean: float
    deviation: float
    content: float
    style: float
    total_variation: float


def means(found: Sequence[curve_file.Curve]) -> list[Mean]:
    """Computes the mean curve of each start.

    Args:
        found: Curves of photos of one size.

    Returns:
        One for each start and iteration, as long as at least half of the
        curves go on.
    """
    results = []
    for start in dict.fromkeys(curve.start for curve in found):
        chosen = [curve for curve in found if curve.start == start]
        for i in range(max(len(curve.objectives) for curve in chosen)):
            alive = [c for c in chosen if len(c.objectives) > i]
            if 2 * len(alive) < len(chosen):
                break
            spread = objective.mean_and_deviation(
                [curve.objectives[i] for curve in alive]
            )
            terms = np.mean([curve.terms[i] for curve in alive], axis=0)
            results.append(
                Mean(
                    found[0].size,
                    start,
                    i,
                    len(alive),
                    *spread,
                    *map(float, terms),
                )
            )
    return results


def panel(
    size: int,
    found: Sequence[curve_file.Curve],
    content: Sequence[float],
    network: Sequence[float],
) -> figure.Panel:
    """Returns what Figure 5 shows of one size.

    Args:
        size: Side of the photos, pixels.
        found: Their curves.
        content: The objective of each photo itself.
        network: That of each output of the network.

    Returns:
        The panel; the lines are those of `means`.
    """
    lines = []
    every = means(found)
    for start in dict.fromkeys(each.start for each in every):
        points = [
            (each.mean, each.deviation)
            for each in every
            if each.start == start
        ]
        lines.append(
            figure.Line(f"L-BFGS from {start}", _COLORS[start], *zip(*points))
        )
    for label, values in (("content image", content), ("network", network)):
        mean, deviation = objective.mean_and_deviation(values)
        lines.append(figure.Line(label, _COLORS[label], [mean], [deviation]))
    return figure.Panel(f"{size}x{size}, {len(content)} photos", lines)

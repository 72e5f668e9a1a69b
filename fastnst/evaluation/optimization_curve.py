"""How many iterations of optimization a network is worth: Figure 5.

Each photo is also stylized by L-BFGS, with the same objective; where the curve
of the objective falls below that of the network's output, the network equals
that many iterations.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import itertools
from typing import NamedTuple

from absl import logging
import numpy as np
import tensorflow as tf

from fastnst.evaluation import curve_file
from fastnst.evaluation import objective
from fastnst.training import image_objectives
from fastnst.training import image_optimizer
from fastnst.training import style_objective

# Where an optimization starts.
STARTS = ("noise", "content")
# The iterations at which the paper's figure is read off.
_READ_AT = (50, 100, 500)


class Equivalence(NamedTuple):
    """What a network is worth, over the photos of one size and one start.

    Attributes:
        size: Side of the photos, pixels.
        start: One of `STARTS`.
        photos: Number of photos.
        crossed: How many of their curves fell below the network. The others
            count with their last iteration: the means are then lower bounds.
        iterations: Mean number of iterations that the network equals.
        deviation: Of the sample.
        evaluations: Mean number of evaluations of the objective.
        ratio_50: The network's objective over that after 50 iterations, mean
            over the photos whose curve goes that far; None if none does.
        photos_50: How many do.
        ratio_100: The same after 100.
        photos_100: The same.
        ratio_500: The same after 500.
        photos_500: The same.
    """

    size: int
    start: str
    photos: int
    crossed: int
    iterations: float
    deviation: float
    evaluations: float
    ratio_50: float | None
    photos_50: int
    ratio_100: float | None
    photos_100: int
    ratio_500: float | None
    photos_500: int

    def __str__(self) -> str:
        bound = "at least " if self.crossed < self.photos else ""
        noun = "photo" if self.photos == 1 else "photos"
        return (
            f"{self.size}x{self.size}: the network equals {bound}"
            f"{self.iterations:.1f} iterations of L-BFGS from {self.start} "
            f"(deviation {self.deviation:.1f}, {self.evaluations:.1f} "
            f"evaluations, {self.photos} {noun})"
        )


def curves(
    transfer: style_objective.StyleObjective,
    photos: Sequence[tuple[str, np.ndarray]],
    targets: Mapping[str, float],
    file: curve_file.CurveFile,
    *,
    starts: Sequence[str] = STARTS,
    min_iterations: int = 0,
    max_iterations: int = 500,
) -> Iterator[curve_file.Curve]:
    """Optimizes photos until they are well below the network's objective.

    Args:
        transfer: The objective.
        photos: Of one size, as `objective.square_photos` returns them.
        targets: Name of the photo to the objective of the network's output.
        file: Where curves are kept; those that go far enough are not computed
            again.
        starts: Of `STARTS`.
        min_iterations: A curve from noise is at least this long.
        max_iterations: No curve is longer. Below that it ends at 1.5 times
            its crossing.

    Yields:
        The curve of each photo and start, as soon as it is known.
    """
    # One variable for the target of all photos: the objective is traced once.
    features = tf.Variable(transfer.content_features(photos[0][1]))
    optimizer = image_optimizer.ImageOptimizer(
        image_objectives.style_transfer(transfer, features)
    )
    for name, photo in photos:
        for start in starts:
            limits = {
                "min_iterations": min_iterations if start == "noise" else 0,
                "max_iterations": max_iterations,
            }
            curve = file.find(photo.shape[1], name, photo, start)
            if curve is None or not curve.suffices(targets[name], **limits):
                features.assign(transfer.content_features(photo))
                curve = _computed(
                    optimizer,
                    transfer.weights,
                    (name, photo, start),
                    targets[name],
                    **limits,
                )
                file.append(curve, photo)
            yield curve


def _computed(
    optimizer, weights, beginning, target, *, min_iterations, max_iterations
) -> curve_file.Curve:
    name, photo, start = beginning
    evaluations: list[int] = []
    objectives: list[float] = []
    terms: list[tuple[float, ...]] = []

    def curve(end: str) -> curve_file.Curve:
        return curve_file.Curve(
            photo.shape[1],
            name,
            start,
            tuple(evaluations),
            tuple(objectives),
            tuple(terms),
            end,
        )

    def on_iterate(iterate) -> None:
        evaluations.append(iterate.num_evaluations)
        objectives.append(iterate.objective)
        terms.append(_weighted(iterate.terms, weights))
        if curve("stopped").suffices(
            target,
            min_iterations=min_iterations,
            max_iterations=max_iterations,
        ):
            raise StopIteration

    image = photo
    if start == "noise":
        image = image_optimizer.white_noise(photo.shape)
    optimizer.run(image, num_iterations=max_iterations, callback=on_iterate)
    finished = curve("stopped")
    if not finished.suffices(
        target, min_iterations=min_iterations, max_iterations=max_iterations
    ):
        logging.info("%s from %s: nothing more to gain", name, start)
        return curve("converged")
    return finished


def _weighted(
    terms: Mapping[str, float], weights: Mapping[str, float]
) -> tuple[float, ...]:
    """Returns `curve_file.TERMS`, weighted, style summed over its layers."""
    return tuple(
        sum(
            weights[name] * value
            for name, value in terms.items()
            if name.startswith(term)
        )
        for term in curve_file.TERMS
    )


def equivalences(
    found: Sequence[curve_file.Curve], targets: Mapping[str, float]
) -> list[Equivalence]:
    """Computes what a network is worth, for each start.

    Args:
        found: Curves of photos of one size.
        targets: Name of the photo to the objective of the network's output.

    Returns:
        One for each start among the curves.
    """
    results = []
    for start in dict.fromkeys(curve.start for curve in found):
        chosen = [curve for curve in found if curve.start == start]
        places = [curve.crossing(targets[curve.photo]) for curve in chosen]
        lasts = [
            len(curve.objectives) - 1 if place is None else place
            for curve, place in zip(chosen, places)
        ]
        ratios = [_ratio(chosen, targets, place) for place in _READ_AT]
        results.append(
            Equivalence._make(
                [
                    chosen[0].size,
                    start,
                    len(chosen),
                    sum(place is not None for place in places),
                    *objective.mean_and_deviation([float(n) for n in lasts]),
                    _mean([c.evaluations[n] for c, n in zip(chosen, lasts)]),
                    *itertools.chain(*ratios),
                ]
            )
        )
    return results


def _ratio(
    chosen: Sequence[curve_file.Curve],
    targets: Mapping[str, float],
    iteration: int,
) -> tuple[float | None, int]:
    found = [
        targets[curve.photo] / curve.objectives[iteration]
        for curve in chosen
        if len(curve.objectives) > iteration
    ]
    return (_mean(found) if found else None), len(found)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))

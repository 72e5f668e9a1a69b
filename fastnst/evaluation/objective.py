"""The objective, eq. (5), of photos and of what a network makes of them.

These are the horizontal lines of Figure 5 of the paper: how far a photo is
from being stylized, and how far its stylized version.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import hashlib
import os
import pathlib
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fastnst.data import image_files
from fastnst.training import style_objective

# float32 (1, height, width, 3) in [0, 255] to the same.
Stylize = Callable[[np.ndarray], np.ndarray]

# The images that are measured.
CONTENT = "content image"
NETWORK = "network"
TOTAL = "objective"
VALUE_COLUMNS = ("photo", "image", "term", "value", "weighted")
_STYLE = "style"


class Measurement(NamedTuple):
    """The objective of one image.

    Attributes:
        photo: Name of the photo.
        image: `CONTENT` for the photo itself, `NETWORK` for the output.
        terms: Term to its value without weight; "style" is the sum over the
            layers, as in the paper.
        weighted: Term to its share of the objective; "objective" is eq. (5).
    """

    photo: str
    image: str
    terms: dict[str, float]
    weighted: dict[str, float]

    def __str__(self) -> str:
        return f"{self.photo}  {self.image}  {self.weighted[TOTAL]:.4g}"


class Row(NamedTuple):
    """One term of one kind of image: mean and deviation over the photos.

    `weight`, `mean` and `deviation` are None where a sum of terms has none.
    """

    image: str
    term: str
    weight: float | None
    mean: float | None
    deviation: float | None
    weighted_mean: float
    weighted_deviation: float


def square_photos(
    sources: Sequence[str | os.PathLike],
    *,
    image_size: int,
    num_images: int | None = None,
) -> list[tuple[str, np.ndarray]]:
    """Reads photos: short side resized with antialias, middle square cut.

    Args:
        sources: Files and folders.
        image_size: Side of the squares, pixels.
        num_images: How many, from the first; None is all.

    Returns:
        Name (the path, if names are not unique) and float32 pixels, shape
        (1, image_size, image_size, 3).

    Raises:
        OSError: If a file cannot be read.
        ValueError: If there are fewer than `num_images`, or one is damaged.
    """
    paths = image_files.find_images(sources)
    if len(paths) < (num_images or 1):
        raise ValueError(
            f"`num_images` must be at most {len(paths)}, the number of photos "
            f"found. Received: num_images={num_images}."
        )
    paths = paths[:num_images]
    unique = len({path.name for path in paths}) == len(paths)
    photos = []
    for path in paths:
        rgb = image_files.read_image(path).flattened()
        square = image_files.center_crop(
            image_files.resize_short_side(rgb, image_size), image_size
        )
        name = path.name if unique else str(path)
        photos.append((name, square[None].astype(np.float32)))
    return photos


def matching_style(
    card: Mapping, style_image: str | os.PathLike, style: str | None = None
) -> str:
    """Finds the style of a network that was trained on a picture.

    Args:
        card: The card of the network.
        style_image: The picture file; it must be the very file, by sha256.
        style: The name that it must have; None is any.

    Returns:
        The name of the style.

    Raises:
        OSError: If the picture cannot be read.
        ValueError: If the network was trained on another picture, or on this
            one for several styles and none is given.
    """
    found = hashlib.sha256(pathlib.Path(style_image).read_bytes()).hexdigest()
    known = {
        picture["name"]: picture["sha256"]
        for picture in card.get("style_images", ())
    }
    if style is not None and style not in known:
        raise ValueError(
            f"`style` must be one of {', '.join(known) or 'none'}, the styles "
            f"in the network's card. Received: style={style!r}."
        )
    names = [style] if style is not None else list(known)
    matching = [name for name in names if known[name] == found]
    if len(matching) > 1:
        raise ValueError(
            "`style` must be given: the network was trained on the picture "
            f"for {', '.join(matching)}. Received: none."
        )
    if matching:
        return matching[0]
    expected = ", ".join(f"{name} {known[name]}" for name in names)
    raise ValueError(
        "`style_image` must be the picture that the network was trained on, "
        f"by sha256: {expected or 'its card names none'}. "
        f"Received: {os.fspath(style_image)}, {found}."
    )


def measure(
    objective: style_objective.StyleObjective,
    photos: Iterable[tuple[str, np.ndarray]],
    stylize: Stylize,
) -> Iterator[Measurement]:
    """Measures photos and what a network makes of them.

    Args:
        objective: Of the style; its first style counts.
        photos: As `square_photos` returns them.
        stylize: The network.

    Yields:
        Two for each photo: the photo itself, then the network's output.
    """
    for name, photo in photos:
        target = objective.content_features(tf.constant(photo))
        for image, pixels in ((CONTENT, photo), (NETWORK, stylize(photo))):
            terms = objective.terms(tf.constant(pixels, tf.float32), target)
            yield _measurement(name, image, terms, objective.weights)


def _measurement(name, image, terms, weights) -> Measurement:
    plain = {term: float(value[0]) for term, value in terms.items()}
    weighted = {term: weights[term] * plain[term] for term in weights}
    layers = [term for term in weights if term.startswith(f"{_STYLE}_")]
    plain[_STYLE] = sum(plain[term] for term in layers)
    # Float64 sums: the rows of a table shall add up.
    weighted[TOTAL] = sum(weighted.values())
    weighted[_STYLE] = sum(weighted[term] for term in layers)
    return Measurement(name, image, plain, weighted)


def summarize(
    measurements: Sequence[Measurement], weights: Mapping[str, float]
) -> list[Row]:
    """Computes mean and deviation over the photos.

    Args:
        measurements: Of photos of one size.
        weights: Of the terms: `StyleObjective.weights`.

    Returns:
        One row for each kind of image and term; a row each for the style
        layers together and for the objective. The deviation is that of the
        sample, 0 for a single photo.
    """
    rows = []
    for image in dict.fromkeys(m.image for m in measurements):
        chosen = [m for m in measurements if m.image == image]
        for term in _in_order(weights):
            mean, deviation = None, None
            if term in chosen[0].terms:
                mean, deviation = mean_and_deviation(
                    [m.terms[term] for m in chosen]
                )
            weighted = mean_and_deviation([m.weighted[term] for m in chosen])
            rows.append(
                Row(
                    image, term, weights.get(term), mean, deviation, *weighted
                )
            )
    return rows


def totals(
    measurements: Sequence[Measurement], image: str
) -> dict[str, float]:
    """Returns photo to objective, for one kind of image."""
    chosen = [m for m in measurements if m.image == image]
    return {m.photo: m.weighted[TOTAL] for m in chosen}


def values(measurements: Sequence[Measurement]) -> list[tuple]:
    """Returns every value, from which tables are made: `VALUE_COLUMNS`."""
    return [
        (m.photo, m.image, term, m.terms.get(term), weighted)
        for m in measurements
        for term, weighted in m.weighted.items()
    ]


def _in_order(weights: Mapping[str, float]) -> list[str]:
    """Puts the sum over the style layers behind them, eq. (5) at the end."""
    terms = list(weights)
    last = [term for term in terms if term.startswith(f"{_STYLE}_")][-1]
    terms.insert(terms.index(last) + 1, _STYLE)
    return [*terms, TOTAL]


def mean_and_deviation(sample: Sequence[float]) -> tuple[float, float]:
    """Computes the mean and the standard deviation of a sample."""
    deviation = np.std(sample, ddof=1) if len(sample) > 1 else 0.0
    return float(np.mean(sample)), float(deviation)

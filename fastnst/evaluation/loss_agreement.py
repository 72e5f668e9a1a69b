"""How well the losses of one loss network agree with those of another.

A loss network that stands in for VGG16 must order images as VGG16 does, by
content and by style: Spearman's rank correlation of their losses over pairs of
images. The pairs are two versions of one photograph (itself, stylized, half
stylized, noisy), as training compares them, or of different ones.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import itertools
from typing import NamedTuple

import numpy as np
from scipy import stats
import tensorflow as tf

from fastnst import losses

CONTENT = "content"
# Photographs whose versions are compared with each other.
_TOGETHER = 3
_NOISE = 25.0
# Pairs that a rank correlation needs.
_FEWEST = 3

Losses = dict[str, float]


class Pair(NamedTuple):
    """The losses of one image against another.

    Attributes:
        same_photo: Whether both are versions of one photograph.
        ours: Name of the loss to its value: "content", "style_<layer>" and
            "style", their weighted sum.
        truth: The same of the network that is the measure.
    """

    same_photo: bool
    ours: Losses
    truth: Losses


class Row(NamedTuple):
    """Agreement of one loss over pairs of one kind.

    Attributes:
        pairs: "same photo", "different photos" or "all".
        number: Of pairs.
        loss: Its name.
        spearman: Rank correlation, 1 for the same order.
        ratio: Median of ours over the measure.
        low: First quartile of it.
        high: Third.
    """

    pairs: str
    number: int
    loss: str
    spearman: float
    ratio: float
    low: float
    high: float


def versions(
    photo: np.ndarray,
    stylizers: Sequence[Callable[[np.ndarray], np.ndarray]],
    *,
    seed: int,
) -> np.ndarray:
    """Makes the versions of a photograph that are compared.

    Args:
        photo: float32, shape (1, height, width, 3), in [0, 255].
        stylizers: Images to stylized images, as `photo`.
        seed: Of the noise.

    Returns:
        float32, shape (versions, height, width, 3): the photograph, noisy, and
        for each stylizer half stylized and stylized.
    """
    noise = np.random.default_rng(seed).normal(0.0, _NOISE, photo.shape)
    made = [photo, np.clip(photo + noise, 0.0, 255.0)]
    for stylize in stylizers:
        stylized = stylize(photo)
        made += [0.5 * (photo + stylized), stylized]
    return np.concatenate(made).astype(np.float32)


def pairs(
    groups: Sequence[np.ndarray],
    ours,
    truth,
    *,
    content_layer: str,
    style_weights: Mapping[str, float],
) -> Iterator[Pair]:
    """Computes the losses of pairs of images with two loss networks.

    Args:
        groups: The versions of each photograph, all of one size.
        ours: Loss network: (images, layers) -> {layer: features}.
        truth: The one that is the measure.
        content_layer: Layer of the content loss.
        style_weights: Layer to its weight in the sum "style".

    Yields:
        The pairs within every three photographs.
    """
    for start in range(0, len(groups), _TOGETHER):
        some = groups[start : start + _TOGETHER]
        images = tf.constant(np.concatenate(some))
        photos = np.repeat(np.arange(len(some)), [len(group) for group in some])
        tables = [
            _losses(network, images, content_layer, style_weights)
            for network in (ours, truth)
        ]
        for i, j in itertools.combinations(range(len(images)), 2):
            values = [
                {name: float(table[i, j]) for name, table in found.items()}
                for found in tables
            ]
            yield Pair(bool(photos[i] == photos[j]), *values)


def _losses(network, images, content_layer: str, style_weights) -> dict:
    """Computes loss to a table of its values, image by image."""
    features = network(images, tuple({content_layer, *style_weights}))
    tables = {
        CONTENT: _table(
            losses.feature_reconstruction_loss, features[content_layer]
        )
    }
    style = 0.0
    for layer, weight in style_weights.items():
        grams = losses.gram_matrix(features[layer])
        table = _table(losses.style_reconstruction_loss, grams)
        tables[f"style_{layer}"] = table
        style = style + weight * table
    return {**tables, "style": style}


def _table(loss, values: tf.Tensor) -> np.ndarray:
    """Computes a loss of each value against each, shape (batch, batch)."""
    return np.stack([loss(values, value[None]).numpy() for value in values])


def rows(found: Sequence[Pair]) -> list[Row]:
    """Summarizes pairs, loss by loss.

    Args:
        found: The pairs.

    Returns:
        A row for each kind of pairs and each loss.

    Raises:
        ValueError: If there are too few pairs to have an order.
    """
    if len(found) < _FEWEST:
        raise ValueError(
            f"At least {_FEWEST} pairs of images must be compared. Received: "
            f"{len(found)}. Give more photos or --stylizers."
        )
    kinds = {
        "same photo": [pair for pair in found if pair.same_photo],
        "different photos": [pair for pair in found if not pair.same_photo],
        "all": list(found),
    }
    return [
        _row(kind, loss, some)
        for kind, some in kinds.items()
        for loss in found[0].truth
        if len(some) >= _FEWEST
    ]


def _row(kind: str, loss: str, some: Sequence[Pair]) -> Row:
    ours = np.array([pair.ours[loss] for pair in some])
    truth = np.array([pair.truth[loss] for pair in some])
    low, ratio, high = np.quantile(ours / truth, [0.25, 0.5, 0.75])
    spearman = stats.spearmanr(ours, truth).statistic
    return Row(
        kind,
        len(some),
        loss,
        float(spearman),
        float(ratio),
        float(low),
        float(high),
    )

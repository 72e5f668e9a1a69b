"""The order in which several sources of images take turns."""

from collections.abc import Sequence
import pathlib

import numpy as np
import tensorflow as tf

# Turns repeat after this many images, so a share is exact to a thousandth.
_PATTERN_LENGTH = 1000


class MixedOrder:
    """Tells which source an image comes from, and which of its samples it is.

    Example:
        >>> order = MixedOrder([0.75, 0.25], seed=0)
        >>> turns = [order.source(position) for position in range(1000)]
        >>> turns.count(1), order.sample(2000, 1)
        (250, 500)
    """

    def __init__(self, fractions: Sequence[float], seed: int):
        """See `fractions`; `seed` shuffles the turns."""
        length = _PATTERN_LENGTH if len(fractions) > 1 else 1
        ends = np.rint(np.cumsum(fractions) * length).astype(int)
        self._counts = np.maximum(np.diff(ends, prepend=0), 1)
        numbers = np.arange(len(self._counts))
        turns = np.repeat(numbers, self._counts)
        self._turns = np.random.default_rng([seed]).permutation(turns)
        chosen = self._turns[:, None] == numbers
        self._before = np.cumsum(chosen, axis=0) - chosen

    def source(self, position: int) -> int:
        """Returns the number of the source that gives image `position`."""
        return int(self._turns[position % len(self._turns)])

    def sample(self, position: int, source: int) -> int:
        """Returns how many images `source` gave before `position`."""
        rounds, index = divmod(position, len(self._turns))
        return int(rounds * self._counts[source] + self._before[index, source])

    def turns(self, start: int) -> tf.data.Dataset:
        """Returns the endless dataset of source numbers from `start`."""
        rolled = np.roll(self._turns, -(start % len(self._turns)))
        return tf.data.Dataset.from_tensor_slices(
            rolled.astype(np.int64)
        ).repeat()


def split_share(item: str) -> tuple[str, float | None]:
    """Splits "name:share"; without a share the second value is None.

    Example:
        >>> split_share("synthetic:0.05"), split_share("coco/2014")
        (('synthetic', 0.05), ('coco/2014', None))
    """
    name, colon, text = item.rpartition(":")
    if not colon or pathlib.Path(item).is_dir():
        return item, None
    try:
        share = float(text)
    except ValueError:
        return item, None
    if not 0.0 < share <= 1.0:
        raise ValueError(
            "The share of a content dataset must be more than 0 and at most "
            f"1. Received: {item!r}."
        )
    return name, share


def fractions(
    sizes: Sequence[int | None], shares: Sequence[float | None]
) -> list[float]:
    """Returns the fraction of the images that each source gives.

    Args:
        sizes: Number of images in each source; None: endless.
        shares: What was asked for each; None: sources without a share divide
            the rest in proportion to their sizes.

    Returns:
        One fraction per source; they sum to 1.

    Raises:
        ValueError: If there is no source, an endless one lacks a share, or
            the shares leave nothing for a source that has none.

    Example:
        >>> fractions([30, None, 10], [None, 0.2, None])
        [0.6, 0.2, 0.2]
    """
    if not sizes:
        raise ValueError("At least one content dataset is needed.")
    if len(sizes) == 1:
        return [1.0]
    given = sum(share for share in shares if share is not None)
    rest = [size for size, share in zip(sizes, shares) if share is None]
    if not rest:
        return [share / given for share in shares if share is not None]
    if None in rest:
        raise ValueError(
            "A content dataset without an end needs a share beside others, "
            "for example 'synthetic:0.05'."
        )
    if given >= 1.0:
        raise ValueError(
            "The shares of the content datasets must leave something for "
            f"those without a share. Received: shares that sum to {given:g}."
        )
    unit = (1.0 - given) / sum(size for size in rest if size is not None)
    return [
        unit * (size or 0) if share is None else share
        for size, share in zip(sizes, shares)
    ]

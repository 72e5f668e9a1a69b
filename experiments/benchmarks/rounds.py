"""Interleaved timing: one call of each contestant a round, A/B/A/B."""

from collections.abc import Mapping
from collections.abc import Sequence
import statistics
import time
from typing import NamedTuple

# Threads of the last contestant that spin have gone to sleep by then.
_REST_SECONDS = 0.05


class Spread(NamedTuple):
    """A median and its quartiles."""

    median: float
    first: float
    third: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Computes them of one or more values."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        first, median, third = statistics.quantiles(
            values, n=4, method="inclusive"
        )
        return cls(median, first, third)

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.first:.3g}-{self.third:.3g})"


def interleave(
    timed: Mapping[str, object], num_rounds: int, *, rest: float = _REST_SECONDS
) -> dict[str, list[float]]:
    """Calls contestants in turn; every other round in the opposite order.

    Args:
        timed: Name to a function that makes one call and returns its seconds.
        num_rounds: Number of rounds.
        rest: Seconds between two calls.

    Returns:
        Name to the seconds of each round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for number in range(num_rounds):
        names = list(timed)
        for name in names if number % 2 == 0 else reversed(names):
            time.sleep(rest)
            seconds[name].append(timed[name]())
    return seconds


def ratios(
    seconds: Mapping[str, Sequence[float]], reference: Sequence[float]
) -> dict[str, Spread]:
    """Divides each time by the reference of the same round.

    Args:
        seconds: Name to the seconds of each round.
        reference: Seconds of what everything is divided by.

    Returns:
        Name to the median of the quotients; below 1 is faster.
    """
    return {
        name: Spread.of([own / other for own, other in zip(times, reference)])
        for name, times in seconds.items()
    }

"""Numbers as they are measured, in a CSV file that grows with them."""

import csv
import pathlib
import statistics
from typing import NamedTuple

from rounds import Spread


class Measurement(NamedTuple):
    """One number; rounds count from 0."""

    part: str
    case: str
    contestant: str
    quantity: str
    unit: str
    round: int
    value: float


class Measurements:
    """Collects measurements; each is on disk at once.

    Args:
        path: The CSV file; an old one is replaced.
    """

    def __init__(self, path: pathlib.Path):
        self.all: list[Measurement] = []
        self._path = path
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(Measurement._fields)

    def add(self, part, case, contestant, quantity, unit, values) -> None:
        """Adds the values of all rounds of one thing, and prints them."""
        new = [
            Measurement(part, case, contestant, quantity, unit, number, value)
            for number, value in enumerate(values)
        ]
        self.all += new
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(new)
        if new:
            middle = statistics.median(values)
            print(
                f"{case}  {contestant}  {quantity} {middle:.4g} {unit}",
                flush=True,
            )

    def of(self, part, case, contestant, quantity="time") -> list[float]:
        """Returns the values of one thing, by round; [] if there are none."""
        return [
            each.value
            for each in self.all
            if each[:4] == (part, case, contestant, quantity)
        ]

    def spread(self, *names) -> Spread | None:
        """Returns median and quartiles of what `of` returns, or None."""
        values = self.of(*names)
        return Spread.of(values) if values else None

    def names(self, part: str, field: str) -> list[str]:
        """Returns the values of a field in a part, as they came."""
        return list(
            dict.fromkeys(
                getattr(each, field) for each in self.all if each.part == part
            )
        )

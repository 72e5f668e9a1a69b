"""Numbers as they are measured, part by part in a CSV file."""

from collections.abc import Collection
import csv
import pathlib
import statistics
from typing import NamedTuple

from rounds import Spread

from fastnst.evaluation import tables


class Measurement(NamedTuple):
    """One number; rounds count from 0.

    `setup` is the machine, the versions and the network it was measured with.
    """

    part: str
    case: str
    contestant: str
    quantity: str
    unit: str
    round: int
    value: float
    setup: str


class Measurements:
    """Collects measurements; what is measured anew replaces what was known.

    Args:
        path: The CSV file; what it holds is kept.
        setup: Of the measurements to come.
    """

    def __init__(self, path: pathlib.Path, setup: str = ""):
        self.all: list[Measurement] = []
        self._path = path
        self._setup = setup
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    self.all.append(
                        Measurement(
                            **{
                                **row,
                                "round": int(row["round"]),
                                "value": float(row["value"]),
                            }
                        )
                    )

    def knows(self, part: str, cases: Collection[str] | None = None) -> bool:
        """Tells whether a part was measured with the setup.

        Args:
            part: The part.
            cases: The cases of it; None is any.
        """
        known = {
            each.case
            for each in self.all
            if (each.part, each.setup) == (part, self._setup)
        }
        return bool(known) if cases is None else known.issuperset(cases)

    def forget(self, part: str, cases: Collection[str] | None = None) -> None:
        """Forgets what is to be measured anew.

        Args:
            part: The part.
            cases: The cases of it; None is all.
        """
        self.all = [
            each
            for each in self.all
            if each.part != part or not (cases is None or each.case in cases)
        ]

    def save(self) -> None:
        """Writes the file, whole or not at all."""
        tables.write_csv(self._path, Measurement._fields, self.all)

    def add(self, part, case, contestant, quantity, unit, values) -> None:
        """Adds the values of all rounds of one thing, and prints them."""
        new = [
            Measurement(
                part,
                case,
                contestant,
                quantity,
                unit,
                number,
                value,
                self._setup,
            )
            for number, value in enumerate(values)
        ]
        self.all += new
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

    def setups(self) -> dict[str, list[str]]:
        """Returns each setup and the parts that were measured with it."""
        found: dict[str, list[str]] = {}
        for each in self.all:
            parts = found.setdefault(each.setup, [])
            if each.part not in parts:
                parts.append(each.part)
        return found

"""Curves of optimizations, and the file that keeps them."""

from collections.abc import Mapping
import csv
import hashlib
import io
import json
import math
import os
import pathlib
from typing import NamedTuple

import numpy as np

# A curve goes on to this many times its crossing, to show how it goes on.
_BEYOND = 1.5
# Of eq. (5), with their weights; the style of all layers together.
TERMS = ("content", "style", "total_variation")
_COLUMNS = (
    "setup",
    "size",
    "photo",
    "start",
    "iteration",
    "end",
    "evaluations",
    "objective",
    *TERMS,
)


class Curve(NamedTuple):
    """The objective of one photo by iteration.

    Attributes:
        size: Side of the photo, pixels.
        photo: Its name.
        start: "noise" or "content".
        evaluations: Number of evaluations by iteration, from the start on.
        objectives: The objective by iteration.
        terms: Its `TERMS` by iteration.
        end: Why it ended: "converged" if nothing could be gained, or "stopped".
    """

    size: int
    photo: str
    start: str
    evaluations: tuple[int, ...]
    objectives: tuple[float, ...]
    terms: tuple[tuple[float, ...], ...]
    end: str

    def __str__(self) -> str:
        return (
            f"{self.size}  {self.photo}  from {self.start}: "
            f"{len(self.objectives) - 1} iterations"
        )

    def crossing(self, target: float) -> int | None:
        """Returns the first iteration at or below a value, None if none is."""
        below = [i for i, v in enumerate(self.objectives) if v <= target]
        return below[0] if below else None

    def suffices(
        self, target: float, *, min_iterations: int, max_iterations: int
    ) -> bool:
        """Tells whether the curve goes far enough beyond its crossing."""
        done = len(self.objectives) - 1
        if self.end == "converged" or done >= max_iterations:
            return True
        crossing = self.crossing(target)
        return crossing is not None and done >= max(
            min_iterations, math.ceil(_BEYOND * crossing)
        )


class CurveFile:
    """A CSV of curves that only grows, so that a stopped run goes on.

    A curve depends on photo, start and objective, not on the network: networks
    with the same objective may share the file.

    Args:
        path: The file.
        setup: Whatever a curve depends on beside photo and start: curves of
            another setup are passed over.

    Raises:
        ValueError: If the file has other columns.
    """

    def __init__(self, path: str | os.PathLike, setup: Mapping):
        self._path = pathlib.Path(path)
        self._setup = json.dumps(setup, sort_keys=True)
        if self._path.exists():
            with open(self._path, encoding="utf-8") as file:
                head = file.readline().strip()
            if head != ",".join(_COLUMNS):
                raise ValueError(
                    f"{self._path} must have the columns {','.join(_COLUMNS)}: "
                    f"take it away. Received: {head}."
                )

    def find(
        self, size: int, name: str, photo: np.ndarray, start: str
    ) -> Curve | None:
        """Returns the last complete curve of a photo, None if there is none."""
        if not self._path.exists():
            return None
        key = (self._key(photo), str(size), name, start)
        found: list[list[str]] = []
        rows: list[list[str]] = []
        with open(self._path, newline="", encoding="utf-8") as file:
            for row in csv.reader(file):
                # A torn line, from a run that was killed, is no row.
                if len(row) != len(_COLUMNS) or tuple(row[:4]) != key:
                    continue
                rows = [] if row[4] == "0" else rows
                rows.append(row)
                if row[5]:
                    found, rows = rows, []
        if not found:
            return None
        return Curve(
            size,
            name,
            start,
            tuple(int(row[6]) for row in found),
            tuple(float(row[7]) for row in found),
            tuple(tuple(map(float, row[8:])) for row in found),
            found[-1][5],
        )

    def append(self, curve: Curve, photo: np.ndarray) -> None:
        """Adds a curve; it is on disk when this returns."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        last = len(curve.objectives) - 1
        key = (self._key(photo), curve.size, curve.photo, curve.start)
        for i, value in enumerate(curve.objectives):
            end = curve.end if i == last else ""
            writer.writerow(
                [*key, i, end, curve.evaluations[i], value, *curve.terms[i]]
            )
        head = "" if self._path.exists() else ",".join(_COLUMNS) + "\n"
        with open(self._path, "a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                head = "" if file.read(1) == b"\n" else "\n"
            file.write((head + text.getvalue()).encode())
            file.flush()
            os.fsync(file.fileno())

    def _key(self, photo: np.ndarray) -> str:
        content = self._setup.encode() + np.ascontiguousarray(photo).tobytes()
        return hashlib.sha256(content).hexdigest()[:12]

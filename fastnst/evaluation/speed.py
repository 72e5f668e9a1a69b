"""Feed-forward against optimization, in seconds: Table 1 of the paper."""

from collections.abc import Callable
from collections.abc import Sequence
import os
import pathlib
import platform
import statistics
import time
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fastnst.training import image_optimizer

# Iterations of L-BFGS that the paper compares with.
ITERATIONS = (100, 300, 500)
# Fewer say too little of the others: the first ones search longer.
MIN_TIMED = 20
# Speed-up over 500 iterations by side, on a GTX Titan X (Table 1).
PAPER_SPEED_UPS = {256: 1060, 512: 1026, 1024: 1042}
# Feed-forward passes before L-BFGS, and again after it.
_NUM_PASSES = 10

_Clock = Callable[[], float]


class Optimization(NamedTuple):
    """How long the iterations of an optimization took.

    Attributes:
        seconds: Seconds until the end of iteration 1, 2, ...
        num_evaluations: How often the objective was computed for them.
    """

    seconds: list[float]
    num_evaluations: int

    @property
    def num_iterations(self) -> int:
        """Number of iterations that were timed."""
        return len(self.seconds)

    def until(self, iteration: int) -> float:
        """Returns the seconds until the end of an iteration.

        If it is not among those that were timed, the rest is as fast as the
        second half of them: the first line searches are longer.
        """
        timed = self.num_iterations
        if iteration <= timed:
            return self.seconds[iteration - 1]
        half = timed // 2
        pace = (self.seconds[-1] - self.seconds[half - 1]) / (timed - half)
        return self.seconds[-1] + pace * (iteration - timed)


class Row(NamedTuple):
    """A row of the table: one size; times in seconds.

    `feed_forward` is a median, with its quartiles. `lbfgs_100` is the time of
    100 iterations, `speed_up_100` how many times longer that is.
    """

    size: int
    feed_forward: float
    first_quartile: float
    third_quartile: float
    iterations_timed: int
    evaluations: int
    lbfgs_100: float
    lbfgs_300: float
    lbfgs_500: float
    speed_up_100: float
    speed_up_300: float
    speed_up_500: float
    precision: str
    threads: int
    device: str


def time_passes(
    stylize: Callable[[np.ndarray], np.ndarray],
    photo: np.ndarray,
    *,
    num_passes: int = _NUM_PASSES,
    clock: _Clock = time.perf_counter,
) -> list[float]:
    """Times a network, without the first call, which traces it.

    Args:
        stylize: The network.
        photo: What it gets, shape (1, height, width, 3).
        num_passes: Number of calls to time.
        clock: Returns seconds.

    Returns:
        Seconds of each.
    """
    stylize(photo)
    seconds = []
    for _ in range(num_passes):
        begin = clock()
        stylize(photo)
        seconds.append(clock() - begin)
    return seconds


def time_optimization(
    optimizer: image_optimizer.ImageOptimizer,
    start_image: np.ndarray,
    num_iterations: int,
    *,
    clock: _Clock = time.perf_counter,
) -> Optimization:
    """Times L-BFGS, without the first evaluation, which traces the objective.

    Args:
        optimizer: Of the image.
        start_image: float32, shape (1, height, width, 3), in [0, 255].
        num_iterations: Iterations to time, at least `MIN_TIMED`.
        clock: Returns seconds.

    Returns:
        Their times.

    Raises:
        ValueError: If `num_iterations` is too small, or L-BFGS ended before
            `MIN_TIMED` iterations.
    """
    if num_iterations < MIN_TIMED:
        raise ValueError(
            f"`num_iterations` must be at least {MIN_TIMED}. "
            f"Received: num_iterations={num_iterations}."
        )
    times: list[float] = []
    evaluations = []

    def note(iterate: image_optimizer.Iterate) -> None:
        times.append(clock())
        evaluations.append(iterate.num_evaluations)

    optimizer.run(start_image, num_iterations=num_iterations, callback=note)
    if len(times) <= MIN_TIMED:
        raise ValueError(
            f"L-BFGS must run for {MIN_TIMED} iterations to be timed. "
            f"Received: an objective that it could not lower any more after "
            f"{len(times) - 1}. Give another photo."
        )
    return Optimization(
        [moment - times[0] for moment in times[1:]],
        evaluations[-1] - evaluations[0],
    )


def row(
    size: int,
    passes: Sequence[float],
    optimization: Optimization,
    precision: str,
) -> Row:
    """Computes a row of the table.

    Args:
        size: Side of the photo, pixels.
        passes: Seconds of feed-forward passes, at least two.
        optimization: Of the same photo, on the same device.
        precision: That both computed in.

    Returns:
        The row.
    """
    first, median, third = statistics.quantiles(
        passes, n=4, method="inclusive"
    )
    seconds = [optimization.until(iteration) for iteration in ITERATIONS]
    return Row._make(
        [
            size,
            median,
            first,
            third,
            optimization.num_iterations,
            optimization.num_evaluations,
            *seconds,
            *[each / median for each in seconds],
            precision,
            num_threads(),
            device_name(),
        ]
    )


def notes(rows: Sequence[Row], layers: str) -> list[str]:
    """Says below the table what was measured, scaled, and what the paper has.

    Args:
        rows: Of the table.
        layers: The layers of the objective, in words.
    """
    found = [
        "Seconds, first calls excluded: feed_forward is the median of "
        f"{2 * _NUM_PASSES} passes, half of them before L-BFGS and half after. "
        f"Objective of the optimization: {layers}."
    ]
    for each in rows:
        scaled = [str(n) for n in ITERATIONS if n > each.iterations_timed]
        if scaled:
            found.append(
                f"{each.size}x{each.size}: {each.iterations_timed} iterations "
                f"({each.evaluations} evaluations) were timed; those of "
                f"{', '.join(scaled)} are scaled from the second half of them."
            )
    for each in rows:
        line = f"{each.size}x{each.size}: the network is "
        line += f"{each.speed_up_500:,.0f} times faster than 500 iterations"
        if each.size in PAPER_SPEED_UPS:
            paper = PAPER_SPEED_UPS[each.size]
            line += f" (the paper, on a GPU: {paper:,})"
        found.append(line + ".")
    return found


def num_threads() -> int:
    """Returns the number of threads that TensorFlow computes with."""
    asked = tf.config.threading.get_intra_op_parallelism_threads()
    return asked or len(os.sched_getaffinity(0))


def device_name() -> str:
    """Returns the name of the GPU or, without one, of the processor."""
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        return details.get("device_name", device.name)
    information = pathlib.Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

"""A step's time on 8 to 256 GPUs, on paper: no such machine was at hand.

    python experiments/benchmarks/scaling.py

prints the table of export/cluster/README.md.
"""

import dataclasses
import math

import work

GPUS = (1, 8, 16, 32, 64, 128, 256)
BANDWIDTHS = (10, 25, 100, 400)


@dataclasses.dataclass(frozen=True)
class Assumptions:
    """What the model rests on.

    Attributes:
        peak_flops: Of a GPU in bfloat16, operations a second; of an H200
            without sparsity.
        utilization: The share of it that a step reaches.
        batch: Images per GPU and step.
        image_size: Side of the images.
        gradient_reductions: How often a step sums the gradient over all GPUs:
            for its norm, and in Keras' optimizer.
        small_reductions: Of single numbers: the terms that are logged, the
            wish to stop.
        latency: Of a message from GPU to GPU, seconds.
    """

    peak_flops: float = 989e12
    utilization: float = 0.25
    batch: int = 16
    image_size: int = 256
    gradient_reductions: int = 2
    small_reductions: int = 16
    latency: float = 20e-6


def gradient_bytes() -> int:
    """Returns the bytes of a gradient in float32, in which it is summed."""
    return 4 * work.transform_weights()


def ring_seconds(
    num_bytes: float, gpus: int, bits_per_second: float, latency: float
) -> float:
    """Returns the time of a ring all-reduce.

    Each GPU sends and receives 2 (n - 1) parts, each 1/n of the whole.

    Args:
        num_bytes: What is summed.
        gpus: n.
        bits_per_second: Between neighbors of the ring, of each GPU.
        latency: Of each part, seconds.
    """
    parts = 2 * (gpus - 1)
    return parts * (8 * num_bytes / gpus / bits_per_second + latency)


def compute_seconds(given: Assumptions) -> float:
    """Returns the time of a step of one GPU alone."""
    size = given.image_size
    flop = work.training_step_flop(given.batch, size, size)
    return flop / (given.peak_flops * given.utilization)


def step_seconds(given: Assumptions, gpus: int, gigabits: float) -> float:
    """Returns the time of a step; nothing is sent while it computes.

    Args:
        given: The assumptions.
        gpus: How many.
        gigabits: A second, between neighbors.
    """
    gradient = ring_seconds(
        gradient_bytes(), gpus, 1e9 * gigabits, given.latency
    )
    # Single numbers go up and down a tree.
    small = 2 * math.ceil(math.log2(gpus)) * given.latency
    return (
        compute_seconds(given)
        + given.gradient_reductions * gradient
        + given.small_reductions * small
    )


def images_per_second(given: Assumptions, gpus: int, gigabits: float) -> float:
    """Returns what all GPUs learn from together, and pipelines must deliver."""
    return gpus * given.batch / step_seconds(given, gpus, gigabits)


def table(given: Assumptions) -> str:
    """Returns the step times, and images a second, as Markdown."""
    lines = [
        "| GPUs | images per step | "
        + " | ".join(f"{gigabits} Gb/s" for gigabits in BANDWIDTHS)
        + " |",
        "|---|---|" + "---|" * len(BANDWIDTHS),
    ]
    for gpus in GPUS:
        cells = []
        for gigabits in BANDWIDTHS:
            milliseconds = 1e3 * step_seconds(given, gpus, gigabits)
            images = images_per_second(given, gpus, gigabits)
            cells.append(f"{milliseconds:.1f} ms, {images:,.0f}/s")
        lines.append(
            f"| {gpus} | {gpus * given.batch:,} | " + " | ".join(cells) + " |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(Assumptions()))

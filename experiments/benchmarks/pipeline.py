"""Whether the pipeline of content images keeps up with a fast GPU.

    python experiments/benchmarks/pipeline.py photos/

measures how many images a second this machine decodes, crops and batches, and
divides the need of a GPU, on paper (scaling.py), by that of a core.
"""

import math
import os
import sys
import time

import scaling

import fastnst

_BATCHES = 20


def images_per_second(folder: str, image_size: int, batch: int) -> float:
    """Measures the pipeline, without what its first batch takes longer."""
    fastnst.import_tensorflow()
    from fastnst.data import content_images

    batches = iter(
        content_images.content_images(
            [folder], image_size=image_size, batch_size=batch, seed=0
        )
    )
    # The buffers are filled before the clock starts.
    for _ in range(_BATCHES):
        next(batches)
    start = time.perf_counter()
    for _ in range(_BATCHES):
        next(batches)
    return _BATCHES * batch / (time.perf_counter() - start)


def cores_needed(needed: float, measured: float, cores: int) -> int:
    """Returns how many cores deliver as many images as are needed."""
    return math.ceil(needed / (measured / cores))


def main(folder: str) -> None:
    given = scaling.Assumptions()
    cores = len(os.sched_getaffinity(0))
    measured = images_per_second(folder, given.image_size, given.batch)
    needed = scaling.images_per_second(given, 1, scaling.BANDWIDTHS[0])
    print(f"measured: {measured:.0f} images/s on {cores} cores")
    print(f"needed for each GPU, on paper: {needed:.0f} images/s")
    print(f"cores for each GPU: {cores_needed(needed, measured, cores)}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: pipeline.py FOLDER_OF_PHOTOS")
    main(sys.argv[1])

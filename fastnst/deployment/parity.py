"""Comparison of an exported network with Keras, on the pixels of one photo."""

from collections.abc import Callable
import dataclasses
import math
import os
import pathlib
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from fastnst.data import dead_leaves
from fastnst.data import image_files

REPORT_FILE = "parity.json"
# Height and width of the picture where a product takes any. Does not divide by
# 4: padding and cropping are compared too.
TEST_SIZE = (253, 317)


@dataclasses.dataclass(frozen=True)
class Bounds:
    """How far an exported network may be from Keras, of 255, at most.

    Attributes:
        max_difference: Of any value of the picture.
        mean_difference: Mean of the absolute differences.
    """

    max_difference: float
    mean_difference: float

    def after_rounding(self) -> "Bounds":
        """Returns the bounds for two results rounded to whole numbers.

        Numbers less than n apart are rounded to whole numbers at most n apart.
        """
        return Bounds(math.ceil(self.max_difference), self.mean_difference)


# Before rounding. int8: only a guard against a broken file; how good the
# rounding of the weights looks depends on the network and is reported.
BOUNDS = {
    "fp32": Bounds(0.5, 0.1),
    "fp16": Bounds(3.0, 0.3),
    "int8": Bounds(128.0, 8.0),
}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What was found; differences are absolute, on the 0-255 scale.

    Attributes:
        product: Name of the signature or of the file.
        size: Height and width of the photo, "256x256".
        max_difference: The largest difference of a value.
        mean_difference: The mean.
        bounds: What they may be at most.
        num_bytes: Size of the file, or of all files of a SavedModel.
        milliseconds: Median time of a run.
        num_runs: Number of runs timed.
        threads: Threads that they had.
    """

    product: str
    size: str
    max_difference: float
    mean_difference: float
    bounds: Bounds
    num_bytes: int
    milliseconds: float
    num_runs: int
    threads: int

    def is_within_bounds(self) -> bool:
        """Tells whether the product may be kept; NaN may not."""
        return (
            self.max_difference <= self.bounds.max_difference
            and self.mean_difference <= self.bounds.mean_difference
        )

    def __str__(self) -> str:
        return (
            f"{self.product}  {self.size}  "
            f"max {self.max_difference:.4f}, "
            f"mean {self.mean_difference:.5f} of 255  "
            f"{self.num_bytes / 1e6:.2f} MB  "
            f"{self.milliseconds:.1f} ms "
            f"(median of {self.num_runs}, {self.threads} threads)"
        )


def compare(
    product: str,
    run: Callable[[], np.ndarray],
    expected: np.ndarray,
    *,
    bounds: Bounds,
    num_bytes: int,
    threads: int,
    num_runs: int,
) -> Comparison:
    """Runs an exported network on a photo and compares with Keras.

    Args:
        product: Its name, for the report.
        run: Runs it; returns a picture of the shape of `expected`.
        expected: float32, shape (height, width, 3), from `keras_result`.
            Rounded here if `run` returns uint8.
        bounds: Before rounding.
        num_bytes: Size of the product.
        threads: Threads it has.
        num_runs: Runs to time, after one that is not timed.

    Returns:
        The comparison, within bounds.

    Raises:
        ValueError: If it is not within bounds, or has another shape.
    """
    result = run()
    if result.shape != expected.shape:
        raise ValueError(
            f"{product} must return shape {expected.shape}. Received: "
            f"{result.shape}. It was not kept."
        )
    if result.dtype == np.uint8:
        expected, bounds = np.round(expected), bounds.after_rounding()
    difference = np.abs(result.astype(np.float64) - expected)
    comparison = Comparison(
        product=product,
        size=f"{expected.shape[0]}x{expected.shape[1]}",
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        bounds=bounds,
        num_bytes=num_bytes,
        milliseconds=_median_milliseconds(run, num_runs),
        num_runs=num_runs,
        threads=threads,
    )
    if not comparison.is_within_bounds():
        raise ValueError(
            f"{product} differs too much from Keras and was not kept: "
            f"{comparison}; allowed are max {bounds.max_difference}, mean "
            f"{bounds.mean_difference}."
        )
    return comparison


def keras_result(
    network: keras.Model,
    picture: np.ndarray,
    style_blend: np.ndarray | None = None,
) -> np.ndarray:
    """Runs the network itself.

    Args:
        network: A transform network, float32.
        picture: uint8, shape (height, width, 3).
        style_blend: float32, shape (num_styles,), or None for the first style.

    Returns:
        float32, height and width times the network's factor, 3 channels, in
        [0, 255], not rounded.
    """
    images = tf.cast(picture[None], tf.float32)
    if style_blend is None:
        return network(images, training=False)[0].numpy()
    blend = tf.constant(style_blend[None])
    return network(images, style_blend=blend, training=False)[0].numpy()


def comparison_blend(network: keras.Model) -> np.ndarray | None:
    """Returns a blend of all styles to compare with; None for one style.

    Weights 1 : 2 : 3 ..., so that a swap of two styles shows.
    """
    num_styles = len(getattr(network, "style_names", ()))
    if num_styles < 2:
        return None
    weights = np.arange(1, num_styles + 1, dtype=np.float32)
    return weights / weights.sum()


def comparison_picture(
    height: int, width: int, photo: str | os.PathLike | None = None
) -> np.ndarray:
    """Returns the picture that networks are compared on.

    Args:
        height: Of the picture.
        width: Of the picture.
        photo: A picture file, which is resized and cropped; None draws dead
            leaves, which have edges and textures of all sizes as photos do.

    Returns:
        uint8, shape (height, width, 3).

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no picture.
    """
    side = max(height, width)
    if photo is None:
        picture = dead_leaves.dead_leaves_image(side, np.random.default_rng(0))
    else:
        picture = image_files.read_image(pathlib.Path(photo)).flattened()
        picture = image_files.resize_short_side(picture, side)
    top = (picture.shape[0] - height) // 2
    left = (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]


def num_threads() -> int:
    """Returns the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def _median_milliseconds(run: Callable[[], np.ndarray], num_runs: int) -> float:
    seconds = []
    for _ in range(num_runs):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(seconds)

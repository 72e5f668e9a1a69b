"""What a contestant is asked to do, the same for all of them."""

from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """One measurement.

    Attributes:
        height: Of the pictures, pixels.
        width: Of the pictures, pixels.
        threads: That a contestant may use.
        batch: Pictures of a training step.
        directory: Where the exported files are.
        network: A trained fastnst network, or None for an untrained one.
    """

    height: int
    width: int
    threads: int
    batch: int = 1
    directory: str = ""
    network: str | None = None

    @property
    def name(self) -> str:
        """Width x height, as pictures are named."""
        return f"{self.width}x{self.height}"

    def pictures(self) -> np.ndarray:
        """Draws noise: float32, shape (batch, height, width, 3), [0, 255].

        What is on a picture does not change the time; the first quarter of the
        noise is repeated so that large ones are quickly drawn.
        """
        rows = -(-self.height // 4)
        noise = np.random.default_rng(0).uniform(
            0.0, 255.0, [self.batch, rows, self.width, 3]
        )
        pictures = np.tile(noise.astype(np.float32), [1, 4, 1, 1])
        return pictures[:, : self.height]


def parsed_size(size: str) -> tuple[int, int]:
    """Returns the height and width of a size such as 1920x1080.

    Raises:
        ValueError: If it is none.
    """
    try:
        width, height = [int(number) for number in size.split("x")]
    except ValueError:
        raise ValueError(
            "A size must be width x height, such as 1920x1080. "
            f"Received: {size}."
        ) from None
    return height, width

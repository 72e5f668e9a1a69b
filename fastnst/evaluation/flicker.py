"""How much a stylized video flickers, on clips whose motion is known exactly.

A network that stylizes frame by frame may answer a change that nobody sees
with one that everybody does. Two clips are made of a photo: one in which
nothing moves, filmed by a camera with noise, and one in which the camera pans
by a pixel a frame. A network is taken as a callable.
"""

from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# float32 (1, height, width, 3) in [0, 255] to the same.
Stylize = Callable[[np.ndarray], np.ndarray]

# Frames of each clip: after a pan by 4 pixels the grids of layers of a quarter
# of the resolution fall together again.
NUM_FRAMES = 5
PAN = NUM_FRAMES - 1
# Standard deviation of the noise, of 255: a small camera in a lit room.
_NOISE = 3.0


class Flicker(NamedTuple):
    """Mean absolute changes from frame to frame, of 255.

    Attributes:
        noise_input: Of the frames with noise.
        noise_output: Of what the network makes of them.
        noise: What the output changes more than the input; a network that
            does not amplify noise has 0 or less.
        pan: Of the output of the pan, each frame against the one before moved
            by the known motion. That of the input is 0.
    """

    noise_input: float
    noise_output: float
    noise: float
    pan: float


def measure(
    stylize: Stylize, photos: Sequence[np.ndarray], *, seed: int = 0
) -> Flicker:
    """Measures a network on photos.

    Args:
        stylize: The network, with one style.
        photos: float32, shape (1, height, width, 3), in [0, 255], sides larger
            than `PAN`; in the pan frames are smaller by that.
        seed: Of the noise.

    Returns:
        Means over the photos.

    Raises:
        ValueError: If there is no photo, or one is too small.
    """
    generator = np.random.default_rng(seed)
    found = []
    for photo in photos:
        if min(photo.shape[1:3]) <= PAN:
            raise ValueError(
                f"Sides of `photos` must be larger than {PAN}. Received: "
                f"shape {photo.shape}."
            )
        noisy = [_noisy(photo, generator) for _ in range(NUM_FRAMES)]
        before = _mean_change(noisy)
        after = _mean_change([stylize(frame) for frame in noisy])
        found.append(
            (before, after, after - before, _pan_change(stylize, photo))
        )
    if not found:
        raise ValueError("`photos` must hold at least one. Received: none.")
    return Flicker(*(float(value) for value in np.mean(found, axis=0)))


def _noisy(photo: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Films a photo: noise in every channel, rounded as files are."""
    noise = generator.normal(0.0, _NOISE, photo.shape)
    return np.clip(np.rint(photo + noise), 0, 255).astype(np.float32)


def _mean_change(frames: Sequence[np.ndarray]) -> float:
    return float(
        np.mean(
            [
                np.abs(np.subtract(after, before, dtype=np.float64)).mean()
                for before, after in zip(frames, frames[1:])
            ]
        )
    )


def _pan_change(stylize: Stylize, photo: np.ndarray) -> float:
    """Moves a window over the photo, a pixel down and right each frame."""
    height, width = [side - PAN for side in photo.shape[1:3]]
    stylized = [
        stylize(photo[:, step:step + height, step:step + width])
        for step in range(NUM_FRAMES)
    ]
    changes = [
        _mean_change([before[:, 1:, 1:], after[:, :-1, :-1]])
        for before, after in zip(stylized, stylized[1:])
    ]
    return float(np.mean(changes))

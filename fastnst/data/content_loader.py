"""Makes the image that belongs to a position of a content stream."""

import atexit
from collections.abc import Sequence
import threading
import time
import weakref

from absl import logging
import numpy as np

from fastnst.data import content_sources
from fastnst.data import image_files
from fastnst.data import mixed_order

RESIZES = ("crop", "squash", "patch")
# Pictures with a shorter side have nothing to learn from but blur.
MINIMUM_SIDE = 16
# What a position of the stream gave.
USABLE, LEFT_OUT, ENDED = range(3)


class ContentLoader:
    """Turns positions into square images, and counts what is left out."""

    def __init__(
        self,
        parts: Sequence[content_sources.Source],
        order: mixed_order.MixedOrder,
        image_size: int,
        resize: str,
        seed: list[int],
    ):
        self._parts = parts
        self._order = order
        self._image_size = image_size
        self._resize = resize
        self._seed = seed
        self._left_out: list[set[str]] = [set() for _ in parts]
        self._lock = threading.Lock()
        self._num_running = 0
        self._ended = False
        _LOADERS.add(self)

    def end(self) -> None:
        """Ends the stream: no image is made from now on."""
        self._ended = True

    @property
    def is_busy(self) -> bool:
        """Whether an image is being made at this moment."""
        return self._num_running > 0

    def check_folders(self) -> None:
        """Refuses a folder without one usable picture."""
        for number, part in enumerate(self._parts):
            if not isinstance(part, content_sources.Folder):
                continue
            # _leave_out raises at the last of a folder's pictures.
            sample = 0
            while self._picture(number, sample, b"") is None:
                sample += 1

    def load(
        self, position: np.ndarray, record: bytes
    ) -> tuple[np.ndarray, np.int64]:
        """Returns an image, or zeros where there is none to use.

        Args:
            position: int64 scalar.
            record: From the source that has its turn at the position.

        Returns:
            uint8, shape (image_size, image_size, 3); and the outcome.
        """
        with self._lock:
            self._num_running += 1
        try:
            image = None if self._ended else self._image(int(position), record)
        finally:
            with self._lock:
                self._num_running -= 1
        if image is not None:
            return image, np.int64(USABLE)
        zeros = np.zeros([self._image_size, self._image_size, 3], np.uint8)
        return zeros, np.int64(ENDED if self._ended else LEFT_OUT)

    def _image(self, position: int, record: bytes) -> np.ndarray | None:
        number = self._order.source(position)
        sample = self._order.sample(position, number)
        picture = self._picture(number, sample, record)
        if picture is None:
            return None
        return self._square(
            picture, np.random.default_rng([*self._seed, position])
        )

    def _picture(
        self, number: int, sample: int, record: bytes
    ) -> np.ndarray | None:
        """Returns a picture of a source as decoded, None if not usable."""
        part = self._parts[number]
        name = part.describe(sample, record)
        if name in self._left_out[number]:
            return None
        patch = self._resize == "patch"
        least = self._image_size
        if not patch:
            least = min(MINIMUM_SIDE, least)
        try:
            side = None if patch else self._image_size
            picture = part.load(sample, record, side)
            if min(picture.shape[:2]) >= least:
                return picture
            height, width = picture.shape[:2]
            reason = f"{width}x{height} pixels, too small (under {least})."
        except (ValueError, OSError) as error:
            reason = str(error)
        self._leave_out(number, name, reason)
        return None

    def _leave_out(self, number: int, name: str, reason: str) -> None:
        part = self._parts[number]
        left_out = self._left_out[number]
        with self._lock:
            if name in left_out:
                return
            left_out.add(name)
            if (part.name, name) not in _NAMED:
                _NAMED.add((part.name, name))
                logging.warning(
                    "Content image %s is left out (%d of %s so far): %s",
                    name,
                    len(left_out),
                    part.name,
                    reason,
                )
            if part.count is not None and len(left_out) >= part.count:
                raise ValueError(
                    f"None of the {part.count} pictures of {part.name} can be "
                    f"used. The last one: {reason}"
                )

    def _square(
        self, picture: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        size = self._image_size
        # Differs from the paper: its code squashes to a square and never
        # mirrors; that is "squash".
        if self._resize == "squash":
            return image_files.resize(picture, size, size)
        height, width = picture.shape[:2]
        side = size if self._resize == "patch" else min(height, width)
        top = rng.integers(height - side + 1)
        left = rng.integers(width - side + 1)
        square = picture[top:top + side, left:left + side]
        square = image_files.resize(square, size, size)
        return square[:, ::-1] if rng.integers(2) else square


# Source and name of what was left out and is in the log: the stages of a
# training, each of which has a loader, tell of it once.
_NAMED: set[tuple[str, str]] = set()
_LOADERS: "weakref.WeakSet[ContentLoader]" = weakref.WeakSet()


@atexit.register
def _end_streams() -> None:
    """Lets Python exit while a stream is still held, as after an error.

    TensorFlow then waits for the threads of the stream, and they would wait
    for an interpreter that is gone: the process would hang.
    """
    loaders = list(_LOADERS)
    for loader in loaders:
        loader.end()
    quiet_since = time.monotonic()
    give_up = quiet_since + 5.0
    while loaders and quiet_since + 0.05 > time.monotonic() < give_up:
        time.sleep(0.005)
        if any(loader.is_busy for loader in loaders):
            quiet_since = time.monotonic()

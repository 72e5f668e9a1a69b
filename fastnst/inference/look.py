"""How much of a style a photo gets, and where: what `stylize` can be told."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from fastnst.data import image_files
from fastnst.inference import color
from fastnst.inference import masks

# Pictures are mixed a few rows at a time: float32 takes four times as much
# memory as the pictures themselves.
_NUM_PIXELS = 2**20


@dataclasses.dataclass(frozen=True)
class Look:
    """What a stylized photo shall look like.

    Attributes:
        strength: From 0, the photo, to 1, the result of the network.
        keep_colors: Whether the result has the colors of the photo, and only
            its light and dark from the style.
        max_side: A photo with a longer side is made smaller first; None keeps
            the size.
        mask: uint8 or bool, shape (height, width) of any size: where the
            style applies (255). Its edges are softened.
        style_masks: One mask for each style named, instead of one style. The
            photo stays where all are black.
        compare: Whether the photo stands left of the result.

    Raises:
        ValueError: If an attribute is not as above.
    """

    strength: float = 1.0
    keep_colors: bool = False
    max_side: int | None = None
    mask: Any = None
    style_masks: Mapping[str, Any] | None = None
    compare: bool = False

    def __post_init__(self):
        if not 0 <= self.strength <= 1:
            raise ValueError(
                "`strength` must be from 0 to 1. "
                f"Received: strength={self.strength}."
            )
        if self.max_side is not None and self.max_side < 1:
            raise ValueError(
                "`max_side` must be at least 1. "
                f"Received: max_side={self.max_side}."
            )
        for mask in self._masks():
            masks.checked(mask)

    def _masks(self) -> list:
        found = list((self.style_masks or {}).values())
        return found if self.mask is None else [self.mask, *found]

    def apply(
        self,
        photo: np.ndarray,
        stylize: Callable[[np.ndarray, Any], np.ndarray],
        style: Any,
    ) -> np.ndarray:
        """Stylizes a photo.

        Args:
            photo: uint8 or float32, shape (height, width, 3), in [0, 255].
            stylize: Takes a photo and a style and returns the stylized photo,
                of the same type and size.
            style: The style, where no `style_masks` name some.

        Returns:
            The type of `photo`; its size, or that of `max_side`; twice as
            wide with `compare`.
        """
        photo = self._shrunk(photo)
        styles = list(self.style_masks) if self.style_masks else [style]
        results = [stylize(photo, name) for name in styles]
        if self.strength < 1 or self.keep_colors or self._masks():
            results = [self._mixed(photo, results)]
        if self.compare:
            return np.concatenate([photo, results[0]], axis=1)
        return results[0]

    def _shrunk(self, photo: np.ndarray) -> np.ndarray:
        longest = max(photo.shape[:2])
        if self.max_side is None or longest <= self.max_side:
            return photo
        height, width = [
            max(1, round(side * self.max_side / longest))
            for side in photo.shape[:2]
        ]
        if photo.dtype == np.uint8:
            return image_files.resize(photo, height, width)
        resized = tf.image.resize(
            photo, [height, width], "bicubic", antialias=True
        )
        return np.clip(resized.numpy(), 0, 255)

    def _mixed(self, photo, results) -> np.ndarray:
        height, width = photo.shape[:2]
        fitted = [
            masks.feathered(masks.checked(mask), height, width)
            for mask in self._masks()
        ]
        everywhere = None if self.mask is None else fitted.pop(0)
        mixture = np.empty_like(photo)
        step = max(1, _NUM_PIXELS // width)
        for begin in range(0, height, step):
            rows = slice(begin, begin + step)
            mixed = color.mixed(
                photo[rows],
                [result[rows] for result in results],
                [mask[rows] / 255.0 for mask in fitted] or [1.0],
                keep_colors=self.keep_colors,
            )
            mixed = photo[rows] + self.strength * (mixed - photo[rows])
            if everywhere is not None:
                share = everywhere[rows, :, None] / 255.0
                mixed = photo[rows] + share * (mixed - photo[rows])
            if photo.dtype == np.uint8:
                mixed = np.clip(np.rint(mixed), 0, 255)
            mixture[rows] = mixed
        return mixture

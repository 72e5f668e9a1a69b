"""Batches of pictures that have one size, from a stream of any sizes."""

from collections.abc import Iterable
from collections.abc import Iterator

import numpy as np

# Pictures that wait for others of their size, in pixels of 3 bytes.
_MAX_WAITING_PIXELS = 2**26


def size_batches(
    pictures: Iterable[tuple[str, np.ndarray]],
    *,
    batch_size: int,
    max_waiting_pixels: int = _MAX_WAITING_PIXELS,
) -> Iterator[tuple[list[str], np.ndarray]]:
    """Puts pictures of the same size together, in an order that never changes.

    Sizes are not made equal by padding: instance normalization would see it.

    Args:
        pictures: Name and uint8 pixels, shape (height, width, 3), of each.
        batch_size: The most pictures of a batch.
        max_waiting_pixels: When more than these wait, the size that has most
            goes on incomplete.

    Yields:
        Names and pixels, uint8, shape (count, height, width, 3).

    Example:
        >>> small, large = [np.zeros([n, n, 3], np.uint8) for n in (4, 8)]
        >>> found = size_batches(
        ...     [("a", small), ("b", large), ("c", small)], batch_size=2
        ... )
        >>> [names for names, _ in found]
        [['a', 'c'], ['b']]
    """
    waiting: dict[tuple[int, int], list[tuple[str, np.ndarray]]] = {}
    pixels: dict[tuple[int, int], int] = {}

    def take(size: tuple[int, int]) -> tuple[list[str], np.ndarray]:
        del pixels[size]
        names, arrays = zip(*waiting.pop(size))
        return list(names), np.stack(arrays)

    for name, picture in pictures:
        height, width = picture.shape[:2]
        size = (height, width)
        waiting.setdefault(size, []).append((name, picture))
        pixels[size] = pixels.get(size, 0) + height * width
        if len(waiting[size]) == batch_size:
            yield take(size)
        elif sum(pixels.values()) > max_waiting_pixels:
            yield take(max(pixels, key=lambda size: pixels[size]))
    for size in sorted(waiting):
        yield take(size)

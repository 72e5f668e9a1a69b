"""Histogram matching: the paper's last step after super-resolution.

"As a post-processing step, we perform histogram matching between our network
output and the low-resolution input" (Johnson et al. 2016, section 4.2). It
undoes a drift of color or contrast and can neither add nor remove detail.
"""

import numpy as np


def match_histogram(images: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Gives each channel of an image the distribution of the reference's.

    A value is replaced by the reference's value of the same rank (the middle
    rank of equal values, interpolated in between), so the order of the values
    stays.

    Args:
        images: uint8 or float, shape (height, width, channels), or with a
            batch axis before, in [0, 255]: the network's output.
        references: uint8 or float, any height and width, otherwise the same
            shape: its low-resolution input.

    Returns:
        uint8 (rounded) for uint8 images, otherwise float32; the shape of
        `images`.

    Raises:
        ValueError: If the shapes do not fit together.
    """
    _check_shapes(images, references)
    if images.ndim == 4:
        pairs = zip(images, references, strict=True)
        return np.stack([match_histogram(*pair) for pair in pairs])
    matched = np.stack(
        [
            _match_channel(images[..., channel], references[..., channel])
            for channel in range(images.shape[-1])
        ],
        axis=-1,
    )
    if images.dtype == np.uint8:
        return np.floor(np.clip(matched, 0, 255) + 0.5).astype(np.uint8)
    return matched.astype(np.float32)


def _match_channel(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    _, places, ranks = _values_and_ranks(image)
    reference_values, _, reference_ranks = _values_and_ranks(reference)
    matched = np.interp(ranks, reference_ranks, reference_values)
    return matched[places].reshape(image.shape)


def _values_and_ranks(
    channel: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct values, where each pixel's is, and their ranks in (0, 1)."""
    values, places, counts = np.unique(
        channel, return_inverse=True, return_counts=True
    )
    # The middle rank treats dark and bright alike.
    ranks = (np.cumsum(counts) - counts / 2) / channel.size
    return values, places, ranks


def _check_shapes(images: np.ndarray, references: np.ndarray) -> None:
    fits = (
        images.ndim in (3, 4)
        and references.ndim == images.ndim
        and references.shape[-1] == images.shape[-1]
        and references.shape[:-3] == images.shape[:-3]
        and images.size
        and references.size
    )
    if not fits:
        raise ValueError(
            "`images` and `references` must have shape ([batch,] height, "
            "width, channels) and the same batch and channels. Received: "
            f"{images.shape} and {references.shape}."
        )

"""PSNR and SSIM of super-resolution, photo by photo, as the paper's tables.

The bicubic row is always computed beside the network's: it tells whether
photos and protocol are those of a published table.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
from typing import NamedTuple

import numpy as np

from fastnst.data import low_resolution
from fastnst.evaluation import image_quality
from fastnst.inference import histogram_matching

# uint8 (height, width, 3) to the same, `factor` times as large.
Upscale = Callable[[np.ndarray], np.ndarray]

BICUBIC = "bicubic"
NETWORK = "network"
MEAN = "mean"
# SSIM's window.
_LEAST_SIDE = 11
_GRID_SIDE = 64


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a photo is shrunk, enlarged and scored; `str()` of it says so.

    Attributes:
        factor: How many times smaller the low-resolution image is.
        degradation: One of `low_resolution.DEGRADATIONS`.
        crop_border: Pixels left out on every side; None is the factor.
        match_histogram: Whether the network's output gets the colors of its
            input, as the paper's did.
    """

    factor: int
    degradation: str = "bicubic"
    crop_border: int | None = None
    match_histogram: bool = False

    @property
    def border(self) -> int:
        """Pixels left out on every side."""
        return self.factor if self.crop_border is None else self.crop_border

    def __str__(self) -> str:
        blur = "Gaussian blur of sigma 1.0, then "
        return (
            f"factor {self.factor}; low resolution: "
            f"{blur if self.degradation == 'paper' else ''}antialiased bicubic "
            "(MATLAB's imresize), 8 bits; truth cropped right and bottom to a "
            f"multiple of {self.factor}; PSNR and SSIM on Y of BT.601 YCbCr, "
            f"{self.border} pixels of border left out; histogram matching: "
            f"{'yes' if self.match_histogram else 'no'}"
        )

    def truth(self, name: str, photo: np.ndarray) -> np.ndarray:
        """Crops a photo to a multiple of the factor.

        Args:
            name: Of the photo, for the error.
            photo: uint8, shape (height, width, 3).

        Returns:
            A view of it.

        Raises:
            ValueError: If it is too small to be scored.
        """
        height, width = photo.shape[:2]
        side = min(height, width)
        if side - side % self.factor < 2 * self.border + _LEAST_SIDE:
            raise ValueError(
                f"{name} is too small: PSNR and SSIM need {_LEAST_SIDE} pixels "
                f"a side beside the border of {self.border}. Received: "
                f"{width}x{height}."
            )
        return image_quality.crop_to_multiple(photo, self.factor)

    def shrink(self, truth: np.ndarray) -> np.ndarray:
        """Makes the low-resolution image, uint8, of a truth, uint8."""
        return low_resolution.degrade(
            truth, self.factor, degradation=self.degradation, eight_bit=True
        ).astype(np.uint8)

    def score(
        self, image: np.ndarray, truth: np.ndarray
    ) -> image_quality.QualityScore:
        """Scores an enlarged image, both uint8 and of the same shape."""
        return image_quality.quality_score(
            image, truth, crop_border=self.border
        )


class Enlargement(NamedTuple):
    """One photo, shrunk and enlarged again.

    Attributes:
        photo: Name of the photo.
        low_resolution: uint8, the photo shrunk.
        truth: uint8, shape (height, width, 3), the photo.
        images: Row ("bicubic", and "network" if there is one) to the enlarged
            image, uint8, the shape of `truth`.
        scores: Row to PSNR and SSIM.
    """

    photo: str
    low_resolution: np.ndarray
    truth: np.ndarray
    images: dict[str, np.ndarray]
    scores: dict[str, image_quality.QualityScore]


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        photo: Name of the photo, or "mean".
        row: Which enlargement.
        psnr: In decibels.
        ssim: At most 1.
        grid: See `grid_ratio`; None where it is not known.
    """

    photo: str
    row: str
    psnr: float
    ssim: float
    grid: float | None


def enlarge(
    protocol: Protocol,
    photos: Iterable[tuple[str, np.ndarray]],
    upscale: Upscale | None = None,
) -> Iterator[Enlargement]:
    """Shrinks photos, enlarges them again and scores the result.

    Args:
        protocol: How.
        photos: Name and uint8 pixels, shape (height, width, 3), of each.
        upscale: The network; None computes the bicubic row only.

    Yields:
        What became of each photo.

    Raises:
        ValueError: If a photo is too small, or the network has another factor.
    """
    for name, photo in photos:
        truth = protocol.truth(name, photo)
        small = protocol.shrink(truth)
        bicubic = low_resolution.upscale_bicubic(
            small, protocol.factor, eight_bit=True
        )
        images = {BICUBIC: bicubic.astype(np.uint8)}
        if upscale is not None:
            enlarged = upscale(small)
            if protocol.match_histogram:
                enlarged = histogram_matching.match_histogram(enlarged, small)
            images[NETWORK] = enlarged
        scores = {
            row: protocol.score(image, truth) for row, image in images.items()
        }
        yield Enlargement(name, small, truth, images, scores)


def rows(enlargements: Sequence[Enlargement]) -> list[Row]:
    """Makes the table: a row for each photo and method, and the means.

    Args:
        enlargements: At least one, all with the same methods.

    Returns:
        The rows; the means come last. As in published tables, PSNR is
        averaged in decibels.
    """
    found = [
        Row(
            each.photo, name, score.psnr, score.ssim, grid_ratio([each], name)
        )
        for each in enlargements
        for name, score in each.scores.items()
    ]
    for name in enlargements[0].scores:
        means = np.mean([each.scores[name] for each in enlargements], axis=0)
        psnr, ssim = means.tolist()
        grid = grid_ratio(enlargements, name)
        found.append(Row(MEAN, name, psnr, ssim, grid))
    return found


def paper_rows(folder: str, factor: int) -> list[Row]:
    """Returns what the paper prints for a set of photos.

    Args:
        folder: Name of the folder of photos; Set5, Set14 and BSD100 are known
            (in any case).
        factor: The factor.

    Returns:
        Rows of means; empty if the paper has none.
    """
    printed = image_quality.PAPER_SCORES.get((folder.lower(), factor), {})
    return [
        Row(MEAN, f"paper: {name}", psnr, ssim, None)
        for name, (psnr, ssim) in printed.items()
    ]


def side_by_side(
    enlargement: Enlargement, crop_side: int | None = None
) -> np.ndarray:
    """Shows a photo: low resolution, the methods, the truth.

    Args:
        enlargement: One photo.
        crop_side: Side of the square in the middle that is shown, in pixels;
            None shows all.

    Returns:
        uint8, shape (height, columns * width, 3), pixels at 100 %; the
        low-resolution image is enlarged by repeating its pixels.
    """
    small, truth = enlargement.low_resolution, enlargement.truth
    factor = len(truth) // len(small)
    repeated = small.repeat(factor, axis=0).repeat(factor, axis=1)
    height, width = (min(s, crop_side or s) for s in truth.shape[:2])
    top, left = (truth.shape[0] - height) // 2, (truth.shape[1] - width) // 2
    return np.concatenate(
        [
            image[top : top + height, left : left + width]
            for image in (repeated, *enlargement.images.values(), truth)
        ],
        axis=1,
    )


def grid_ratio(enlargements: Sequence[Enlargement], row: str) -> float:
    """Computes how much more of a grid the images have than the truth.

    What upsampling leaves is a pattern with the period of the factor: energy
    at multiples of 1 / factor cycles per pixel, along rows and columns.

    Args:
        enlargements: At least one, all of one factor.
        row: Which of the enlarged images.

    Returns:
        That energy over that of the truth, summed over the photos.
    """
    factor = len(enlargements[0].truth) // len(enlargements[0].low_resolution)
    energies = [
        [_grid_energy(image, factor) for image in (e.images[row], e.truth)]
        for e in enlargements
    ]
    images, truths = np.sum(energies, axis=0)
    return float(images / truths)


def _grid_energy(image: np.ndarray, factor: int) -> float:
    """Mean power of the luma at multiples of 1 / factor, without zero.

    Averaged over overlapping squares: at single frequencies the power of one
    large square is mostly chance.
    """
    luma = image_quality.rgb_to_luma(image)
    side = min(_GRID_SIDE, *luma.shape)
    side -= side % factor
    squares = np.lib.stride_tricks.sliding_window_view(luma, (side, side))
    squares = squares[:: side // 2, :: side // 2]
    window = np.outer(np.hanning(side), np.hanning(side))
    flat = squares - squares.mean((-2, -1), keepdims=True)
    power = np.abs(np.fft.fft2(flat * window)) ** 2
    grid = power[..., :: side // factor, :: side // factor].mean((0, 1))
    return float(grid.sum() - grid[0, 0])

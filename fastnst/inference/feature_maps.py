"""The feature maps of a whole picture, of which a few rows exist at a time.

Each class stands for all rows of something: the picture, what a layer makes
of other maps, a sum, what was stored before. `read(begin, end)` computes or
fetches the rows asked for, with the network's own layers.
"""

import math
from typing import Protocol

import numpy as np
import tensorflow as tf

from fastnst.networks import blocks
from fastnst.networks import layers


class FeatureMaps(Protocol):
    """What the classes below have in common."""

    height: int

    def read(self, begin: int, end: int) -> tf.Tensor:
        """Returns rows: shape (1, end - begin, width, channels)."""


class Picture:
    """The pixels that enter the network.

    Args:
        pixels: uint8 or float32, shape (height, width, 3).
        dtype: What the network computes in.
    """

    def __init__(self, pixels: np.ndarray, dtype: str):
        self.height = pixels.shape[0]
        self._pixels, self._dtype = pixels, dtype

    def read(self, begin: int, end: int) -> tf.Tensor:
        """Returns rows: shape (1, end - begin, width, 3)."""
        return tf.cast(self._pixels[None, begin:end], self._dtype)


class Convolved:
    """What a convolution makes of maps, computed whenever it is read.

    The layer is called on more rows than it is asked for. It takes the first
    and last of them for the border of the picture and pads there; the rows
    that have seen a border where there is none are thrown away.

    Args:
        maps: What the layer reads.
        layer: The layer.
        call: What is done in its place, if it is not the layer alone.
    """

    def __init__(self, maps: FeatureMaps, layer: layers.Convolution, call=None):
        self._maps, self._layer = maps, layer
        self._call = call or layer
        self.height = self._rows_made(maps.height)

    def read(self, begin: int, end: int) -> tf.Tensor:
        """Returns rows: shape (1, end - begin, width, channels)."""
        first, last = self._rows_read(begin, end)
        made = self._call(self._maps.read(first, last))
        skipped = begin - self._rows_before(first)
        return made[:, skipped:skipped + end - begin]

    def _rows_made(self, height: int) -> int:
        if self._layer.upsampling:
            return 2 * height
        if self._layer.padding == "valid":
            height -= self._layer.kernel_size - 1
        return math.ceil(height / self._layer.strides)

    def _rows_before(self, first: int) -> int:
        """Returns which output row the first one of a strip is."""
        if self._layer.upsampling:
            return 2 * first
        return first // self._layer.strides

    def _rows_read(self, begin: int, end: int) -> tuple[int, int]:
        """Returns the input rows that decide the output rows asked for."""
        strides, margin = self._layer.strides, self._layer.kernel_size // 2
        if self._layer.upsampling:
            first, last = begin // 2 - margin, math.ceil(end / 2) + margin
        elif self._layer.padding == "valid":
            return begin * strides, (end - 1) * strides + 2 * margin + 1
        else:
            # A strip must begin where a step of the layer does.
            first = (begin - math.ceil(margin / strides)) * strides
            last = (end - 1) * strides + margin + 1
        return max(0, first), min(last, self._maps.height)


class Stored:
    """Maps that were written into a buffer before.

    Args:
        buffer: Of `RowBuffers`.
        height: Number of its rows.
    """

    def __init__(self, buffer, height: int):
        self.height = height
        self._buffer = buffer

    def read(self, begin: int, end: int) -> tf.Tensor:
        """Returns rows: shape (1, end - begin, width, channels)."""
        return tf.convert_to_tensor(self._buffer.read(begin, end)[None])

    def release(self) -> None:
        """Gives the buffer back."""
        self._buffer.release()


class Normalized:
    """Maps normalized by statistics of the whole picture, and activated.

    Args:
        maps: What the convolution of the block made.
        block: The block.
        style_blend: float32, shape (1, num_styles).
        moments: Mean and variance of each channel; None for batch
            normalization, which knows them.
    """

    def __init__(
        self,
        maps: FeatureMaps,
        block: blocks.ConvolutionBlock,
        style_blend: tf.Tensor,
        moments: tuple[tf.Tensor, tf.Tensor] | None,
    ):
        self.height = maps.height
        self._maps, self._block = maps, block
        self._style_blend, self._moments = style_blend, moments

    def read(self, begin: int, end: int) -> tf.Tensor:
        """Returns rows: shape (1, end - begin, width, channels)."""
        rows = self._maps.read(begin, end)
        normalization = self._block.normalization
        if self._moments is None:
            rows = normalization(rows, self._style_blend)
        else:
            rows = normalization.normalize_by(
                rows, self._style_blend, *self._moments
            )
        return self._block.activated(rows)


class Added:
    """The end of a residual block.

    Args:
        maps: What entered the block.
        residual: What its second half made.
        block: The block.
    """

    def __init__(
        self,
        maps: FeatureMaps,
        residual: FeatureMaps,
        block: blocks.ResidualBlock,
    ):
        self.height = residual.height
        self._maps, self._residual, self._block = maps, residual, block
        # Unpadded convolutions lose as many rows on both sides.
        self._lost = maps.height - residual.height

    def read(self, begin: int, end: int) -> tf.Tensor:
        """Returns rows: shape (1, end - begin, width, channels)."""
        return self._block.added(
            self._maps.read(begin, end + self._lost),
            self._residual.read(begin, end),
        )

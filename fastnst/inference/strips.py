"""A style transfer network run layer by layer, in strips, exactly.

Instance normalization needs the mean and variance of the whole picture, so a
picture cannot be cut into parts that are stylized one after the other. But the
network can: each layer goes over the whole picture, strip by strip, and its
statistics are merged; the next layer normalizes what it reads. Feature maps
of the size of the picture are not kept but computed twice (a sixth more work),
which leaves about 96 bytes a pixel at width 1 in float32.
"""

from collections.abc import Callable
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from fastnst.inference import feature_maps
from fastnst.inference import moments
from fastnst.inference import row_buffers
from fastnst.networks import blocks


class StripRun:
    """One picture on its way through the network.

    Args:
        network: A `StyleTransferNetwork`.
        style_blend: float32, shape (1, num_styles).
        rows: Height of a strip, in the rows of each layer.
        buffers: Where feature maps are kept.
        progress: Called with the share that is done, 0 to 1.
    """

    def __init__(
        self,
        network: keras.Model,
        style_blend: tf.Tensor,
        *,
        rows: int,
        buffers: row_buffers.RowBuffers,
        progress: Callable[[float], object],
    ):
        self._network, self._style_blend = network, style_blend
        # Even strips of even layers: the last layer computes pixels by four.
        self._rows = rows + -rows % 4
        self._buffers, self._progress = buffers, progress
        self._stored: list[feature_maps.Stored] = []
        self._height = 0
        self._num_done = 0
        # Every convolution, the sum of every residual block, the pixels.
        self._num_passes = 1 + sum(
            3 if isinstance(block, blocks.ResidualBlock) else 1
            for block in network.blocks
        )

    def stylized(self, picture: np.ndarray) -> Iterator[tuple[int, tf.Tensor]]:
        """Stylizes a picture.

        Args:
            picture: uint8 or float32, shape (height, width, 3), in [0, 255].

        Yields:
            The first row of a strip, and its pixels: float32, shape (rows,
            width, 3), in [0, 255].

        Raises:
            OSError: If the feature maps fit neither memory nor disk.
        """
        height, width = picture.shape[:2]
        padded = self._network.padded(picture[None])
        pixels = padded[0].numpy() if tf.is_tensor(padded) else padded[0]
        self._height = pixels.shape[0]
        maps: feature_maps.FeatureMaps = feature_maps.Picture(
            pixels, self._network.compute_dtype
        )
        try:
            for block in self._network.blocks:
                if isinstance(block, blocks.ResidualBlock):
                    maps = self._residual(maps, block)
                else:
                    maps = self._convolution(maps, block)
            maps = feature_maps.Convolved(
                maps, self._network.to_pixels, self._network.pixels
            )
            for begin, strip in self._strips(maps, height):
                yield begin, strip[0, :, :width]
        finally:
            self._release(0)

    def _convolution(self, maps, block, keep=0):
        """Runs a block; of what is stored, only the `keep` oldest stay."""
        maps = feature_maps.Convolved(maps, block.convolution)
        instance = block.normalization.kind == "instance"
        measured = moments.Moments() if instance else None
        if 2 * maps.height <= self._height:
            maps = self._store(maps, keep, measured)
        elif measured:
            for _, strip in self._strips(maps, maps.height):
                measured.add(strip)
        else:
            self._num_done += 1
        return feature_maps.Normalized(
            maps,
            block,
            self._style_blend,
            measured.result() if measured else None,
        )

    def _residual(self, maps, block):
        keep = len(self._stored)
        residual = self._convolution(maps, block.first, keep)
        residual = self._convolution(residual, block.second, keep)
        # Stored too: a sum of sums would be computed ever again.
        return self._store(feature_maps.Added(maps, residual, block), 0)

    def _store(self, maps, keep, measured=None):
        buffer = None
        for begin, strip in self._strips(maps, maps.height):
            if measured:
                measured.add(strip)
            if buffer is None:
                width, channels = strip.shape[2:]
                buffer = self._buffers.lend(
                    maps.height, width, channels, strip.dtype.name
                )
                self._stored.append(feature_maps.Stored(buffer, maps.height))
            buffer.write(begin, strip[0].numpy())
        newest = self._stored.pop()
        self._release(keep)
        self._stored.append(newest)
        return newest

    def _release(self, keep):
        while len(self._stored) > keep:
            self._stored.pop().release()

    def _strips(self, maps, height):
        """Goes over the first `height` rows of maps: one pass."""
        for begin in range(0, height, self._rows):
            end = min(begin + self._rows, height)
            yield begin, maps.read(begin, end)
            self._progress((self._num_done + end / height) / self._num_passes)
        self._num_done += 1

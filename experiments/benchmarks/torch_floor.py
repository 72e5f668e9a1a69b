"""The fastest convolution and matrix product of PyTorch on this machine."""

import floor_sizes as sizes
import torch
from torch.nn import functional


def convolution(case, dtype: str):
    """A 3x3 convolution, channels last."""
    torch.set_num_threads(case.threads)
    channels, side = sizes.CHANNELS, sizes.SIDE
    features, kernel = [
        torch.rand(shape)
        .to(getattr(torch, dtype))
        .contiguous(memory_format=torch.channels_last)
        for shape in ([1, channels, side, side], [channels, channels, 3, 3])
    ]

    def run():
        with torch.inference_mode():
            return functional.conv2d(features, kernel, padding=1)

    return run


def matrix_product(case, dtype: str):
    """A product of square matrices."""
    torch.set_num_threads(case.threads)
    left, right = [
        torch.rand([sizes.MATRIX, sizes.MATRIX]).to(getattr(torch, dtype))
        for _ in "lr"
    ]

    def run():
        with torch.inference_mode():
            return left @ right

    return run

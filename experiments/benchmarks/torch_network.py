"""The transform network of pytorch/examples, fast_neural_style, in PyTorch.

Written for this comparison from its description: reflection padding before
every convolution, instance normalization with eps 1e-5 after all but the last,
five residual blocks, nearest-neighbor x2 before the last two 3x3 convolutions,
a linear end. fastnst's preset "default" computes the same function, up to
biases that normalization removes and its end, a scaled tanh of three channels,
which the time of fastnst includes.
"""

import torch
from torch import nn
from torch.nn import functional

_NUM_RESIDUAL_BLOCKS = 5


class PaddedConvolution(nn.Module):
    """A reflection-padded convolution.

    Args:
        inside: Channels in.
        outside: Channels out.
        side: Of the kernel.
        stride: Of the convolution.
        upsample: Whether the picture is enlarged twice before.
    """

    def __init__(self, inside, outside, side, stride=1, upsample=False):
        super().__init__()
        self.upsample = upsample
        self.pad = nn.ReflectionPad2d(side // 2)
        self.convolution = nn.Conv2d(inside, outside, side, stride)

    def forward(self, features):
        if self.upsample:
            features = functional.interpolate(
                features, scale_factor=2, mode="nearest"
            )
        return self.convolution(self.pad(features))


class NormalizedConvolution(nn.Module):
    """A padded convolution, instance normalization and, if wanted, ReLU."""

    def __init__(self, inside, outside, side, relu=True, **options):
        super().__init__()
        self.padded = PaddedConvolution(inside, outside, side, **options)
        self.normalization = nn.InstanceNorm2d(outside, affine=True)
        self.relu = relu

    def forward(self, features):
        features = self.normalization(self.padded(features))
        return functional.relu(features) if self.relu else features


class ResidualBlock(nn.Module):
    """Two normalized convolutions whose result is added to the input."""

    def __init__(self, channels):
        super().__init__()
        self.first = NormalizedConvolution(channels, channels, 3)
        self.second = NormalizedConvolution(channels, channels, 3, relu=False)

    def forward(self, features):
        return features + self.second(self.first(features))


class TransformNetwork(nn.Sequential):
    """Pictures (batch, 3, height, width) in [0, 255] to the same shape."""

    def __init__(self):
        super().__init__(
            NormalizedConvolution(3, 32, 9),
            NormalizedConvolution(32, 64, 3, stride=2),
            NormalizedConvolution(64, 128, 3, stride=2),
            *[ResidualBlock(128) for _ in range(_NUM_RESIDUAL_BLOCKS)],
            NormalizedConvolution(128, 64, 3, upsample=True),
            NormalizedConvolution(64, 32, 3, upsample=True),
            PaddedConvolution(32, 3, 9),
        )


def channels_first(pictures) -> torch.Tensor:
    """Converts float32 NumPy (batch, height, width, 3) to PyTorch's order."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()

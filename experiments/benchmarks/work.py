"""Floating-point operations of the networks, by their plain definitions.

Two for each multiply-add of a convolution; all else is left out. Contestants
that compute the same numbers with fewer operations count as if they did not.
"""

# Kernel side, channels in, channels out, and how many pixels of the picture
# there are for each output pixel, of pytorch/examples' network, which is
# fastnst's too.
_TRANSFORM = (
    (9, 3, 32, 1),
    (3, 32, 64, 4),
    (3, 64, 128, 16),
    *[(3, 128, 128, 16)] * 10,
    (3, 128, 64, 4),
    (3, 64, 32, 1),
    (9, 32, 3, 1),
)
# VGG16 to relu3_3.
_VGG16 = (
    (3, 3, 64, 1),
    (3, 64, 64, 1),
    (3, 64, 128, 4),
    (3, 128, 128, 4),
    (3, 128, 256, 16),
    (3, 256, 256, 16),
    (3, 256, 256, 16),
)


def transform_flop(height: int, width: int) -> float:
    """Counts one pass of the transform network over a picture."""
    return _flop(_TRANSFORM, height, width)


def transform_weights() -> int:
    """Counts the weights of the transform network's convolutions.

    Biases, scales and shifts are left out, a fifth of a percent.
    """
    return sum(
        side**2 * inside * outside for side, inside, outside, _ in _TRANSFORM
    )


def vgg16_flop(height: int, width: int) -> float:
    """Counts one pass of VGG16 to relu3_3 over a picture."""
    return _flop(_VGG16, height, width)


def vgg16_small_flop(widths, height: int, width: int) -> float:
    """Counts one pass of vgg16_small, its heads too.

    Args:
        widths: Channels of its three blocks.
        height: Of the picture.
        width: Likewise.
    """
    channels = dict(zip((64, 128, 256), widths))
    narrow = [
        (side, channels.get(inside, inside), channels[outside], share)
        for side, inside, outside, share in _VGG16
    ]
    heads = [(1, own, own, 4**block) for block, own in enumerate(widths)]
    return _flop([*narrow, *heads], height, width)


def training_step_flop(batch: int, height: int, width: int) -> float:
    """Counts a training step.

    The network forward, and backward to pictures and kernels; VGG16 forward
    for content and stylized pictures, and backward to the latter.
    """
    network = 3 * transform_flop(height, width)
    return batch * (network + 3 * vgg16_flop(height, width))


def _flop(layers, height: int, width: int) -> float:
    return sum(
        2.0 * side**2 * inside * outside * height * width / share
        for side, inside, outside, share in layers
    )

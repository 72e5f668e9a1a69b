"""A training step as pytorch/examples' fast_neural_style does it, in PyTorch.

Written for this comparison, with fastnst's VGG16 work instead of its own: cut
after relu3_3, content there, style at relu1_2, relu2_2 and relu3_3. Weights of
VGG16 are random: they do not change the time.
"""

import torch
from torch import nn
from torch.nn import functional
import torch_network

_CONTENT_WEIGHT = 1e5
_STYLE_WEIGHT = 1e10
# Of torchvision's VGG16: RGB in [0, 1].
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
# Channels of the convolutions of each block, to relu3_3.
_VGG16_BLOCKS = ((64, 64), (128, 128), (256, 256, 256))


class LossNetwork(nn.Module):
    """VGG16 to relu3_3: the features relu1_2, relu2_2 and relu3_3."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList()
        inside = 3
        for channels in _VGG16_BLOCKS:
            convolutions = []
            for outside in channels:
                convolution = nn.Conv2d(inside, outside, 3, padding=1)
                nn.init.kaiming_normal_(convolution.weight)
                convolutions += [convolution, nn.ReLU()]
                inside = outside
            self.blocks.append(nn.Sequential(*convolutions))
        self.requires_grad_(False)

    def forward(self, images):
        mean = images.new_tensor(_MEAN).view(1, 3, 1, 1)
        deviation = images.new_tensor(_DEVIATION).view(1, 3, 1, 1)
        features = (images / 255.0 - mean) / deviation
        found = []
        for number, block in enumerate(self.blocks):
            if number:
                features = functional.max_pool2d(features, 2)
            features = block(features)
            found.append(features)
        return found


def gram_matrix(features):
    """Computes F F^T / (channels * height * width) of each image."""
    batch, channels, height, width = features.shape
    rows = features.reshape(batch, channels, height * width)
    return rows @ rows.transpose(1, 2) / (channels * height * width)


def eager(case):
    """As pytorch/examples runs it."""
    return _step(case)


def compiled(case):
    """`torch.compile` of networks and losses."""
    return _step(case, compiled=True)


def compiled_bfloat16(case):
    """`torch.compile`, channels_last, bfloat16 autocast."""
    return _step(case, compiled=True, bfloat16=True)


def _step(case, *, compiled=False, bfloat16=False):
    """Returns the function of a step on one batch, which is float32."""
    torch.set_num_threads(case.threads)
    torch.compiler.reset()
    torch.manual_seed(0)
    network = torch_network.TransformNetwork().train()
    loss_network = LossNetwork().eval()
    images = torch_network.channels_first(case.pictures())
    if bfloat16:
        network = network.to(memory_format=torch.channels_last)
        loss_network = loss_network.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    with torch.no_grad():
        targets = [gram_matrix(f[:1]) for f in loss_network(images[:1])]

    def loss_of(images):
        return _loss(network, loss_network, targets, images)

    loss_function = loss_of
    if compiled:
        loss_function = torch.compile(loss_of, dynamic=False)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)

    def run():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = loss_function(images)
        loss.backward()
        optimizer.step()
        return loss.item()

    return run


def _loss(network, loss_network, targets, images):
    """Computes content and style loss, as pytorch/examples weighs them."""
    stylized = loss_network(network(images))
    contents = loss_network(images)
    content = functional.mse_loss(stylized[-1], contents[-1])
    grams = [gram_matrix(features) for features in stylized]
    style = sum(
        functional.mse_loss(gram, target.expand_as(gram))
        for gram, target in zip(grams, targets)
    )
    return _CONTENT_WEIGHT * content + _STYLE_WEIGHT * style

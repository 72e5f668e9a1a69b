"""Where distillation starts, in closed form: some of VGG16's own channels.

A layer of the small network gets the filters of those channels of VGG16 from
which a linear map tells the others best. Their inputs, which it has not all,
are replaced by such a map. ReLU works on each channel alone, so the chosen
channels would be exact if the map were. Or it starts where another ended, with
heads fitted again.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from fastnst.networks import loss_network
from fastnst.networks import small_loss_network

# Of the mean energy of the channels, added to each: keeps maps finite.
_RIDGE = 1e-5


def initialize(
    network: keras.Model,
    teacher: loss_network.LossNetwork,
    batches: Sequence[tf.Tensor],
) -> None:
    """Gives a small network some of VGG16's channels, and its heads.

    Args:
        network: Of `small_loss_network.build`, heads as wide as VGG16.
        teacher: VGG16, made for all its layers to relu3_3.
        batches: Images, float32, shape (batch, height, width, 3), in
            [0, 255], on which the maps are least squares.
    """
    own_features = _every_layer(network, teacher)
    inputs = np.eye(3)
    for name, layer in zip(small_loss_network.CONVOLUTIONS, teacher.layers):
        kernel, bias = teacher.parameters(layer)
        own = network.get_layer(name)
        chosen = select_channels(
            _products(teacher, teacher, layer, batches), own.filters
        )
        narrow = np.einsum("si,hwio->hwso", inputs, kernel[..., chosen])
        own.set_weights([narrow, bias[chosen]])
        inputs = _linear_map(own_features, teacher, layer, batches)
        if layer in small_loss_network.LAYERS:
            _set_head(network, layer, inputs)
            # The next convolution sees what pooling leaves.
            inputs = _linear_map(
                own_features, teacher, layer, batches, pooled=True
            )


def go_on_from(
    network: keras.Model,
    known: keras.Model,
    teacher: loss_network.LossNetwork,
    batches: Sequence[tf.Tensor],
) -> None:
    """Gives a small network another one's convolutions, and heads for them.

    Args:
        network: Of `small_loss_network.build`, heads as wide as VGG16.
        known: What `small_loss_network.load` returned; as wide.
        teacher: VGG16, made for all its layers to relu3_3.
        batches: Images, as `initialize` takes them.

    Raises:
        ValueError: If the widths differ.
    """
    for name in small_loss_network.CONVOLUTIONS:
        network.get_layer(name).set_weights(
            known.get_layer(name).get_weights()
        )
    own_features = _every_layer(network, teacher)
    for layer in small_loss_network.LAYERS:
        head = _linear_map(own_features, teacher, layer, batches)
        _set_head(network, layer, head)


def _every_layer(network, teacher) -> loss_network.FeatureExtractor:
    """Names the convolutions of a small network as the teacher's layers."""
    names = small_loss_network.CONVOLUTIONS
    return loss_network.FeatureExtractor(
        network.input,
        {
            layer: network.get_layer(name).output
            for layer, name in zip(teacher.layers, names, strict=True)
        },
    )


def _set_head(network, layer: str, kernel: np.ndarray) -> None:
    network.get_layer(f"head_{layer}").set_weights([kernel[None, None]])


def select_channels(second_moment: np.ndarray, number: int) -> np.ndarray:
    """Chooses the channels that tell the others best, one after the other.

    Args:
        second_moment: float, shape (channels, channels): mean products.
        number: How many to choose, at most their number.

    Returns:
        Their indices, in the order in which they were chosen: each leaves the
        least that a linear map of it and those before it cannot tell.
    """
    rest = second_moment.astype(np.float64)
    least = 1e-12 * np.trace(rest)
    chosen: list[int] = []
    for _ in range(number):
        gains = np.square(rest).sum(0) / np.maximum(np.diag(rest), least)
        gains[chosen] = -1.0
        best = int(np.argmax(gains))
        chosen.append(best)
        column = rest[:, best] / np.sqrt(max(rest[best, best], least))
        rest = rest - np.outer(column, column)
    return np.array(chosen)


def _linear_map(
    own_features, teacher, layer: str, batches, pooled: bool = False
) -> np.ndarray:
    """Fits VGG16's features to the small network's: (own, VGG16's)."""
    own = _products(own_features, own_features, layer, batches, pooled)
    both = _products(own_features, teacher, layer, batches, pooled)
    ridge = _RIDGE * np.trace(own) / len(own) * np.eye(len(own))
    return np.linalg.solve(own + ridge, both)


def _products(
    first, second, layer: str, batches, pooled: bool = False
) -> np.ndarray:
    """Computes the mean products of the channels of two networks' features."""
    sums, number = np.zeros([]), 0
    for images in batches:
        matrices = []
        for network in (first, second):
            features = network(images, (layer,))[layer]
            if pooled:
                features = tf.nn.max_pool2d(features, 2, 2, "VALID")
            matrices.append(tf.reshape(features, [-1, features.shape[-1]]))
        products = tf.matmul(*matrices, transpose_a=True).numpy()
        sums = sums + products.astype(np.float64)
        number += len(matrices[0])
    return sums / number

"""Teaches a trained network new styles by their normalization rows alone.

Dumoulin, Shlens and Kudlur 2017, section 3.2: scales and shifts are enough for
a new style, so everything else is frozen, the rows of the other styles too.
"""

import keras

from fastnst.networks import layers


def freeze(network: keras.Model, num_styles: int) -> int:
    """Leaves only the rows of the normalization trainable.

    The rows of old styles stay bit for bit what they are because no image of
    the training has an old style: their gradient is zero, and so is what Adam
    makes of it.

    Args:
        network: A style transfer network, built.
        num_styles: Number of its styles that are new.

    Returns:
        How many numbers are trained.
    """
    for layer in network._flatten_layers():
        # Frozen batch normalization uses and keeps its moving statistics.
        if isinstance(
            layer, (layers.Convolution, keras.layers.BatchNormalization)
        ):
            layer.trainable = False
    rows = network.trainable_variables
    return num_styles * sum(variable.shape[-1] for variable in rows)

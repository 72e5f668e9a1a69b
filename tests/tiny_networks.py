"""Small networks for tests, whose styles differ as training makes them."""

import keras
import numpy as np

from fastnst.networks import style_transfer_network


def style_transfer(preset="default", style_names=("plain", "bold")):
    """A built network of an eighth of the width."""
    keras.utils.set_random_seed(0)
    network = style_transfer_network.StyleTransferNetwork(
        preset, width=0.125, style_names=style_names
    )
    network.build()
    make_styles_differ(network)
    return network


def make_styles_differ(network):
    """Adds noise to the scales and shifts, which are the styles."""
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if weight.name in ("scale", "shift"):
            weight.assign(weight + rng.normal(0, 0.3, weight.shape))

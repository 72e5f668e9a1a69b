"""What is minimized over the pixels of one image.

Eq. (5) for style transfer, and its parts alone for Figures 3 and 4.
"""

from collections.abc import Sequence

import tensorflow as tf

from fastnst import losses
from fastnst.training import image_optimizer
from fastnst.training import style_objective


def style_transfer(
    objective: style_objective.StyleObjective,
    content_features: tf.Tensor | tf.Variable,
) -> image_optimizer.Objective:
    """Returns eq. (5) for the first style of an objective.

    Args:
        objective: The same that trains and measures networks.
        content_features: Of the content image, as
            `StyleObjective.content_features` computes them.
    """

    def evaluated(image):
        terms = objective.terms(image, tf.convert_to_tensor(content_features))
        return objective.total(terms), terms

    return evaluated


def feature_reconstruction(
    loss_network, layer: str, image: tf.Tensor
) -> image_optimizer.Objective:
    """Returns eq. (2) alone: what a layer keeps of an image, Figure 3.

    Args:
        loss_network: Callable (images, layers) -> {layer: features}.
        layer: The layer.
        image: float32, shape (1, height, width, 3), in [0, 255].
    """
    target = loss_network(image, (layer,))[layer]

    def evaluated(images):
        features = loss_network(images, (layer,))[layer]
        loss = losses.feature_reconstruction_loss(features, target)
        return loss, {f"feature_{layer}": loss}

    return evaluated


def style_reconstruction(
    loss_network, layers: Sequence[str], image: tf.Tensor
) -> image_optimizer.Objective:
    """Returns eq. (4) alone, summed over layers: Figure 4.

    Args:
        loss_network: Callable (images, layers) -> {layer: features}.
        layers: The layers.
        image: float32, shape (1, height, width, 3), in [0, 255]; the result
            may have another size.
    """
    targets = gram_matrices(loss_network, layers, image)

    def evaluated(images):
        grams = gram_matrices(loss_network, layers, images)
        terms = {
            f"style_{layer}": losses.style_reconstruction_loss(
                grams[layer], targets[layer]
            )
            for layer in layers
        }
        return tf.add_n(list(terms.values())), terms

    return evaluated


def gram_matrices(
    loss_network, layers: Sequence[str], images: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Computes the Gram matrix of each layer, eq. (3)."""
    features = loss_network(images, tuple(layers))
    return {layer: losses.gram_matrix(features[layer]) for layer in layers}

"""A loss network that ships: what VGG16 sees, at a fraction of its cost.

It has VGG16's layers up to relu3_3, fewer channels in each, and behind each of
the three layers that the losses use a 1x1 convolution. `fastnst.distill` trains
it. The losses need distances only, so its features are given in the fewest
channels that keep them, see `folded_head`.
"""

from collections.abc import Sequence
import hashlib
import io
import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from fastnst import whole_files
from fastnst.networks import half_precision
from fastnst.networks import loss_network
import fastnst.pretrained

LAYERS = ("relu1_2", "relu2_2", "relu3_3")
# The convolutions before and in each of them.
CONVOLUTIONS = tuple(loss_network.VGG16_LAYERS.values())[:7]
WEIGHTS = pathlib.Path(fastnst.pretrained.__file__).with_name("vgg16_small.npz")


class SmallLossNetwork:
    """Computes features whose losses are near those of VGG16.

    It is called as a `LossNetwork` is. The features are another basis and
    fewer channels, scaled so that `fastnst.losses` gives values on VGG16's
    scale: the same weights of content and style mean the same.

    Args:
        layers: Some of `LAYERS`.
        weights: The file that `save` wrote; None is the one that ships.
        compute_dtype: "float32", or "bfloat16" with float32 results.

    Attributes:
        name: "vgg16_small".
        layers: The layers, in order.
        weights: Name of the file.
        weights_sha256: Of the file.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If a layer is not there, or the file is another.
    """

    name = "vgg16_small"

    def __init__(
        self,
        layers: Sequence[str],
        *,
        weights: str | os.PathLike | None = None,
        compute_dtype: str = "float32",
    ):
        self.layers = _in_order(layers)
        content = pathlib.Path(weights or WEIGHTS).read_bytes()
        self.weights = pathlib.Path(weights or WEIGHTS).name
        self.weights_sha256 = hashlib.sha256(content).hexdigest()
        network = load(content, loss_network.dtype_policy(compute_dtype))
        network.trainable = False
        self._features = loss_network.FeatureExtractor(
            network.input, outputs(network)
        )

    def __call__(
        self, images: tf.Tensor, layers: Sequence[str] | None = None
    ) -> dict[str, tf.Tensor]:
        """Computes features, up to the deepest layer asked for.

        Args:
            images: float, shape (batch, height, width, 3), RGB in [0, 255].
            layers: Some of `LAYERS`; None means the constructor's.

        Returns:
            Layer name to float32 features, height and width as VGG16's.
        """
        return self._features(
            images, self.layers if layers is None else _in_order(layers)
        )


def build(
    widths: Sequence[int], heads: Sequence[int], policy: str = "float32"
) -> keras.Model:
    """Builds the network, with random weights.

    Args:
        widths: Channels of the convolutions of each of the three blocks.
        heads: Channels behind each of `LAYERS`.
        policy: Name of a Keras dtype policy.

    Returns:
        A model of BGR images, mean subtracted; its layers are named as in
        Keras' VGG16, and "head_relu1_2" and so on.
    """
    features = images = keras.Input([None, None, 3])
    results = []
    for block, (width, head) in enumerate(zip(widths, heads), start=1):
        if block > 1:
            features = keras.layers.MaxPooling2D(dtype=policy)(features)
        for name in CONVOLUTIONS:
            if name.startswith(f"block{block}_"):
                features = keras.layers.Conv2D(
                    width,
                    3,
                    padding="same",
                    activation="relu",
                    name=name,
                    dtype=policy,
                )(features)
        results.append(
            keras.layers.Conv2D(
                head,
                1,
                use_bias=False,
                name=f"head_{LAYERS[block - 1]}",
                dtype=policy,
            )(features)
        )
    return keras.Model(images, results)


def outputs(network: keras.Model) -> dict[str, keras.KerasTensor]:
    """Returns layer to symbolic output of a network of `build`."""
    return dict(zip(LAYERS, network.outputs))


def folded_head(kernel: np.ndarray) -> np.ndarray:
    """Reduces a head to as many channels as it has inputs.

    The head maps w inputs to VGG16's C channels. Its transpose is Q R, the
    columns of Q orthonormal: mapping with R alone leaves every distance of
    features and of Gram matrices as it was. The losses divide by the number
    of channels, now w and not C: the factor makes up for that.

    Args:
        kernel: float, shape (1, 1, w, C), w at most C.

    Returns:
        float32, shape (1, 1, w, w).
    """
    width, channels = kernel.shape[2:]
    triangular = np.linalg.qr(kernel[0, 0].T.astype(np.float64))[1]
    scale = np.sqrt(width / channels)
    return (scale * triangular.T)[None, None].astype(np.float32)


def save(network: keras.Model, path: str | os.PathLike) -> None:
    """Writes a network with its heads folded, in float16.

    Args:
        network: Of `build`, heads as wide as VGG16's layers.
        path: The file; it gets its name when it is complete.

    Raises:
        OSError: If it cannot be written.
        ValueError: If a weight is too large for float16.
    """
    arrays = {}
    for name in CONVOLUTIONS:
        kernel, bias = network.get_layer(name).get_weights()
        arrays[f"{name}/kernel"], arrays[f"{name}/bias"] = kernel, bias
    for name in LAYERS:
        (kernel,) = network.get_layer(f"head_{name}").get_weights()
        arrays[f"head_{name}/kernel"] = folded_head(kernel)
    for name, values in arrays.items():
        arrays[name] = half_precision.rounded(values, name)
    with whole_files.replacing(path) as temporary:
        with open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)


def load(content: bytes, policy: str = "float32") -> keras.Model:
    """Builds the network that `save` wrote, with its folded heads.

    Args:
        content: Of the file.
        policy: Name of a Keras dtype policy.

    Raises:
        ValueError: If it is another file, or a damaged one.
    """
    try:
        with np.load(io.BytesIO(content)) as file:
            arrays = {name: file[name].astype(np.float32) for name in file}
        widths = [
            len(arrays[f"block{block}_conv1/bias"]) for block in (1, 2, 3)
        ]
        network = build(widths, widths, policy)
        for name in CONVOLUTIONS:
            network.get_layer(name).set_weights(
                [arrays[f"{name}/kernel"], arrays[f"{name}/bias"]]
            )
        for name in LAYERS:
            kernel = arrays[f"head_{name}/kernel"]
            network.get_layer(f"head_{name}").set_weights([kernel])
    except MemoryError:
        raise
    # A damaged file makes NumPy, zipfile and zlib raise nearly anything.
    except Exception as error:
        raise ValueError(
            "The weights of vgg16_small must be a file of fastnst.distill. "
            f"Received: another, or a damaged one ({error})."
        ) from error
    return network


def _in_order(layers: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in layers if name not in LAYERS]
    if unknown or not layers:
        raise ValueError(
            f"Layers of vgg16_small must be taken from {', '.join(LAYERS)}. "
            f"Received: {', '.join(unknown) or 'none'}."
        )
    return tuple(name for name in LAYERS if name in layers)

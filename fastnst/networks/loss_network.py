"""The loss network: VGG16 pretrained on ImageNet, frozen."""

from collections.abc import Mapping
from collections.abc import Sequence
import hashlib
import os
import pathlib
import socket

from absl import logging
import h5py
import keras
from keras.applications import vgg16
import numpy as np
import tensorflow as tf

# The paper's names. A Keras layer includes its ReLU: block3_conv3 is relu3_3.
VGG16_LAYERS = {
    f"relu{block}_{number}": f"block{block}_conv{number}"
    for block, count in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))
    for number in range(1, count + 1)
}
# What keras.applications.VGG16 downloads (keras/applications/vgg16.py).
_WEIGHTS_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
_WEIGHTS_MD5 = "6d6bbae143d832006294945121d1f1fc"
_DOWNLOAD_TIMEOUT = 10.0
_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
# Mean BGR pixel of ImageNet, subtracted when VGG16 was trained.
_MEAN_BGR = (103.939, 116.779, 123.68)


class FeatureExtractor:
    """Computes chosen layers of a network of BGR images from RGB images.

    It is not a Keras layer, so that nothing that holds it owns the weights.

    Args:
        inputs: Of the network: BGR images, mean subtracted.
        outputs: Layer name to its output, from shallow to deep.
    """

    def __init__(
        self,
        inputs: keras.KerasTensor,
        outputs: Mapping[str, keras.KerasTensor],
    ):
        self._inputs = inputs
        self._outputs = dict(outputs)
        self._networks: dict[tuple[str, ...], keras.Model] = {}

    def __call__(
        self, images: tf.Tensor, names: tuple[str, ...]
    ) -> dict[str, tf.Tensor]:
        """Computes float32 features, up to the deepest layer of `names`.

        Args:
            images: float, shape (batch, height, width, 3), RGB in [0, 255].
            names: Of layers, from shallow to deep.

        Returns:
            Layer name to features.
        """
        if names not in self._networks:
            self._networks[names] = keras.Model(
                self._inputs, [self._outputs[name] for name in names]
            )
        bgr = images[..., ::-1] - tf.constant(_MEAN_BGR, images.dtype)
        features = tf.nest.flatten(self._networks[names](bgr, training=False))
        return {
            name: tf.cast(value, tf.float32)
            for name, value in zip(names, features)
        }


class LossNetwork:
    """Computes the features that a frozen VGG16 sees in images.

    It is not a Keras layer, so that no checkpoint of a trainer that holds it
    ever contains its weights.

    Args:
        layers: Layers that will be asked for, of `VGG16_LAYERS`; the network
            is cut after the deepest.
        weights: "imagenet" (downloaded by Keras, checksum checked), the path
            of a file in the layout of Keras' own (loaded by layer name), or
            "random".
        compute_dtype: "float32", or "bfloat16" with float32 results.

    Attributes:
        name: "VGG16".
        weights: The argument.
        weights_sha256: Of the file, or None for random weights.

    Raises:
        ValueError: If a layer or `compute_dtype` does not exist, or the
            weights cannot be had.
    """

    name = "VGG16"

    def __init__(
        self,
        layers: Sequence[str],
        *,
        weights: str = "imagenet",
        compute_dtype: str = "float32",
    ):
        self.layers = _in_order(layers)
        self.weights = weights
        self.weights_sha256 = None
        network = self._vgg16 = _build_vgg16(dtype_policy(compute_dtype))
        self._features = FeatureExtractor(
            network.input,
            {
                name: network.get_layer(VGG16_LAYERS[name]).output
                for name in self.layers
            },
        )
        if weights == "random":
            logging.warning(
                "The loss network has random weights: the result will not "
                "show the style. Give --vgg16_weights=FILE for a real one."
            )
            _initialize(network)
        else:
            path = _download() if weights == "imagenet" else weights
            _load(network, path, self.layers)
            self.weights_sha256 = _sha256(path)
            logging.info("VGG16 weights: %s, sha256 %s", path,
                         self.weights_sha256)

    def __call__(
        self, images: tf.Tensor, layers: Sequence[str] | None = None
    ) -> dict[str, tf.Tensor]:
        """Computes features, up to the deepest layer asked for.

        Args:
            images: float, shape (batch, height, width, 3), RGB in [0, 255].
            layers: Some of the constructor's; None means all of them.

        Returns:
            Layer name to float32 features, shape (batch, height / 2 ** b,
            width / 2 ** b, channels), b the number of poolings before.
        """
        names = self.layers if layers is None else _in_order(layers)
        return self._features(images, names)

    def parameters(self, layer: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns kernel and bias of a layer, float32."""
        kernel, bias = self._vgg16.get_layer(VGG16_LAYERS[layer]).get_weights()
        return kernel, bias


def dtype_policy(compute_dtype: str) -> str:
    """Returns the Keras dtype policy of a `compute_dtype`.

    Raises:
        ValueError: If there is no such one.
    """
    if compute_dtype not in _POLICIES:
        raise ValueError(
            f"`compute_dtype` must be one of {', '.join(_POLICIES)}. "
            f"Received: compute_dtype={compute_dtype!r}."
        )
    return _POLICIES[compute_dtype]


def check_layers(layers: Sequence[str]) -> None:
    """Raises a ValueError if a name is not one of the 13 ReLU layers."""
    unknown = [name for name in layers if name not in VGG16_LAYERS]
    if unknown or not layers:
        raise ValueError(
            f"Layers must be taken from {', '.join(VGG16_LAYERS)}. "
            f"Received: {', '.join(unknown) or 'none'}."
        )


def num_channels(layer: str) -> int:
    """Returns the number of channels of a layer of VGG16."""
    return min(64 * 2 ** (int(layer[4]) - 1), 512)


def _in_order(layers: Sequence[str]) -> tuple[str, ...]:
    check_layers(layers)
    return tuple(name for name in VGG16_LAYERS if name in layers)


def _build_vgg16(policy: str) -> keras.Model:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        network = vgg16.VGG16(
            include_top=False, weights=None, input_shape=(None, None, 3)
        )
    finally:
        keras.config.set_dtype_policy(before)
    network.trainable = False
    return network


def _initialize(network: keras.Model) -> None:
    generator = np.random.default_rng(0)
    for name in VGG16_LAYERS.values():
        kernel, bias = network.get_layer(name).weights
        # He et al. 2015: activations keep their size from layer to layer.
        deviation = np.sqrt(2.0 / np.prod(kernel.shape[:3]))
        kernel.assign(generator.normal(0.0, deviation, kernel.shape))
        bias.assign(np.zeros(bias.shape))


def _load(
    network: keras.Model, path: str, layers: tuple[str, ...]
) -> None:
    """Assigns the weights of the layers needed, by name."""
    deepest = list(VGG16_LAYERS).index(layers[-1])
    try:
        with h5py.File(path, "r") as file:
            group = file["model_weights"] if "model_weights" in file else file
            for name in list(VGG16_LAYERS.values())[: deepest + 1]:
                if name not in group:
                    raise ValueError(
                        f"--vgg16_weights={path} has no layer {name}, which "
                        f"{layers[-1]} needs. Ask for shallower layers with "
                        "--style_layers and --content_layer, or give the "
                        "whole file of keras.applications.VGG16."
                    )
                _assign(network.get_layer(name), group[name])
    except OSError as error:
        raise ValueError(
            f"--vgg16_weights must be a Keras HDF5 file of VGG16. "
            f"Received: {path} ({error})."
        ) from None


def _assign(layer: keras.layers.Layer, group: h5py.Group) -> None:
    found: dict[tuple[int, ...], np.ndarray] = {}

    def collect(_, item):
        if isinstance(item, h5py.Dataset):
            found[item.shape] = item[()]

    group.visititems(collect)
    for variable in layer.weights:
        if tuple(variable.shape) not in found:
            raise ValueError(
                f"Layer {layer.name} of VGG16 needs weights of shape "
                f"{tuple(variable.shape)}. Received: {sorted(found)}."
            )
        variable.assign(found[tuple(variable.shape)])


def _download() -> str:
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_TIMEOUT)
    try:
        return keras.utils.get_file(
            os.path.basename(_WEIGHTS_URL),
            _WEIGHTS_URL,
            cache_dir=home,
            cache_subdir="models",
            file_hash=_WEIGHTS_MD5,
        )
    # Keras raises a plain Exception when the download fails.
    except Exception as error:
        folder = pathlib.Path(home) / "models"
        raise ValueError(
            "The VGG16 weights are not here and could not be downloaded "
            f"({error}). Fetch {_WEIGHTS_URL} on a connected "
            f"machine and put it into {folder}, or give its path with "
            "--vgg16_weights=FILE."
        ) from None
    finally:
        socket.setdefaulttimeout(timeout)


def _sha256(path: str) -> str:
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()

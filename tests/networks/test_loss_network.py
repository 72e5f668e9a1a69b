import hashlib
import socket
import time

import h5py
import keras
from keras.applications import vgg16
import numpy as np
import pytest
import tensorflow as tf

from fastnst.networks import loss_network


@pytest.fixture(scope="module")
def keras_vgg16():
    """VGG16 of keras.applications with random weights, biases included."""
    keras.utils.set_random_seed(0)
    network = vgg16.VGG16(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )
    generator = np.random.default_rng(0)
    for weight in network.weights:
        deviation = np.sqrt(2 / np.prod(weight.shape[:3])) * 0.2
        if len(weight.shape) == 4:
            deviation *= 5
        weight.assign(generator.normal(0, deviation, weight.shape))
    return network


def _write_layers(path, network, names):
    """Writes the layout of the file that Keras downloads."""
    with h5py.File(path, "w") as file:
        for name in names:
            group = file.create_group(f"{name}/{name}")
            for weight in network.get_layer(name).weights:
                kind = {"kernel": "W", "bias": "b"}[weight.name]
                group[f"{name}_{kind}_1:0"] = weight.value.numpy()
    return str(path)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory, keras_vgg16):
    """The seven layers up to relu3_3."""
    path = tmp_path_factory.mktemp("vgg16") / "to_relu3_3.h5"
    names = list(loss_network.VGG16_LAYERS.values())[:7]
    return _write_layers(path, keras_vgg16, names)


@pytest.fixture(scope="module")
def random_network():
    return loss_network.LossNetwork(
        [*loss_network.VGG16_LAYERS], weights="random"
    )


def _images(*shape, seed=0):
    generator = np.random.default_rng(seed)
    return generator.uniform(0, 255, [*shape, 3]).astype(np.float32)


def test_the_thirteen_layers_have_the_names_of_the_paper():
    assert list(loss_network.VGG16_LAYERS) == (
        "relu1_1 relu1_2 relu2_1 relu2_2 relu3_1 relu3_2 relu3_3 relu4_1 "
        "relu4_2 relu4_3 relu5_1 relu5_2 relu5_3"
    ).split()
    assert loss_network.VGG16_LAYERS["relu4_3"] == "block4_conv3"


def test_shapes_of_all_layers(random_network):
    features = random_network(_images(2, 32, 48))
    assert list(features) == list(loss_network.VGG16_LAYERS)
    channels = {"1": 64, "2": 128, "3": 256, "4": 512, "5": 512}
    for name, value in features.items():
        poolings = int(name[4]) - 1
        height, width = 32 >> poolings, 48 >> poolings
        assert value.shape == (2, height, width, channels[name[4]])
        assert value.dtype == tf.float32
        assert loss_network.num_channels(name) == value.shape[3]
        # A ReLU ends each of them, and lets something through.
        assert np.min(value) == 0 and np.max(value) > 0


def test_features_are_those_of_keras(keras_vgg16, weights_file):
    names = ("relu1_1", "relu2_2", "relu3_3")
    network = loss_network.LossNetwork(names, weights=weights_file)
    images = _images(2, 24, 20)
    reference = keras.Model(
        keras_vgg16.input,
        [
            keras_vgg16.get_layer(loss_network.VGG16_LAYERS[name]).output
            for name in names
        ],
    )
    expected = reference(vgg16.preprocess_input(tf.constant(images)))
    features = network(images)
    for name, value in zip(names, expected):
        np.testing.assert_allclose(
            features[name], value, atol=1e-5 * np.abs(value).max()
        )
        assert np.std(value) > 1


def test_features_of_a_subset_are_the_same(random_network):
    images = _images(1, 16, 16)
    everything = random_network(images)
    # In any order, and only these.
    some = random_network(images, ("relu2_2", "relu1_2"))
    assert sorted(some) == ["relu1_2", "relu2_2"]
    for name, value in some.items():
        np.testing.assert_allclose(value, everything[name], atol=1e-3)


def test_only_the_layers_needed_are_computed(random_network):
    def num_convolutions(layers):
        function = tf.function(lambda x: random_network(x, layers))
        spec = tf.TensorSpec([1, 16, 16, 3])
        operations = function.get_concrete_function(spec).graph.as_graph_def()
        bodies = [operations.node]
        bodies += [f.node_def for f in operations.library.function]
        return sum(n.op == "Conv2D" for nodes in bodies for n in nodes)

    assert num_convolutions(("relu2_2",)) == 4
    assert num_convolutions(("relu1_2", "relu3_3")) == 7


def test_images_are_left_as_they_are(random_network):
    images = _images(1, 8, 8)
    before = images.copy()
    random_network(images, ("relu1_1",))
    np.testing.assert_array_equal(images, before)


def test_nothing_is_trainable(random_network):
    assert not random_network._vgg16.trainable_variables
    holder = keras.Model()
    holder.loss_network = random_network
    assert not holder.weights


def test_file_is_identified_by_its_checksum(weights_file):
    network = loss_network.LossNetwork(["relu1_1"], weights=weights_file)
    with open(weights_file, "rb") as file:
        expected = hashlib.sha256(file.read()).hexdigest()
    assert network.weights_sha256 == expected
    assert network.weights == weights_file


def test_random_weights_are_warned_of_and_repeatable(monkeypatch):
    lines = []
    monkeypatch.setattr(
        loss_network.logging, "warning", lambda *words: lines.append(words[0])
    )
    first, second = [
        loss_network.LossNetwork(["relu1_2"], weights="random")
        for _ in range(2)
    ]
    assert len(lines) == 2
    assert "random weights" in lines[0] and "--vgg16_weights" in lines[0]
    assert first.weights == "random" and first.weights_sha256 is None
    images = _images(1, 8, 8)
    np.testing.assert_array_equal(
        first(images)["relu1_2"], second(images)["relu1_2"]
    )


def test_a_missing_layer_is_named_with_the_flag(weights_file):
    with pytest.raises(ValueError) as error:
        loss_network.LossNetwork(["relu1_2", "relu4_3"], weights=weights_file)
    message = str(error.value)
    assert "\n" not in message
    for part in ("block4_conv1", "relu4_3", "--vgg16_weights=", "_layers"):
        assert part in message


def test_weights_of_another_network_are_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["block1_conv1/kernel:0"] = np.zeros([3, 3, 3, 32], np.float32)
    with pytest.raises(ValueError, match=r"block1_conv1.*3, 3, 3, 64"):
        loss_network.LossNetwork(
            ["relu1_1"], weights=str(tmp_path / "other.h5")
        )


@pytest.mark.parametrize("name", ["none.h5", "text.h5", "folder"])
def test_what_is_no_weights_file_is_refused(tmp_path, name):
    (tmp_path / "text.h5").write_text("not HDF5")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=f"--vgg16_weights.*{name}"):
        loss_network.LossNetwork(["relu1_1"], weights=str(tmp_path / name))


def test_unknown_names_are_refused():
    for layers in (["relu3_4"], []):
        with pytest.raises(ValueError, match="relu1_1, relu1_2.*Received"):
            loss_network.LossNetwork(layers, weights="random")
    with pytest.raises(ValueError, match="bfloat16.*'float16'"):
        loss_network.LossNetwork(
            ["relu1_1"], weights="random", compute_dtype="float16"
        )


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No network, and a folder of Keras' own that is empty."""

    def refuse(*_, **__):
        raise OSError("the network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path


def test_offline_without_a_file_one_error_says_what_to_fetch(offline):
    start = time.monotonic()
    with pytest.raises(ValueError) as error:
        loss_network.LossNetwork(["relu1_1"])
    assert time.monotonic() - start < 8
    message = str(error.value)
    for part in (
        "https://storage.googleapis.com/",
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        str(offline / "models"),
        "--vgg16_weights=FILE",
    ):
        assert part in message


def test_a_damaged_download_is_not_used(offline, keras_vgg16):
    """The checksum is that of Keras' own file: ours has another."""
    (offline / "models").mkdir()
    path = offline / "models" / loss_network._WEIGHTS_URL.rpartition("/")[2]
    _write_layers(path, keras_vgg16, ["block1_conv1"])
    with pytest.raises(ValueError, match="--vgg16_weights=FILE"):
        loss_network.LossNetwork(["relu1_1"])


def test_a_file_with_the_right_checksum_needs_no_network(
    offline, keras_vgg16, monkeypatch
):
    (offline / "models").mkdir()
    path = offline / "models" / loss_network._WEIGHTS_URL.rpartition("/")[2]
    _write_layers(path, keras_vgg16, ["block1_conv1"])
    checksum = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setattr(loss_network, "_WEIGHTS_MD5", checksum)
    network = loss_network.LossNetwork(["relu1_1"])
    assert network.weights == "imagenet" and len(network.weights_sha256) == 64


def test_bfloat16_stays_close_and_returns_float32(weights_file):
    layers = ("relu1_2", "relu2_2", "relu3_3")
    exact, rounded = [
        loss_network.LossNetwork(
            layers, weights=weights_file, compute_dtype=dtype
        )(_images(1, 32, 32))
        for dtype in ("float32", "bfloat16")
    ]
    for name in layers:
        assert rounded[name].dtype == tf.float32
        difference = np.linalg.norm(rounded[name] - exact[name])
        assert 0 < difference < 0.02 * np.linalg.norm(exact[name])


def test_the_policy_of_keras_is_left_as_it_was():
    before = keras.config.dtype_policy()
    loss_network.LossNetwork(
        ["relu1_1"], weights="random", compute_dtype="bfloat16"
    )
    assert keras.config.dtype_policy() is before

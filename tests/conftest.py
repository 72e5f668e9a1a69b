"""Fixtures that more than one room of the tests uses."""

import contextlib
import gc
import importlib.util
import os
import pathlib
import resource
import signal
import subprocess
import sys

from absl import flags
from absl.testing import flagsaver
import pytest

# As many processes as cores run tests, and start others.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


def pytest_collection_finish():
    """Has Python no longer search through all that TensorFlow imports."""
    gc.freeze()


def _path_from(variable: str) -> pathlib.Path:
    if not os.environ.get(variable):
        pytest.skip(f"{variable} is not set")
    return pathlib.Path(os.environ[variable])


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_reaches_commands():
    """A shell lets its background jobs, and what they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def load_script():
    """Loads a script that is in no package as a module, by its path."""

    def load(path):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def run_command(tmp_path_factory):
    """Runs a command as its users do, in a folder."""
    import command_client

    server = command_client.CommandServer(tmp_path_factory.mktemp("commands"))
    yield server.run
    server.stop()


@pytest.fixture(scope="session")
def run_script():
    """Runs a script by its path, in a process of its own."""

    def run(path, *arguments):
        return subprocess.run(
            [sys.executable, path, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=240,
        )

    return run


@pytest.fixture(scope="session")
def save_networks():
    """Saves networks of random weights, each as NAME.keras in a folder."""
    import keras

    from fastnst.networks import saved_networks

    def save(folder, **networks):
        keras.utils.set_random_seed(3)
        for name, network in networks.items():
            network.build((None, None, None, 3))
            saved_networks.save(network, folder / f"{name}.keras", {})

    return save


@pytest.fixture(scope="module")
def one_residual_block():
    """Style networks have one residual block instead of five: all are alike."""
    from fastnst.networks import style_transfer_network

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style_transfer_network, "_NUM_RESIDUAL_BLOCKS", 1)
        yield


@contextlib.contextmanager
def no_file_larger(num_bytes):
    """Lets no file grow beyond some bytes: what a full disk does.

    Nothing may be printed inside: what catches the output is a file as well.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores SIGXFSZ: writes fail with EFBIG.
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def full_disk():
    """The function `no_file_larger`."""
    return no_file_larger


@pytest.fixture(scope="session")
def vgg16_weights() -> pathlib.Path:
    """The file of genuine VGG16 weights, at least up to relu3_3."""
    return _path_from("FASTNST_VGG16_WEIGHTS")


@pytest.fixture(scope="session")
def test_photos() -> pathlib.Path:
    """The folder of photos: coco_val, content, styles, set5 and others."""
    return _path_from("FASTNST_IMAGES")


class TinyLossNetwork:
    """A loss network of two layers that a test can compute in NumPy.

    "relu1_2" is the positive part of a channel mixture, "relu3_3" its average
    over squares of 2 x 2 pixels, mixed once more.
    """

    def __init__(self, seed: int = 0):
        import numpy as np

        generator = np.random.default_rng(seed)
        self.first = generator.normal(0, 0.02, [3, 4]).astype(np.float32)
        self.second = generator.normal(0, 0.5, [4, 5]).astype(np.float32)
        self.calls: list[tuple[str, ...]] = []

    def __call__(self, images, layers=None):
        import tensorflow as tf

        layers = ("relu1_2", "relu3_3") if layers is None else tuple(layers)
        self.calls.append(layers)
        features = {"relu1_2": tf.nn.relu(images @ self.first)}
        if "relu3_3" in layers:
            pooled = tf.nn.avg_pool2d(features["relu1_2"], 2, 2, "VALID")
            features["relu3_3"] = tf.nn.relu(pooled @ self.second)
        return {name: features[name] for name in layers}


@pytest.fixture
def tiny_loss_network() -> TinyLossNetwork:
    """A loss network that costs nothing, where VGG16 is not the point."""
    return TinyLossNetwork()


@pytest.fixture(scope="session")
def write_vgg16():
    """Writes a file of VGG16 weights that ends at relu1_2, random ones."""
    import h5py
    import numpy as np

    def write(path, generator):
        with h5py.File(path, "w") as file:
            for number, channels in ((1, 3), (2, 64)):
                group = file.create_group(f"block1_conv{number}")
                kernel = generator.normal(0, 0.05, (3, 3, channels, 64))
                group["kernel"] = kernel.astype(np.float32)
                group["bias"] = np.zeros(64, np.float32)

    return write


def make_style_trainer(preset="default", **options):
    """Builds a trainer of a small network for three styles of noise.

    Args:
        preset: Of the network.
        **options: `jit_compile`, `dtype`, `stability_weight`, and Adam's
            `learning_rate` and `epsilon`.
    """
    import keras
    import numpy as np

    from fastnst.networks import style_transfer_network
    from fastnst.training import style_objective
    from fastnst.training import style_transfer_trainer

    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    styles = generator.uniform(0, 255, [3, 16, 16, 3]).astype(np.float32)
    network = style_transfer_network.StyleTransferNetwork(
        preset,
        width=0.125,
        style_names=("one", "two", "three"),
        dtype=options.get("dtype", "float32"),
    )
    network.build()
    objective = style_objective.StyleObjective(
        TinyLossNetwork(),
        # Styles of different contrast.
        [style * share for style, share in zip(styles, (1.0, 0.6, 0.3))],
        content_layer="relu3_3",
        content_weight=1.0,
        style_weights={"relu1_2": 1.0, "relu3_3": 1.0},
        tv_weight=1e-6,
    )
    trainer = style_transfer_trainer.StyleTransferTrainer(
        network,
        objective,
        stability_weight=options.get("stability_weight", 0.0),
    )
    optimizer = keras.optimizers.Adam(
        options.get("learning_rate", 1e-3), epsilon=options.get("epsilon", 1e-7)
    )
    trainer.compile(optimizer, jit_compile=options.get("jit_compile", False))
    optimizer.build(network.trainable_variables)
    return trainer


def make_content_batches(num_steps, batch_size=4):
    """Makes a dataset of coarse noise, as `content_images` does of photos."""
    import numpy as np
    import tensorflow as tf

    generator = np.random.default_rng(1)
    count = num_steps * batch_size
    small = generator.uniform(0, 255, [count, 4, 4, 3])
    images = small.repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)
    positions = np.repeat(np.arange(1, num_steps + 1) * batch_size, batch_size)
    return tf.data.Dataset.from_tensor_slices(
        (images, positions.astype(np.int64))
    ).batch(batch_size, drop_remainder=True)


@pytest.fixture
def style_trainer():
    """Builds a small trainer."""
    return make_style_trainer


@pytest.fixture
def content_batches():
    """Makes a dataset of content images."""
    return make_content_batches


@pytest.fixture
def set_flags():
    """Sets flags until the test ends."""
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
    with flagsaver.flagsaver():

        def assign(**values):
            for name, value in values.items():
                setattr(flags.FLAGS, name, value)

        yield assign

"""The network that ships, exported, against Keras on a photo."""

import pathlib

from ai_edge_litert import interpreter as litert
import numpy as np
import pytest
import tensorflow as tf

from fastnst.deployment import parity
from fastnst.deployment import saved_model
from fastnst.deployment import tflite
from fastnst.networks import saved_networks

pytestmark = pytest.mark.slow

_PHOTO = pathlib.Path(__file__).parents[2] / "experiments/photos/coffee.jpg"
_SIZE = (256, 256)


@pytest.fixture(scope="module")
def network():
    return saved_networks.load("great_wave")


@pytest.fixture(scope="module")
def picture():
    return parity.comparison_picture(*_SIZE, _PHOTO)


@pytest.fixture(scope="module")
def expected(network, picture):
    result = parity.keras_result(network, picture)
    # A network that returns its input, or grey, would prove nothing.
    assert np.abs(result - picture).mean() > 10 and result.std() > 20
    return result


def test_tflite_files(network, picture, expected):
    image = picture[None].astype(np.float32)
    for precision, model in tflite.convert(
        network, _SIZE, precisions=("fp32", "fp16")
    ):
        result = tflite.runner(model, _SIZE)(image)[0]
        difference = np.abs(result - expected)
        largest, mean = {"fp32": (0.5, 0.1), "fp16": (3, 0.3)}[precision]
        assert difference.max() < largest, precision
        assert difference.mean() < mean, precision


@pytest.mark.parametrize("name", ["great_wave", "wave"])
def test_no_number_is_too_large_for_16_bits(name, picture):
    """A GPU of a phone computes in float16, whose largest is 65,504."""
    ((_, model),) = tflite.convert(
        saved_networks.load(name), _SIZE, precisions=["fp32"]
    )
    interpreter = litert.Interpreter(
        model_content=model, experimental_preserve_all_tensors=True
    )
    signature = interpreter.get_signature_runner()
    signature(image=picture[None].astype(np.float32))
    largest = 0.0
    for details in interpreter.get_tensor_details():
        if details["dtype"] == np.float32 and details["shape"].size:
            values = interpreter.get_tensor(details["index"])
            largest = max(largest, np.abs(values).max())
    # The squares of the variances, of which the first would be of 1,600.
    assert 1000 < largest < 65504 / 2


def test_saved_model(network, picture, expected, tmp_path):
    saved_model.write(network, tmp_path / "1")
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    image = tf.constant(picture[None], tf.float32)
    result = loaded.signatures["image_float"](image=image)["transformed"][0]
    assert np.abs(result - expected).max() < 0.5

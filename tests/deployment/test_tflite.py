"""TFLite files against Keras, by LiteRT's own interpreter."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_networks

from fastnst.deployment import op_audit
from fastnst.deployment import parity
from fastnst.deployment import tflite
from fastnst.deployment import tflite_options
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network


def _compare(network, model, size, precision, pixels="float32"):
    return tflite.compare(
        network,
        model,
        size,
        name="file",
        precision=precision,
        pixels=pixels,
        num_runs=1,
        threads=1,
    )


def test_all_precisions_of_two_styles_at_an_odd_size():
    network = tiny_networks.style_transfer()
    files = dict(
        tflite.convert(network, (33, 47), precisions=tflite_options.PRECISIONS)
    )
    comparisons = {
        precision: _compare(network, model, (33, 47), precision)
        for precision, model in files.items()
    }
    assert comparisons["fp32"].max_difference < 0.05
    assert 0.01 < comparisons["fp16"].max_difference < 3
    assert comparisons["fp16"].mean_difference < 0.3
    assert comparisons["int8"].mean_difference < 6
    sizes = [len(files[precision]) for precision in tflite_options.PRECISIONS]
    assert sizes == sorted(sizes, reverse=True)
    # The formulation for LiteRT was traced, not the one for TensorFlow.
    counts = op_audit.audit(files["fp32"])
    assert "GATHER" not in counts and counts["CONCATENATION"] > 20
    _check_blend(network, files["fp32"])


def _check_blend(network, model):
    """The second input chooses the style."""
    run = tflite.runner(model, (33, 47))
    image = parity.comparison_picture(33, 47)[None].astype(np.float32)
    results = [
        run(image, style_blend=np.array([blend], np.float32))
        for blend in [(1, 0), (0, 1)]
    ]
    np.testing.assert_allclose(results[0], network(image), atol=0.05)
    assert np.abs(results[0] - results[1]).max() > 1


def test_a_dynamic_file_takes_any_size_and_its_width_is_not_its_height():
    network = tiny_networks.style_transfer(style_names=("style",))
    ((_, model),) = tflite.convert(network, None, precisions=["fp32"])
    op_audit.audit(model, dynamic=True)
    for size in [(1, 1), (33, 47), (64, 20)]:
        image = np.random.default_rng(0).uniform(0, 255, (1, *size, 3))
        image = image.astype(np.float32)
        result = tflite.runner(model, size)(image)
        # One pixel has no variance: rounding errors are divided by nearly 0.
        atol = 1 if size == (1, 1) else 0.05
        np.testing.assert_allclose(result, network(image), atol=atol)


def test_uint8_files_round_inside():
    network = tiny_networks.style_transfer("paper", ("style",))
    ((_, model),) = tflite.convert(
        network, (24, 20), precisions=["fp32"], pixels="uint8"
    )
    image = parity.comparison_picture(24, 20)[None]
    result = tflite.runner(model, (24, 20))(image)
    assert result.dtype == np.uint8
    expected = np.round(network(image.astype(np.float32)))
    assert np.abs(result - expected).max() <= 1
    _compare(network, model, (24, 20), "fp32", "uint8")


def test_super_resolution_returns_factor_times_size_and_no_other_network():
    keras.utils.set_random_seed(0)
    network = super_resolution_network.SuperResolutionNetwork(4, width=0.125)
    network.build()
    ((_, model),) = tflite.convert(network, (10, 7), precisions=["fp16"])
    comparison = _compare(network, model, (10, 7), "fp16")
    assert comparison.size == "40x28"
    kernel = network.residual_steps[0].convolution.kernel
    kernel.assign(tf.zeros_like(kernel))
    bias = network.last.bias
    bias.assign(tf.fill(bias.shape, 0.1))
    with pytest.raises(ValueError, match="file differs too much"):
        _compare(network, model, (10, 7), "fp16")


@pytest.mark.parametrize(
    "width, largest", [(1.0, (3.7e6, 1.9e6)), (0.5, (1.0e6, 0.55e6))]
)
def test_files_are_as_small_as_promised(width, largest):
    """Kernels are stored, and few names."""
    network = style_transfer_network.StyleTransferNetwork(width=width)
    network.build()
    files = tflite.convert(network, (256, 256), precisions=["fp16", "int8"])
    half, quarter = [content for _, content in files]
    assert len(half) < largest[0] and len(quarter) < largest[1]
    # Kernels are constants: nothing prepares them when the file runs.
    counts = op_audit.audit(half)
    assert counts["CONV_2D"] == 16
    # Two for each convolution; the two largest join their borders first.
    assert counts["CONCATENATION"] == 2 * 16 + 2 * 4


def test_sizes_are_height_by_width():
    assert tflite_options.parse_size("256x320") == (256, 320)
    assert tflite_options.parse_size("dynamic") is None
    for text in ["256", "0x16", "axb", "16x16x3", "", "-1x5"]:
        with pytest.raises(ValueError, match="height x width"):
            tflite_options.parse_size(text)


def test_file_names_tell_size_precision_and_pixels():
    name = tflite_options.file_name("wave", (256, 320), "fp16", "float32")
    assert name == "wave_256x320_fp16.tflite"
    name = tflite_options.file_name("wave", None, "int8", "uint8")
    assert name == "wave_dynamic_int8_uint8.tflite"


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"precisions": ["fp8"]}, "`precisions` must be of fp32.*fp8"),
        ({"precisions": []}, "`precisions`.*nothing"),
        ({"pixels": "int16"}, "`pixels` must be of float32.*int16"),
    ],
)
def test_bad_arguments_are_named(wrong, message):
    network = tiny_networks.style_transfer()
    with pytest.raises(ValueError, match=message):
        arguments = {"precisions": ["fp32"], **wrong}
        next(tflite.convert(network, (16, 16), **arguments))

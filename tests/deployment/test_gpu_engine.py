"""TFLite files in LiteRT's GPU engine, on a Vulkan driver in software.

The engine that Android uses through OpenCL builds the same graph; its drivers
and its half precision are other ones, so this tells what is taken, not how a
phone computes.
"""

import functools
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from fastnst.deployment import tflite
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network

# Chromium has a Vulkan driver in software beside its program.
_DRIVERS = [
    pathlib.Path("/usr/lib/chromium/vk_swiftshader_icd.json"),
    pathlib.Path("/usr/lib/chromium-browser/vk_swiftshader_icd.json"),
    pathlib.Path("/opt/google/chrome/vk_swiftshader_icd.json"),
]
_SIZE = (32, 48)

# In a process of its own: a driver is found by the variables it starts with.
_PROGRAM = """
import sys
import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
path, inputs_path, result_path = sys.argv[1:]
model = CompiledModel.from_file(path, HardwareAccelerator.GPU)
assert model.is_fully_accelerated()
inputs = {}
for name, value in np.load(inputs_path).items():
    inputs[name] = model.create_input_buffer_by_name("serving_default", name)
    inputs[name].write(value)
output = model.create_output_buffer_by_name("serving_default", "transformed")
model.run_by_name("serving_default", inputs, {"transformed": output})
details = model.get_output_tensor_details("serving_default")["transformed"]
dtype = np.uint8 if "bytes" in path else np.float32
shape = details["shape"]
np.save(result_path, output.read(int(np.prod(shape)), dtype).reshape(shape))
"""


@pytest.fixture(scope="module")
def driver():
    found = [path for path in _DRIVERS if path.exists()]
    if not found:
        pytest.skip("NOT RUN: there is no Chromium with its Vulkan driver")
    return found[0]


def _style(*arguments, **options):
    return style_transfer_network.StyleTransferNetwork(
        *arguments, width=0.125, **options
    )


def _shake(network):
    """Gives weights what training does: none is 0 or 1, and contrast."""
    generator = np.random.default_rng(0)
    for weight in network.weights:
        noise = generator.normal(0, 0.2, weight.shape)
        if len(weight.shape) < 4 and weight.dtype == "float32":
            weight.assign(weight + np.abs(noise))
    if network.task == "style_transfer" and network.preset == "default":
        kernel = network.to_pixels.kernel
        kernel.assign(25 * kernel.value)


_NETWORKS = {
    "style": _style,
    "bytes": _style,
    "pair": functools.partial(_style, style_names=("plain", "bold")),
    "paper": functools.partial(_style, "paper"),
    "enlarging": functools.partial(
        super_resolution_network.SuperResolutionNetwork, 4, width=0.125
    ),
}


@pytest.mark.vulkan
@pytest.mark.parametrize("name", _NETWORKS)
def test_the_gpu_takes_all_of_a_file_and_agrees(driver, name, tmp_path):
    keras.utils.set_random_seed(0)
    network = _NETWORKS[name]()
    network.build()
    _shake(network)
    pixels = "uint8" if name == "bytes" else "float32"
    ((_, model),) = tflite.convert(
        network, _SIZE, precisions=["fp16"], pixels=pixels
    )
    path = tmp_path / f"{name}.tflite"
    path.write_bytes(model)
    inputs = {
        "image": np.random.default_rng(0)
        .integers(0, 256, (1, *_SIZE, 3))
        .astype(pixels)
    }
    if name == "pair":
        inputs["style_blend"] = np.array([[0.3, 0.7]], np.float32)
    np.savez(tmp_path / "inputs.npz", **inputs)
    result_path = tmp_path / "result.npy"
    variables = {
        "VK_ICD_FILENAMES": str(driver),
        "LD_LIBRARY_PATH": str(driver.parent),
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, path, tmp_path / "inputs.npz"]
        + [result_path],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    result = np.load(result_path).astype(np.float32)
    expected = tflite.runner(model, _SIZE)(**inputs)
    # Not grey, which would prove nothing.
    assert expected.std() > 20
    np.testing.assert_allclose(result, expected, atol=1)

"""An exported SavedModel in programs that others wrote.

No model server can be had from the package registries. The C API loads and
runs a SavedModel with the code that TensorFlow Serving does it with.
"""

import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

_SOURCE = pathlib.Path(__file__).parent / "run_saved_model.c"


@pytest.fixture(scope="module")
def directory(exported_networks):
    return exported_networks / "tiny" / "2"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The C program, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("NOT RUN: there is no C compiler")
    program = tmp_path_factory.mktemp("program") / "run_saved_model"
    library = tf.sysconfig.get_lib()
    subprocess.run(
        [
            compiler,
            "-Wall",
            "-Werror",
            f"-I{tf.sysconfig.get_include()}",
            _SOURCE,
            "-o",
            program,
            f"-L{library}",
            f"-Wl,-rpath,{library}",
            "-l:libtensorflow_cc.so.2",
            "-l:libtensorflow_framework.so.2",
        ],
        check=True,
        timeout=120,
    )
    return program


def _run(program, directory, signature, data, folder):
    """Runs a signature on the bytes of a file; returns status and result."""
    model = saved_model_pb2.SavedModel.FromString(
        (directory / "saved_model.pb").read_bytes()
    )
    signature = model.meta_graphs[0].signature_def[signature]
    source = signature.inputs["image_bytes"].name.partition(":")[0]
    target = signature.outputs["transformed_bytes"].name.split(":")
    (folder / "file").write_bytes(data)
    result = folder / "result"
    done = subprocess.run(
        [program, directory, source, *target, folder / "file", result],
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done, result.read_bytes() if result.exists() else None


@pytest.mark.parametrize("signature", ["serving_default", "jpeg"])
def test_c_api_gives_the_same_bytes(
    directory, signatures, program, photo, tmp_path, signature
):
    done, result = _run(program, directory, signature, photo, tmp_path)
    assert done.returncode == 0, done.stderr
    expected = signatures[signature](image_bytes=tf.constant([photo]))
    assert result == expected["transformed_bytes"].numpy()[0]


def test_c_api_gets_the_reason_of_a_refusal(directory, program, tmp_path):
    done, result = _run(
        program, directory, "serving_default", b"hello", tmp_path
    )
    assert (done.returncode, result) == (1, None)
    assert "image_bytes must be a PNG" in done.stderr


@pytest.mark.openvino
def test_openvino_gives_the_same_pixels(signatures):
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    # Not the bfloat16 that some processors would be given.
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    model = openvino.convert_model(signatures["image_float"])
    run = core.compile_model(model, "CPU")
    rng = np.random.default_rng(0)
    for shape in [(1, 33, 47, 3), (2, 16, 20, 3)]:
        images = rng.uniform(0, 255, shape).astype(np.float32)
        result = run([images])[0]
        expected = signatures["image_float"](image=tf.constant(images))
        np.testing.assert_allclose(
            result, expected["transformed"].numpy(), atol=0.05
        )


def test_saved_model_cli_shows_the_contract(directory):
    """What export/serving/README.md shows, by TensorFlow's own program."""
    readme = pathlib.Path(__file__).parents[2] / "export/serving/README.md"
    shown = readme.read_text().partition("saved_model_cli show")[2]
    shown = shown.partition("```text\n")[2].partition("```")[0]
    program = pathlib.Path(sys.executable).parent / "saved_model_cli"
    done = subprocess.run(
        [
            program,
            *("show", "--dir", directory, "--tag_set", "serve"),
            *("--signature_def", "serving_default"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "image_bytes" in shown
    # How many signatures there are is in the name of an operation.
    number = re.compile(r"Call(_\d+)?:")
    assert number.sub(":", done.stdout).split() == number.sub(
        ":", shown
    ).split()

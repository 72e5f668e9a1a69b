"""The command, from a trained network to files, in a process of its own."""

import functools
import json
import pathlib
import re
import subprocess
import sys

from PIL import Image
import keras
import numpy as np
import pytest
import tensorflow as tf

from fastnst.deployment import tflite
from fastnst.deployment import tflite_metadata
from fastnst.networks import saved_networks
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network

_README = pathlib.Path(__file__).parents[1] / "export" / "README.md"
# What the README says for a network of several styles.
_BLENDED = "run(image=image, style_blend=np.array([[1, 0]], np.float32))"

# Loses the weights of the TFLite file, as some ways to convert do.
_BROKEN = """
import pathlib
from fastnst.deployment import saved_model
from fastnst.deployment import tflite
def write(network, folder, **kwargs):
    (pathlib.Path(folder) / "saved_model.pb").write_text("good")
saved_model.write = write
saved_model.compare = lambda *args, **kwargs: []
convert = tflite.convert
def broken(network, *args, **kwargs):
    twin = type(network).from_config(network.get_config())
    twin.build()
    for weight in twin.weights:
        weight.assign(0 * weight)
    return convert(twin, *args, **kwargs)
tflite.convert = broken
import runpy
runpy.run_module("fastnst.export", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def export(run_command):
    return functools.partial(run_command, "export")


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def _error(done):
    """Returns the one line that a failed export ends with."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = [
        line for line in done.stderr.splitlines() if line.startswith("error:")
    ]
    return line


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    keras.utils.set_random_seed(0)
    network = style_transfer_network.StyleTransferNetwork(
        width=0.125, style_names=("plain", "bold")
    )
    network.build()
    folder = tmp_path_factory.mktemp("runs") / "sketch"
    saved_networks.save(network, folder / "network.keras", {})
    return folder


@pytest.fixture(scope="module")
def products(export, workdir):
    output_dir = workdir.parent / "products"
    done = export(
        f"--network={workdir}",
        f"--output_dir={output_dir}",
        "--version=3",
        "--timed_runs=2",
    )
    assert done.returncode == 0, done.stderr
    return output_dir, done.stdout


def test_exports_both_formats_and_the_comparison(workdir, products):
    output_dir, printed = products
    assert _names(output_dir) == ["sketch"]
    assert _names(output_dir / "sketch") == ["3", "tflite"]
    folder = output_dir / "sketch" / "tflite" / "3"
    # What a phone's GPU takes, and the smallest, for any size.
    files = [
        "sketch_256x256_fp16.tflite",
        "sketch_512x512_fp16.tflite",
        "sketch_dynamic_int8.tflite",
    ]
    assert _names(folder) == ["parity.json", *files]
    assert f"wrote {folder}" in printed
    _check_report(folder / "parity.json", files, printed)
    saved_model = output_dir / "sketch" / "3"
    signatures = tf.saved_model.load(str(saved_model)).signatures
    products = [f"SavedModel {name}" for name in signatures]
    _check_report(saved_model / "parity.json", products, printed)
    _check_agreement(workdir, signatures, folder / files[0])
    _check_contract_table(signatures)


def _check_contract_table(signatures):
    """The README's table names signatures, inputs and outputs as they are."""
    rows = re.findall(
        r"^\| `(\w+)` \| `(\w+)` (\w+) .* \| `(\w+)` (\w+) ",
        _README.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    found = []
    for name, signature in signatures.items():
        if not name.endswith("_with_style"):
            (source,) = signature.structured_input_signature[1].values()
            ((output, spec),) = signature.structured_outputs.items()
            found.append(
                (name, source.name, source.dtype.name, output, spec.dtype.name)
            )
    assert sorted(found) == sorted(rows)


def test_the_programs_of_the_readme_run(products, tmp_path):
    output_dir, _ = products
    photo = np.random.default_rng(0).integers(0, 256, (48, 80, 3), np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    text = _README.read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.M)
    sizes = []
    for program in programs:
        for written, here in [
            ("export/products/great_wave", output_dir / "sketch"),
            ("tflite/1/", "tflite/3/"),
            ('/1")', '/3")'),
            ("great_wave_256x256", "sketch_256x256"),
            ("run(image=image)", _BLENDED),
        ]:
            program = program.replace(written, str(here))
        done = subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if "transformed.png" in program:
            with Image.open(tmp_path / "transformed.png") as transformed:
                sizes.append(transformed.size)
    assert sizes == [(80, 48), (256, 256)]
    # The last program prints what a file says about itself.
    assert "style_names=('plain', 'bold')" in done.stdout


def _check_report(path, products, printed):
    report = json.loads(path.read_text())
    assert report["version"] == 3
    comparisons = report["comparisons"]
    assert sorted(each["product"] for each in comparisons) == sorted(products)
    for each in comparisons:
        assert each["summary"] in printed
        assert each["max_difference"] <= each["bounds"]["max_difference"]
        assert each["num_runs"] == 2
        assert each["num_bytes"] > 1e4 and each["milliseconds"] > 0
        assert each["threads"] >= 1


def _check_agreement(workdir, signatures, file):
    """Keras, SavedModel and TFLite see the same picture alike."""
    image = np.random.default_rng(0).uniform(0, 255, (1, 256, 256, 3))
    image = image.astype(np.float32)
    blend = np.array([[0.2, 0.8]], np.float32)
    expected = saved_networks.load(workdir)(image, style_blend=blend).numpy()
    run = signatures["image_float_with_style"]
    served = run(image=tf.constant(image), style_blend=tf.constant(blend))
    np.testing.assert_allclose(served["transformed"], expected, atol=0.05)
    model = file.read_bytes()
    on_phone = tflite.runner(model, (256, 256))(image, style_blend=blend)
    np.testing.assert_allclose(on_phone, expected, atol=0.5)
    metadata = tflite_metadata.read(model)
    assert metadata.name == "sketch"
    assert metadata.style_names == ("plain", "bold")


def test_a_broken_file_stops_the_export_and_nothing_is_kept(tmp_path):
    keras.utils.set_random_seed(0)
    network = super_resolution_network.SuperResolutionNetwork(4, width=0.125)
    network.build()
    saved_networks.save(network, tmp_path / "sharp.keras", {})
    arguments = [
        f"--network={tmp_path}/sharp.keras",
        f"--output_dir={tmp_path}/products",
        "--tflite_size=16x16",
        "--tflite_precision=fp32",
        "--timed_runs=1",
    ]
    done = subprocess.run(
        [sys.executable, "-c", _BROKEN, *arguments],
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert "sharp_16x16_fp32.tflite differs too much" in _error(done)
    # The SavedModel was good, but an export is all or nothing.
    assert "wrote" not in done.stdout
    assert _names(tmp_path) == ["sharp.json", "sharp.keras"]


def test_requests_to_enlarge_are_limited_by_their_results(export, tmp_path):
    network = super_resolution_network.SuperResolutionNetwork(8, width=0.05)
    network.build()
    saved_networks.save(network, tmp_path / "sharp.keras", {})
    done = export(
        f"--network={tmp_path}/sharp.keras",
        f"--output_dir={tmp_path}",
        "--formats=saved_model",
        "--timed_runs=1",
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "sharp/1/assets.extra/contract.json").read_text()
    assert json.loads(text)["max_pixels"] == 2048**2 // 8**2


def test_an_existing_version_is_refused(export, workdir, tmp_path):
    version = tmp_path / "sketch" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_text("old")
    done = export(f"--network={workdir}", f"--output_dir={tmp_path}")
    assert f"{version} exists already" in _error(done)
    assert _names(version) == ["saved_model.pb"]


def test_a_file_for_output_dir_is_one_clear_line(export, workdir, tmp_path):
    file = tmp_path / "file"
    file.write_text("text")
    done = export(f"--network={workdir}", f"--output_dir={file}")
    assert _error(done) == (
        f"error: `output_dir` must be a folder. Received: the file {file}."
    )
    assert file.read_text() == "text"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--output_dir=out"], "--network"),
        (["--network=wave"], "--output_dir"),
        (["--network=w", "--output_dir=o", "--formats=onnx"], "--formats"),
        (["--network=w", "--output_dir=o", "--name=a/b"], "--name"),
        (["--network=w", "--output_dir=o", "--tflite_size=64"], "tflite_size"),
        (
            ["--network=w", "--output_dir=o", "--tflite_precision=fp8"],
            "--tflite_precision",
        ),
        (["--network=w", "--output_dir=o", "--photo=none.jpg"], "none.jpg"),
    ],
)
def test_bad_flags_are_named(export, arguments, message):
    assert message in _error(export(*arguments))

"""The Android project: what can be checked without the Android SDK."""

import pathlib
import re
import xml.etree.ElementTree

from ai_edge_litert import compiled_model
import keras
import numpy as np
import pytest

from fastnst.deployment import tflite
from fastnst.networks import style_transfer_network

_ANDROID = pathlib.Path(__file__).parents[2] / "export" / "android"
_APP = _ANDROID / "app" / "src" / "main"
_NAME = "{http://schemas.android.com/apk/res/android}name"
_ID = "{http://schemas.android.com/apk/res/android}id"


def _kotlin(folder):
    return "\n".join(path.read_text() for path in folder.rglob("*.kt"))


def test_resources_are_well_formed_and_those_that_are_used():
    trees = {
        path: xml.etree.ElementTree.parse(path).getroot()
        for path in sorted(_APP.rglob("*.xml"))
    }
    layouts = (_APP / "res" / "layout").iterdir()
    defined = {f"layout.{path.stem}" for path in layouts}
    used = set(re.findall(r"\bR\.(\w+\.\w+)", _kotlin(_APP)))
    for root in trees.values():
        for element in root.iter():
            if element.tag == "string":
                defined.add(f"string.{element.attrib['name']}")
            for name, value in element.attrib.items():
                reference = re.fullmatch(r"@(string|id)/(\w+)", value)
                if reference:
                    used.add(".".join(reference.groups()))
                if name == _ID:
                    defined.add("id." + value.removeprefix("@+id/"))
    assert used == defined


def test_manifest_names_the_activity_and_the_camera():
    root = xml.etree.ElementTree.parse(_APP / "AndroidManifest.xml").getroot()
    activity = root.find("application/activity").attrib[_NAME]
    assert (_APP / "kotlin" / f"{activity.replace('.', '/')}.kt").is_file()
    permission = root.find("uses-permission").attrib[_NAME]
    assert permission == "android.permission.CAMERA"


def test_modules_exist_and_the_gpu_comes_in_the_version_of_litert():
    settings = (_ANDROID / "settings.gradle.kts").read_text()
    for module in re.findall(r'":(\w+)"', settings):
        assert (_ANDROID / module / "build.gradle.kts").is_file()
    build = (_ANDROID / "app" / "build.gradle.kts").read_text()
    versions = dict(re.findall(r'google\.ai\.edge\.litert:(\S+):(\S+)"', build))
    assert set(versions) == {"litert", "litert-gpu"}
    assert len(set(versions.values())) == 1


def test_image_module_knows_no_android():
    assert "import android" not in _kotlin(_ANDROID / "image")


@pytest.fixture(scope="module")
def model() -> bytes:
    keras.utils.set_random_seed(0)
    network = style_transfer_network.StyleTransferNetwork(
        width=0.125, style_names=("ink", "mosaic")
    )
    network.build()
    files = tflite.convert(network, (32, 48), precisions=["fp16"])
    return dict(files)["fp16"]


def test_compiled_model_takes_the_names_that_the_app_uses(model):
    source = (_APP / "kotlin/fastnst/app/Network.kt").read_text()
    names = dict(re.findall(r'const val (\w+) = "(\w+)"', source))
    generator = np.random.default_rng(0)
    image = generator.uniform(0, 255, [1, 32, 48, 3]).astype(np.float32)
    blend = np.array([[0.25, 0.75]], np.float32)
    expected = tflite.runner(model, (32, 48))(image=image, style_blend=blend)

    compiled = compiled_model.CompiledModel.from_buffer(model)
    signature = names["SIGNATURE"]
    inputs = {}
    for name, values in ((names["IMAGE"], image), (names["BLEND"], blend)):
        inputs[name] = compiled.create_input_buffer_by_name(signature, name)
        inputs[name].write(values)
    result = names["RESULT"]
    buffer = compiled.create_output_buffer_by_name(signature, result)
    compiled.run_by_name(signature, inputs, {result: buffer})
    received = buffer.read(expected.size, np.float32)
    np.testing.assert_allclose(received, expected.ravel(), atol=0.01)

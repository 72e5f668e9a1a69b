"""What a file says about itself, read back and by other means."""

import shutil
import subprocess

from ai_edge_litert import schema_py_generated as schema
import flatbuffers
import keras
import numpy as np
import pytest

from fastnst.deployment import tflite
from fastnst.deployment import tflite_metadata
from fastnst.networks import style_transfer_network
from fastnst.networks import super_resolution_network

_SIZE = (16, 20)


def _file(network, **options):
    ((_, model),) = tflite.convert(
        network, _SIZE, precisions=["fp32"], **options
    )
    return model


@pytest.fixture(scope="module")
def two_styles():
    keras.utils.set_random_seed(0)
    network = style_transfer_network.StyleTransferNetwork(
        width=0.125, style_names=("plain", "größer")
    )
    network.build()
    return _file(network, name="sketch")


def test_name_ranges_and_styles_are_read_back(two_styles):
    metadata = tflite_metadata.read(two_styles)
    assert metadata.name == "sketch"
    assert metadata.description == "Redraws a picture in another style."
    assert metadata.style_names == ("plain", "größer")
    ranges = {
        each.name: (each.minimum, each.maximum)
        for each in (*metadata.inputs, *metadata.outputs)
    }
    assert ranges == {
        "image": (0, 255),
        "style_blend": (0, 1),
        "transformed": (0, 255),
    }


def test_inputs_are_in_the_order_of_the_file(two_styles):
    graph = schema.Model.GetRootAs(two_styles, 0).Subgraphs(0)
    ranks = [
        graph.Tensors(graph.Inputs(i)).ShapeLength()
        for i in range(graph.InputsLength())
    ]
    expected = {"image": 4, "style_blend": 2}
    inputs = tflite_metadata.read(two_styles).inputs
    assert ranks == [expected[each.name] for each in inputs]


@pytest.mark.skipif(not shutil.which("unzip"), reason="no unzip")
def test_unzip_finds_the_styles(two_styles, tmp_path):
    """It reports the file in front of the archive by its exit code."""
    path = tmp_path / "sketch.tflite"
    path.write_bytes(two_styles)
    done = subprocess.run(
        ["unzip", "-p", path, "styles.txt"], capture_output=True, timeout=60
    )
    assert done.stdout.decode() == "plain\ngrößer"


def test_super_resolution_has_no_styles():
    keras.utils.set_random_seed(0)
    network = super_resolution_network.SuperResolutionNetwork(4, width=0.125)
    network.build()
    metadata = tflite_metadata.read(_file(network))
    assert metadata.name == network.name
    assert metadata.description == "Enlarges a picture 4 times."
    assert metadata.style_names == ()
    assert [each.name for each in metadata.inputs] == ["image"]


def test_weights_stay_aligned_as_the_schema_says(two_styles):
    """`Buffer.data` has `force_align: 16` there."""
    root = schema.Model.GetRootAs(two_styles, 0)
    start = np.frombuffer(two_styles, np.uint8).__array_interface__["data"][0]
    places = [
        root.Buffers(i).DataAsNumpy().__array_interface__["data"][0] - start
        for i in range(root.BuffersLength())
        if root.Buffers(i).DataLength()
    ]
    assert len(places) > 20 and not any(place % 16 for place in places)


def test_a_file_without_metadata_is_named():
    root = schema.ModelT()
    builder = flatbuffers.Builder()
    builder.Finish(root.Pack(builder), b"TFL3")
    with pytest.raises(ValueError, match="buffer TFLITE_METADATA"):
        tflite_metadata.read(bytes(builder.Output()))

"""The JSON of the REST interface, as TensorFlow Serving's documents have it."""

import base64
import json

import numpy as np
import pytest
import tensorflow as tf

from fastnst.deployment import json_tensors
from fastnst.deployment import served_models

_FILES = {"image_bytes": tf.TensorSpec([None], tf.string)}
_PIXELS = {"image": tf.TensorSpec([None, None, None, 3], tf.uint8)}
_FLOATS = {"image": tf.TensorSpec([None, None, None, 3], tf.float32)}
_BLEND = {**_FILES, "style_blend": tf.TensorSpec([None, 2], tf.float32)}
_B64 = {"b64": base64.b64encode(b"\x00\xffphoto").decode()}


def _arrays(content, specs):
    body = content if isinstance(content, bytes) else json.dumps(content)
    return json_tensors.to_arrays(json_tensors.parse(body), specs)


@pytest.mark.parametrize(
    "content",
    [
        {"inputs": {"image_bytes": [_B64, _B64]}},
        {"inputs": [_B64, _B64]},
        {"instances": [_B64, _B64]},
        {"instances": [{"image_bytes": _B64}, {"image_bytes": _B64}]},
    ],
    ids=["columns", "only column", "rows", "named rows"],
)
def test_files_in_every_layout(content):
    (value,) = _arrays(content, _FILES).values()
    assert value.tolist() == [b"\x00\xffphoto"] * 2


def test_two_inputs_in_both_layouts():
    columns = {"image_bytes": [_B64, _B64], "style_blend": [[0, 1], [0.5, 0.5]]}
    rows = [
        {"image_bytes": _B64, "style_blend": blend}
        for blend in columns["style_blend"]
    ]
    for content in ({"inputs": columns}, {"instances": rows}):
        arrays = _arrays(content, _BLEND)
        assert arrays["image_bytes"].shape == (2,)
        assert arrays["style_blend"].dtype == np.float32
        assert arrays["style_blend"].tolist() == [[0, 1], [0.5, 0.5]]


def test_pixels():
    picture = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    for specs, dtype in ((_PIXELS, np.uint8), (_FLOATS, np.float32)):
        value = _arrays({"inputs": picture.tolist()}, specs)["image"]
        assert value.dtype == dtype
        np.testing.assert_array_equal(value, picture)


@pytest.mark.parametrize(
    "content, specs, message",
    [
        (b"", _FILES, "must be JSON"),
        (b"\xff\xfe", _FILES, "must be JSON"),
        (b"[" * 100_000, _FILES, "must be JSON"),
        ([1], _FILES, "must be a JSON object"),
        ({}, _FILES, "one of 'inputs' and 'instances'"),
        ({"inputs": 1, "instances": [1]}, _FILES, "one of"),
        ({"inputs": [_B64], "signature_name": 3}, _FILES, "a string"),
        ({"instances": []}, _FILES, "not empty"),
        ({"inputs": {"image": [_B64]}}, _FILES, "are image_bytes"),
        ({"inputs": [_B64]}, _BLEND, "must be named"),
        ({"instances": [{"image_bytes": _B64}]}, _BLEND, "style_blend"),
        ({"inputs": [{"b64": "a"}]}, _FILES, "not base64"),
        ({"inputs": [{"b64": "a-_="}]}, _FILES, "not base64"),
        ({"inputs": [{"b64": "é"}]}, _FILES, "not base64"),
        ({"inputs": [{"b64": 3}]}, _FILES, "must be a list of"),
        ({"inputs": [None]}, _FILES, "must be a list of"),
        ({"inputs": [[1, 2], [3]]}, _PIXELS, "same size"),
        ({"inputs": [[[[1, 2, 256]]]]}, _PIXELS, "from 0 to 255"),
        ({"inputs": [[[[1, 2, -1]]]]}, _PIXELS, "from 0 to 255"),
        ({"inputs": [[[[1, 2, 1.5]]]]}, _PIXELS, "type uint8"),
        ({"inputs": [[[[1, 2, "3"]]]]}, _PIXELS, "type uint8"),
        ({"inputs": [[[[1, 2, True]]]]}, _PIXELS, None),
        ({"inputs": [[[[True]]]]}, _PIXELS, "type uint8"),
        ({"inputs": [[[[None]]]]}, _FLOATS, "type float32"),
        ({"inputs": [[[[10**400]]]]}, _PIXELS, "type uint8"),
    ],
)
def test_what_cannot_be_read_is_refused(content, specs, message):
    if message is None:  # NumPy takes it for 1, and no harm is done.
        assert _arrays(content, specs)["image"].tolist() == [[[[1, 2, 1]]]]
        return
    with pytest.raises(served_models.RequestError, match=message) as caught:
        _arrays(content, specs)
    assert caught.value.code == "INVALID_ARGUMENT"
    assert "\n" not in str(caught.value)


def test_outputs_take_the_layout_of_the_request():
    files = np.empty(2, object)
    files[:] = [b"\x89PNG", b""]
    encoded = [{"b64": "iVBORw=="}, {"b64": ""}]
    outputs = {"transformed_bytes": files}
    for rows, key in ((False, "outputs"), (True, "predictions")):
        assert json.loads(json_tensors.to_json(outputs, rows=rows)) == {
            key: encoded
        }
    outputs["count"] = np.array([1, 2])
    assert json.loads(json_tensors.to_json(outputs, rows=True)) == {
        "predictions": [
            {"transformed_bytes": encoded[0], "count": 1},
            {"transformed_bytes": encoded[1], "count": 2},
        ]
    }
    assert json.loads(json_tensors.to_json(outputs, rows=False)) == {
        "outputs": {"transformed_bytes": encoded, "count": [1, 2]}
    }

"""The JSON of TensorFlow Serving's REST interface, to arrays and back.

Both layouts of a request are read: columns, `{"inputs": ...}`, and rows,
`{"instances": [...]}`; bytes are `{"b64": "..."}`. After
https://www.tensorflow.org/tfx/serving/api_rest and the server's
util/json_tensor.cc, but an input that no signature has is refused.
"""

import base64
import binascii
from collections.abc import Mapping
import dataclasses
import json
from typing import Any

import numpy as np
import tensorflow as tf

from fastnst.deployment import served_models

_BYTES_SUFFIX = "_bytes"


@dataclasses.dataclass(frozen=True)
class Request:
    """A request to predict, as it was sent.

    Attributes:
        signature: Its name.
        rows: Whether it was `instances`.
        values: What stood behind `inputs` or `instances`.
    """

    signature: str
    rows: bool
    values: Any


def parse(body: bytes) -> Request:
    """Reads the body of a request to predict.

    Raises:
        RequestError: If it is none.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _refused(f"The body must be JSON: {error}.") from error
    if not isinstance(content, dict):
        raise _refused('The body must be a JSON object: {"inputs": ...}.')
    layouts = [key for key in ("inputs", "instances") if key in content]
    if len(layouts) != 1:
        raise _refused("The body must have one of 'inputs' and 'instances'.")
    signature = content.get("signature_name", served_models.DEFAULT_SIGNATURE)
    if not isinstance(signature, str):
        raise _refused("'signature_name' must be a string.")
    rows = layouts == ["instances"]
    values = content[layouts[0]]
    if rows and not (isinstance(values, list) and values):
        raise _refused("'instances' must be a list that is not empty.")
    return Request(signature, rows, values)


def to_arrays(
    request: Request, specs: Mapping[str, tf.TensorSpec]
) -> dict[str, np.ndarray]:
    """Returns the inputs of a request.

    Args:
        request: From `parse`.
        specs: The inputs of its signature.

    Returns:
        Arrays of the dtype of their specs by name; what is no input of the
        signature, or not its shape, is left for `ServedModel.predict`.

    Raises:
        RequestError: If a value cannot be read.
    """
    columns = (_columns if request.rows else _named)(request.values, specs)
    return {
        name: _array(name, value, specs[name].dtype)
        for name, value in columns.items()
    }


def to_json(outputs: Mapping[str, np.ndarray], *, rows: bool) -> bytes:
    """Encodes the outputs in the layout of the request.

    Args:
        outputs: By name; those of bytes have a name that ends in `_bytes`.
        rows: Whether the request had rows.
    """
    plain = {
        name: _plain(value, name.endswith(_BYTES_SUFFIX))
        for name, value in outputs.items()
    }
    if len(plain) == 1:
        (result,) = plain.values()
    elif rows:
        result = [
            dict(zip(plain, row)) for row in zip(*plain.values(), strict=True)
        ]
    else:
        result = plain
    key = "predictions" if rows else "outputs"
    return json.dumps({key: result}).encode()


def _refused(message: str) -> served_models.RequestError:
    return served_models.RequestError("INVALID_ARGUMENT", message)


def _is_b64(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"b64"}


def _named(values: Any, specs: Mapping[str, tf.TensorSpec]) -> dict[str, Any]:
    """Gives the value of an only input its name; checks the names."""
    if not isinstance(values, dict) or _is_b64(values):
        if len(specs) > 1:
            raise _refused(f"The inputs {', '.join(specs)} must be named.")
        return {name: values for name in specs}
    if set(values) != set(specs):
        raise _refused(
            f"The inputs are {', '.join(specs)}. "
            f"Received: {', '.join(values) or 'nothing'}."
        )
    return values


def _columns(
    rows: list[Any], specs: Mapping[str, tf.TensorSpec]
) -> dict[str, list[Any]]:
    named = [_named(row, specs) for row in rows]
    return {name: [row[name] for row in named] for name in specs}


def _array(name: str, value: Any, dtype: tf.DType) -> np.ndarray:
    if dtype == tf.string:
        values = value if isinstance(value, list) else [value]
        result = np.empty(len(values), object)
        result[:] = [_to_bytes(name, each) for each in values]
        return result
    try:
        numbers = np.asarray(value)
    except ValueError as error:
        raise _refused(f"{name} must be the same size everywhere.") from error
    wanted = dtype.as_numpy_dtype
    if numbers.size == 0:
        return numbers.astype(wanted)
    kinds = "iuf" if dtype.is_floating else "iu"
    if numbers.dtype.kind not in kinds:
        raise _refused(f"{name} must be numbers of the type {dtype.name}.")
    if dtype.is_integer and not (
        dtype.min <= numbers.min() and numbers.max() <= dtype.max
    ):
        raise _refused(f"{name} must be from {dtype.min} to {dtype.max}.")
    return numbers.astype(wanted)


def _to_bytes(name: str, value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not _is_b64(value) or not isinstance(value["b64"], str):
        raise _refused(f'{name} must be a list of {{"b64": "..."}}.')
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused(f"{name} is not base64: {error}.") from error


def _plain(value: np.ndarray, as_bytes: bool) -> Any:
    """Returns lists of what JSON can hold."""
    if value.dtype != object:
        return value.tolist()
    return [
        {"b64": base64.b64encode(each).decode()}
        if as_bytes
        else each.decode("utf-8", "replace")
        for each in value
    ]

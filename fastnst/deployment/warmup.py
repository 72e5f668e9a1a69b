"""Requests that a model server replays when it loads a SavedModel.

TensorFlow Serving reads them from `assets.extra/tf_serving_warmup_requests`,
TFRecords of `tensorflow_serving.apis.PredictionLog`, so that the first client
does not wait for the first run. The few fields needed are encoded here, after
prediction_log.proto, predict.proto and model.proto: the package that holds
the classes asks for a TensorFlow of its own.
"""

from collections.abc import Mapping
import os
import pathlib

import tensorflow as tf

FILE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")


def write(
    directory: str | os.PathLike,
    requests: Mapping[str, Mapping[str, tf.Tensor]],
) -> None:
    """Writes one warm-up request for each signature.

    Args:
        directory: Of the SavedModel; `assets.extra` exists.
        requests: By name of the signature, the inputs by their names.
    """
    path = os.fspath(pathlib.Path(directory) / FILE)
    with tf.io.TFRecordWriter(path) as writer:
        for signature, inputs in requests.items():
            writer.write(_prediction_log(signature, inputs))


def _prediction_log(signature: str, inputs: Mapping[str, tf.Tensor]) -> bytes:
    """Encodes PredictionLog(predict_log=PredictLog(request=...))."""
    # ModelSpec: name = 1, signature_name = 3.
    model = _field(1, b"fastnst") + _field(3, signature.encode())
    # PredictRequest: model_spec = 1, map<string, TensorProto> inputs = 2.
    request = _field(1, model)
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, tensor))
    # PredictionLog: predict_log = 6; PredictLog: request = 1.
    return _field(6, _field(1, request))


def _field(number: int, content: bytes) -> bytes:
    """Encodes a field of the protocol buffer wire type 2, length and bytes."""
    return _varint(number * 8 + 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 127:
        encoded.append(number % 128 + 128)
        number //= 128
    return bytes([*encoded, number])

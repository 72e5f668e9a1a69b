"""TensorFlow Serving's gRPC interface to exported networks, for development.

The messages and services are those of the package tensorflow-serving-api.
Answered are PredictionService's Predict and GetModelMetadata, and
ModelService's GetModelStatus; the rest is UNIMPLEMENTED.
"""

from collections.abc import Callable
from collections.abc import Mapping
from concurrent import futures
import functools
import math

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc

from fastnst.deployment import served_models

_SIGNATURE_DEF = "signature_def"
# A short message may describe a tensor of any size: one value, repeated.
_MAX_TENSOR_BYTES = 2**28
_NUM_THREADS = 16


def start(
    models: Mapping[str, served_models.ServedModel],
    gate: served_models.Gate,
    *,
    address: str,
    max_request_bytes: int,
) -> tuple[grpc.Server, int]:
    """Starts a server.

    Args:
        models: By name.
        gate: What requests wait at.
        address: host:port; port 0 is any that is free.
        max_request_bytes: Larger messages are refused, RESOURCE_EXHAUSTED.

    Returns:
        The server, which answers until it is stopped, and its port.

    Raises:
        OSError: If it cannot listen there.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(_NUM_THREADS),
        options=[
            ("grpc.max_receive_message_length", max_request_bytes),
            ("grpc.max_send_message_length", -1),
            # Two servers would share a port and the requests.
            ("grpc.so_reuseport", 0),
        ],
    )
    service = _Service(models, gate)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        service, server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"Cannot listen at {address}: {error}") from error
    server.start()
    return server, port


def _answered(method: Callable) -> Callable:
    """Ends a call with the status of the RequestError that it raises."""

    @functools.wraps(method)
    def answer(self, request, context):
        try:
            return method(self, request)
        except served_models.RequestError as error:
            context.abort(getattr(grpc.StatusCode, error.code), str(error))

    return answer


class _Service(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    """Both services over the same models."""

    def __init__(self, models, gate):
        self._models = models
        self._gate = gate

    @_answered
    def Predict(self, request):
        """Runs a signature."""
        model = self._model(request.model_spec)
        signature = (
            request.model_spec.signature_name
            or served_models.DEFAULT_SIGNATURE
        )
        inputs = {
            name: _array(name, value)
            for name, value in request.inputs.items()
        }
        with self._gate.turn():
            outputs = model.predict(signature, inputs)
        return predict_pb2.PredictResponse(
            model_spec=_spec(model, signature),
            outputs={
                name: tf.make_tensor_proto(value)
                for name, value in outputs.items()
            },
        )

    @_answered
    def GetModelMetadata(self, request):
        """Describes the signatures."""
        if list(request.metadata_field) != [_SIGNATURE_DEF]:
            raise served_models.RequestError(
                "INVALID_ARGUMENT",
                f"`metadata_field` must be {_SIGNATURE_DEF}. "
                f"Received: {', '.join(request.metadata_field) or 'nothing'}.",
            )
        model = self._model(request.model_spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse(
            model_spec=_spec(model)
        )
        response.metadata[_SIGNATURE_DEF].Pack(
            get_model_metadata_pb2.SignatureDefMap(
                signature_def=model.signature_defs
            )
        )
        return response

    @_answered
    def GetModelStatus(self, request):
        """Tells that a model is available: all are, before the server runs."""
        model = self._model(request.model_spec)
        status = get_model_status_pb2.ModelVersionStatus(
            version=model.version,
            state=get_model_status_pb2.ModelVersionStatus.AVAILABLE,
        )
        return get_model_status_pb2.GetModelStatusResponse(
            model_version_status=[status]
        )

    def _model(self, spec: model_pb2.ModelSpec) -> served_models.ServedModel:
        if spec.version_label:
            raise served_models.RequestError(
                "INVALID_ARGUMENT",
                f"Unrecognized servable version label: {spec.version_label}",
            )
        version = spec.version.value if spec.HasField("version") else None
        return served_models.select(self._models, spec.name, version)


def _spec(
    model: served_models.ServedModel, signature: str = ""
) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=model.name, signature_name=signature)
    spec.version.value = model.version
    return spec


def _array(name: str, value) -> np.ndarray:
    """Reads a TensorProto that a stranger wrote."""
    sizes = [dim.size for dim in value.tensor_shape.dim]
    try:
        dtype = tf.dtypes.as_dtype(value.dtype)
        num_bytes = math.prod(sizes) * dtype.size
        if dtype == tf.string:
            fits = math.prod(sizes) == len(value.string_val)
        else:
            fits = num_bytes <= _MAX_TENSOR_BYTES
        if min(sizes, default=0) < 0 or not fits:
            raise ValueError(f"the shape {sizes} does not fit its values")
        return tf.make_ndarray(value)
    except (TypeError, ValueError) as error:
        raise served_models.RequestError(
            "INVALID_ARGUMENT", f"{name} is no tensor: {error}."
        ) from error

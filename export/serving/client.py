"""Stylizes a photo through a server: TensorFlow Serving or fastnst.serve.

    python client.py photo.jpg --model=great_wave --output=stylized.png
    python client.py photo.jpg --model=great_wave --output=stylized.jpg \
        --server=grpc://localhost:8500

Needs `pip install requests`, or for gRPC `pip install grpcio protobuf`;
neither fastnst nor TensorFlow. The contract is written in export/README.md.
A token in the variable FASTNST_TOKEN is sent as `Authorization: Bearer ...`,
for what stands in front of the server.
"""

import argparse
import base64
import os
import pathlib
import sys
import urllib.parse

_FORMATS = {".png": "serving_default", ".jpg": "jpeg", ".jpeg": "jpeg"}
_MAGIC = {"serving_default": b"\x89PNG", "jpeg": b"\xff\xd8\xff"}
_DT_FLOAT, _DT_STRING = 1, 7


class Failure(Exception):
    """What went wrong, in one line."""


def predict_rest(
    server: str,
    model: str,
    signature: str,
    inputs: dict[str, list],
    *,
    timeout: float = 60.0,
    token: str | None = None,
) -> bytes:
    """Runs a signature of files over REST.

    Args:
        server: URL, "http://localhost:8501".
        model: Name, "great_wave"; with a version "great_wave/versions/2", or a
            label, "great_wave/labels/stable".
        signature: "serving_default" (PNG), "jpeg", or one with a style.
        inputs: By name; `image_bytes` is a list of one file's bytes,
            `style_blend` one row of weights.
        timeout: In seconds.
        token: Sent as a bearer token.

    Returns:
        The file that the server made.

    Raises:
        Failure: If there is no answer, or it is an error.
    """
    import requests

    columns = dict(inputs)
    columns["image_bytes"] = [
        {"b64": base64.b64encode(data).decode()}
        for data in inputs["image_bytes"]
    ]
    try:
        response = requests.post(
            f"{server}/v1/models/{model}:predict",
            json={"signature_name": signature, "inputs": columns},
            headers={"Authorization": f"Bearer {token}"} if token else None,
            timeout=timeout,
        )
    except requests.RequestException as error:
        reason = str(error).replace(server, _shown(server))
        raise Failure(f"{_shown(server)} does not answer: {reason}") from error
    try:
        content = response.json()
        if response.status_code == 200:
            return base64.b64decode(content["outputs"][0]["b64"])
        reason = content["error"]
    except (ValueError, KeyError, TypeError, IndexError):
        reason = response.text[:200]
    raise Failure(f"{_shown(server)} says {response.status_code}: {reason}")


def _shown(server: str) -> str:
    """Returns an address without the password that may be in it."""
    url = urllib.parse.urlsplit(server)
    return url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()


def predict_grpc(
    server: str,
    model: str,
    signature: str,
    inputs: dict[str, list],
    *,
    timeout: float = 60.0,
    token: str | None = None,
) -> bytes:
    """Runs a signature of files over gRPC.

    Args:
        server: "grpc://localhost:8500", or "grpcs://..." for TLS.
        model: As of `predict_rest`, and so are the others, and the result.
    """
    import grpc

    url = urllib.parse.urlsplit(server)
    # Clients take 4 MB and no more, unless they are told.
    options = [("grpc.max_receive_message_length", -1)]
    if url.scheme == "grpcs":
        credentials = grpc.ssl_channel_credentials()
        channel = grpc.secure_channel(url.netloc, credentials, options)
    else:
        channel = grpc.insecure_channel(url.netloc, options)
    messages = _messages()
    with channel:
        call = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=messages["PredictRequest"].SerializeToString,
            response_deserializer=messages["PredictResponse"].FromString,
        )
        try:
            response = call(
                _request(messages, model, signature, inputs),
                timeout=timeout,
                metadata=[("authorization", f"Bearer {token}")]
                if token
                else None,
            )
        except grpc.RpcError as error:
            reason = f"{error.code().name}: {error.details()}"
            raise Failure(f"{_shown(server)} says {reason}") from error
    return response.outputs["transformed_bytes"].string_val[0]


def _request(messages, model: str, signature: str, inputs: dict[str, list]):
    """Makes a PredictRequest."""
    request = messages["PredictRequest"]()
    name, _, version = model.partition("/")
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    kind, _, value = version.partition("/")
    if kind == "versions":
        request.model_spec.version.value = int(value)
    elif kind == "labels":
        request.model_spec.version_label = value
    files = request.inputs["image_bytes"]
    files.dtype = _DT_STRING
    files.string_val.extend(inputs["image_bytes"])
    files.tensor_shape.dim.add().size = len(inputs["image_bytes"])
    if "style_blend" in inputs:
        (row,) = inputs["style_blend"]
        blend = request.inputs["style_blend"]
        blend.dtype = _DT_FLOAT
        blend.float_val.extend(row)
        for size in (1, len(row)):
            blend.tensor_shape.dim.add().size = size
    return request


# The fields that are used of the messages of TensorFlow Serving, after
# predict.proto, model.proto, tensor.proto and tensor_shape.proto: the package
# tensorflow-serving-api wants all of TensorFlow. Name, number, type; "*" is
# repeated, "{}" a map from strings.
_FIELDS = {
    "Dim": [("size", 1, "int64")],
    "Shape": [("dim", 2, "*Dim")],
    "Tensor": [
        ("dtype", 1, "int32"),
        ("tensor_shape", 2, "Shape"),
        ("float_val", 5, "*float"),
        ("string_val", 8, "*bytes"),
    ],
    "Version": [("value", 1, "int64")],
    "ModelSpec": [
        ("name", 1, "string"),
        ("version", 2, "Version"),
        ("signature_name", 3, "string"),
        ("version_label", 4, "string"),
    ],
    "PredictRequest": [
        ("model_spec", 1, "ModelSpec"),
        ("inputs", 2, "{}Tensor"),
    ],
    "PredictResponse": [("outputs", 1, "{}Tensor")],
}


def _messages() -> dict[str, type]:
    """Makes the classes of the messages in `_FIELDS`."""
    from google.protobuf import descriptor_pb2
    from google.protobuf import descriptor_pool
    from google.protobuf import message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name="fastnst_client.proto", package="fastnst_client", syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            if kind.startswith("{}"):
                entry = message.nested_type.add(
                    name=f"{field.title()}Entry",
                    options=descriptor_pb2.MessageOptions(map_entry=True),
                )
                _add_field(entry, "key", 1, "string")
                _add_field(entry, "value", 2, kind[2:])
                kind = f"*{name}.{entry.name}"
            _add_field(message, field, number, kind)
    # A pool of its own: TensorFlow's messages may be in the common one.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"fastnst_client.{name}")
        )
        for name in _FIELDS
    }


def _add_field(message, name: str, number: int, kind: str) -> None:
    field = message.field.add(name=name, number=number)
    repeated, plain = kind.startswith("*"), kind.lstrip("*")
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if plain.islower():
        field.type = getattr(field, f"TYPE_{plain.upper()}")
    else:
        field.type = field.TYPE_MESSAGE
        field.type_name = f".fastnst_client.{plain}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Stylizes a photo through a server."
    )
    parser.add_argument("photo", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument(
        "--model",
        required=True,
        help="name, name/versions/2 or name/labels/stable",
    )
    parser.add_argument(
        "--server",
        default="http://localhost:8501",
        help="http://, https://, grpc:// or grpcs:// host:port "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--style_blend",
        help="weights of the styles in their order, 0.3,0.7",
    )
    parser.add_argument("--timeout", type=float, default=60, help="seconds")
    return parser.parse_args()


def stylize(arguments: argparse.Namespace) -> None:
    """Sends the photo and writes the result; raises Failure or OSError."""
    scheme = urllib.parse.urlsplit(arguments.server).scheme
    shown = _shown(arguments.server)
    if scheme not in ("http", "https", "grpc", "grpcs"):
        raise Failure(f"--server must be a URL. Received: {shown}")
    signature = _FORMATS.get(arguments.output.suffix.lower())
    if signature is None:
        raise Failure(f"--output must end in one of {', '.join(_FORMATS)}")
    magic = _MAGIC[signature]
    inputs: dict[str, list] = {"image_bytes": [arguments.photo.read_bytes()]}
    if arguments.style_blend:
        signature += "_with_style"
        try:
            row = [float(each) for each in arguments.style_blend.split(",")]
        except ValueError as error:
            raise Failure("--style_blend must be numbers: 0.3,0.7") from error
        inputs["style_blend"] = [row]
    predict = predict_rest if scheme.startswith("http") else predict_grpc
    data = predict(
        arguments.server.rstrip("/"),
        arguments.model,
        signature,
        inputs,
        timeout=arguments.timeout,
        token=os.environ.get("FASTNST_TOKEN"),
    )
    if not data.startswith(magic):
        raise Failure(f"{shown} sent no picture.")
    arguments.output.write_bytes(data)
    print(f"wrote {arguments.output}")


def main() -> int:
    """Runs the command; returns its exit code."""
    try:
        stylize(_arguments())
    except (Failure, ValueError, OSError, ModuleNotFoundError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

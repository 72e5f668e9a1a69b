"""`python -m fastnst.serve`: what TensorFlow Serving answers, and files."""

import base64
import socket
import struct
import threading
import zlib

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf


def _url(server, path=":predict"):
    return f"{server.rest}/v1/models/tiny{path}"


def _b64(data):
    return {"b64": base64.b64encode(data).decode()}


def _png(height, width):
    """Returns a PNG that says it has this size, and has no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + check


def test_it_says_what_it_serves(server):
    assert server.lines[0] == "serving tiny version 2"
    assert len(server.lines) == 3


def test_state_is_that_of_tensorflow_serving(server):
    apis = pytest.importorskip("tensorflow_serving.apis.get_model_status_pb2")
    from google.protobuf import json_format

    for path in ("", "/versions/2"):
        response = requests.get(_url(server, path))
        assert response.headers["Content-Type"] == "application/json"
        status = json_format.ParseDict(
            response.json(), apis.GetModelStatusResponse()
        )
        (version,) = status.model_version_status
        assert (version.version, version.state) == (2, version.AVAILABLE)
    assert requests.get(_url(server, "/versions/1")).status_code == 404


def test_metadata_describe_the_contract(server, signatures):
    content = requests.get(_url(server, "/metadata")).json()
    assert content["model_spec"]["version"] == "2"
    found = content["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) < set(found)
    default = found["serving_default"]
    assert default["method_name"] == "tensorflow/serving/predict"
    dims = default["inputs"]["image_bytes"]["tensor_shape"]["dim"]
    assert dims == [{"size": "-1", "name": ""}]
    assert default["outputs"]["transformed_bytes"]["dtype"] == "DT_STRING"


def test_two_files_of_different_size(server, signatures, photo):
    small = tf.io.encode_png(np.full([5, 9, 3], 90, np.uint8)).numpy()
    files = [photo, small]
    body = {"instances": [_b64(data) for data in files]}
    content = requests.post(_url(server), json=body).json()
    direct = signatures["serving_default"](image_bytes=tf.constant(files))
    assert content == {
        "predictions": [
            _b64(data) for data in direct["transformed_bytes"].numpy()
        ]
    }


def test_pixels_and_a_blend(server, signatures):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, [1, 9, 12, 3], dtype=np.uint8)
    blend = [[0.5, 0.5]]
    body = {
        "signature_name": "image_with_style",
        "inputs": {"image": pixels.tolist(), "style_blend": blend},
    }
    content = requests.post(_url(server), json=body).json()
    direct = signatures["image_with_style"](
        image=tf.constant(pixels), style_blend=tf.constant(blend)
    )
    np.testing.assert_array_equal(
        content["outputs"], direct["transformed"].numpy()
    )


@pytest.mark.parametrize(
    "body, status, message",
    [
        (b"hello", 400, "must be JSON"),
        ({"inputs": [_b64(b"")]}, 400, "must not be empty"),
        ({"inputs": [_b64(_png(400, 400))]}, 400, "at most 100000 pixels"),
        ({"inputs": [_b64(_png(30, 40))]}, 400, "PNG"),
        ({"inputs": []}, 200, None),
        ({"inputs": [_b64(b"x" * 10**6)]}, 413, "below 1000000 bytes"),
        (
            {"signature_name": "image", "inputs": [[1, 2, 3]]},
            400,
            r"image must be uint8 \(None, None, None, 3\)",
        ),
        (
            {
                "signature_name": "serving_default_with_style",
                "inputs": {
                    "image_bytes": [_b64(_png(8, 8))],
                    "style_blend": [[3, 4]],
                },
            },
            400,
            "style_blend must have 2 weights.*shape 1 2 with 3 4",
        ),
    ],
)
def test_bad_requests_get_one_line(server, body, status, message):
    options = {"data" if isinstance(body, bytes) else "json": body}
    response = requests.post(_url(server), **options)
    assert response.status_code == status
    if message is None:
        assert response.json() == {"outputs": []}
        return
    (error,) = response.json().values()
    assert pytest.importorskip("re").search(message, error), error
    assert "\n" not in error and "node" not in error


def test_a_large_body_in_chunks_is_refused(server):
    response = requests.post(
        _url(server), data=(b" " * 2**16 for _ in range(40))
    )
    assert response.status_code == 413


def test_malformed_paths(server):
    for method, path, status in [
        ("POST", "/v1/models/tiny:classify", 400),
        ("POST", "/v1/models/tiny", 400),
        ("GET", "/v1/models/tiny:predict", 400),
        ("GET", "/v1/models/tiny/versions/" + "9" * 30, 400),
        ("GET", "/v1/models/tiny/labels/stable", 400),
        ("GET", "/v1/models/other", 404),
        ("POST", "/index.html", 405),
        ("GET", "/v2", 404),
    ]:
        response = requests.request(method, server.rest + path)
        assert response.status_code == status, path
        assert response.json()["error"]


def test_a_client_that_leaves_disturbs_nobody(server, photo):
    host, _, port = server.rest.removeprefix("http://").partition(":")
    for data in (
        b"POST /v1/models/tiny:predict HTTP/1.1\r\nContent-Length: 99\r\n\r\n{",
        b"\x16\x03\x01 no http \r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), 30) as connection:
            connection.sendall(data)
    body = {"inputs": [_b64(photo)]}
    assert requests.post(_url(server), json=body).status_code == 200


def test_the_page_and_its_files(server):
    page = requests.get(server.rest)
    assert page.text == "<title>page</title>"
    assert page.headers["Content-Type"].startswith("text/html")
    wasm = requests.get(f"{server.rest}/litert.wasm")
    assert wasm.content == b"\0asm"
    assert wasm.headers["Content-Type"] == "application/wasm"
    script = requests.get(f"{server.rest}/worker.js")
    assert script.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path", ["/../secret", "/%2e%2e/secret", "/a/../../secret", "//secret"]
)
def test_nothing_outside_the_folders_is_served(server, path):
    host, _, port = server.rest.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(2**16), b""))
    assert b" 404 " in answer.splitlines()[0]
    assert b'"error"' in answer


def test_many_at_once_get_their_own_answer(server, signatures):
    pictures = [
        tf.io.encode_png(np.full([16, 16, 3], value, np.uint8)).numpy()
        for value in range(0, 240, 10)
    ]
    answers = {}

    def ask(data):
        body = {"inputs": [_b64(data)]}
        answers[data] = requests.post(_url(server), json=body).json()

    threads = [threading.Thread(target=ask, args=[data]) for data in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    direct = signatures["serving_default"](image_bytes=tf.constant(pictures))
    for data, result in zip(pictures, direct["transformed_bytes"].numpy()):
        assert answers[data] == {"outputs": [_b64(result)]}


class TestOfficialMessages:
    """gRPC with the classes of the package tensorflow-serving-api."""

    @pytest.fixture
    def channel(self, server):
        address = server.grpc.removeprefix("grpc://")
        with grpc.insecure_channel(address) as channel:
            yield channel

    @pytest.fixture
    def stub(self, channel):
        from tensorflow_serving.apis import prediction_service_pb2_grpc

        return prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def _request(self, **inputs):
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest(
            inputs={
                name: tf.make_tensor_proto(value)
                for name, value in inputs.items()
            }
        )
        request.model_spec.name = "tiny"
        return request

    def test_predict(self, stub, signatures, photo):
        request = self._request(image_bytes=[photo])
        response = stub.Predict(request, timeout=60)
        assert response.model_spec.version.value == 2
        assert response.model_spec.signature_name == "serving_default"
        (data,) = tf.make_ndarray(response.outputs["transformed_bytes"])
        direct = signatures["serving_default"](
            image_bytes=tf.constant([photo])
        )
        assert data == direct["transformed_bytes"].numpy()[0]

    def test_floats(self, stub, signatures):
        images = np.linspace(0, 255, 180, dtype=np.float32)
        images = images.reshape(1, 5, 12, 3)
        request = self._request(image=images)
        request.model_spec.signature_name = "image_float"
        response = stub.Predict(request, timeout=60)
        direct = signatures["image_float"](image=tf.constant(images))
        np.testing.assert_array_equal(
            tf.make_ndarray(response.outputs["transformed"]),
            direct["transformed"].numpy(),
        )

    def test_bad_tensors_are_refused(self, stub, photo):
        bomb = self._request(image=np.zeros([1, 1, 1, 3], np.uint8))
        bomb.model_spec.signature_name = "image"
        for dim in bomb.inputs["image"].tensor_shape.dim:
            dim.size = 2**16
        negative = self._request(image_bytes=[photo])
        negative.inputs["image_bytes"].tensor_shape.dim[0].size = -1
        unknown = self._request(image_bytes=[photo])
        unknown.inputs["image_bytes"].dtype = 99
        for request, message in [
            (bomb, "does not fit"),
            (negative, "does not fit"),
            (unknown, "image_bytes is no tensor"),
            (self._request(image_bytes=photo), "must be string"),
            (self._request(image_bytes=[1.5]), "must be string"),
            (self._request(), "The inputs of serving_default"),
            (self._request(image_bytes=[b"", b""]), "must not be empty"),
        ]:
            with pytest.raises(grpc.RpcError, match=message) as caught:
                stub.Predict(request, timeout=60)
            assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.RpcError) as caught:
            stub.Predict(self._request(image_bytes=[b"x" * 10**6]))
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED

    def test_metadata_and_state(self, channel, stub):
        from tensorflow_serving.apis import get_model_metadata_pb2
        from tensorflow_serving.apis import get_model_status_pb2
        from tensorflow_serving.apis import model_service_pb2_grpc

        request = get_model_metadata_pb2.GetModelMetadataRequest(
            metadata_field=["signature_def"]
        )
        request.model_spec.name = "tiny"
        response = stub.GetModelMetadata(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert response.metadata["signature_def"].Unpack(signatures)
        assert "jpeg_with_style" in signatures.signature_def
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "tiny"
        service = model_service_pb2_grpc.ModelServiceStub(channel)
        (state,) = service.GetModelStatus(request).model_version_status
        assert (state.version, state.state) == (2, state.AVAILABLE)


def test_a_wrong_start_is_one_line(
    run_command, server, exported_networks, tmp_path
):
    taken = server.rest.rpartition(":")[2]
    for arguments, message in [
        ([f"--networks={tmp_path}"], "--output_dir of fastnst.export"),
        ([f"--web={tmp_path}"], "folder with index.html"),
        (
            [f"--networks={exported_networks}", f"--rest_port={taken}"],
            "in use",
        ),
    ]:
        done = run_command("serve", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ") and message in line

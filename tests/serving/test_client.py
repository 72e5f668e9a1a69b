"""export/serving/client.py against fastnst.serve, over real sockets."""

import base64
import http.server
import pathlib
import subprocess
import sys
import threading

import pytest
import tensorflow as tf

_CLIENT = pathlib.Path(__file__).parents[2] / "export/serving/client.py"
# Runs it as a computer without TensorFlow and fastnst would.
_ALONE = """
import runpy, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "fastnst", "numpy"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _run(*arguments):
    return subprocess.run(
        [sys.executable, "-c", _ALONE, _CLIENT, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def _address(server, protocol):
    return server.rest if protocol == "rest" else server.grpc


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_command_stylizes_a_photo(
    server, signatures, photo, tmp_path, protocol
):
    """The bytes of a direct call, with nothing of ours or TensorFlow's."""
    (tmp_path / "photo.png").write_bytes(photo)
    output = tmp_path / "stylized.jpg"
    done = _run(
        tmp_path / "photo.png",
        "--model=tiny/versions/2",
        "--style_blend=0.25,0.75",
        f"--output={output}",
        f"--server={_address(server, protocol)}",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote {output}\n"
    result = signatures["jpeg_with_style"](
        image_bytes=tf.constant([photo]),
        style_blend=tf.constant([[0.25, 0.75]]),
    )
    assert output.read_bytes() == result["transformed_bytes"].numpy()[0]


@pytest.mark.parametrize("protocol", ["predict_rest", "predict_grpc"])
def test_the_first_style_as_png(server, client, signatures, photo, protocol):
    address = server.rest if protocol == "predict_rest" else server.grpc
    result = getattr(client, protocol)(
        address, "tiny", "serving_default", {"image_bytes": [photo]}
    )
    direct = signatures["serving_default"](image_bytes=tf.constant([photo]))
    assert result == direct["transformed_bytes"].numpy()[0]


@pytest.mark.parametrize("protocol", ["predict_rest", "predict_grpc"])
@pytest.mark.parametrize(
    "model, signature, data, code, message",
    [
        ("tiny", "serving_default", b"", "400", "must not be empty"),
        ("tiny", "serving_default", b"hello", "400", "must be a PNG"),
        ("tiny", "oil", b"", "400", "signature must be one of image"),
        ("tiny/versions/1", "jpeg", b"", "404", "tiny version 2"),
        ("tiny/labels/stable", "jpeg", b"", "400", "label: stable"),
        ("large", "jpeg", b"", "404", "Served are: tiny"),
    ],
)
def test_refusals_are_told(
    server, client, protocol, model, signature, data, code, message
):
    address = server.rest
    if protocol == "predict_grpc":
        address = server.grpc
        code = {"400": "INVALID_ARGUMENT", "404": "NOT_FOUND"}[code]
    with pytest.raises(client.Failure, match=f"says {code}: .*{message}"):
        getattr(client, protocol)(
            address, model, signature, {"image_bytes": [data]}
        )


def test_one_line_for_what_the_user_got_wrong(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"x")
    for arguments, message in [
        (["--output=a.gif"], "--output must end in"),
        (["--output=a.png", "--server=localhost:8501"], "must be a URL"),
        (["--output=a.png", "--server=http://u:p@[:9"], "Invalid IPv6"),
        (["--output=a.png", "--style_blend=wave"], "must be numbers"),
        (["--output=a.png", "--server=http://127.0.0.1:9"], "not answer"),
        (["--output=a.png", "--server=grpc://127.0.0.1:9"], "UNAVAILABLE"),
    ]:
        done = _run(tmp_path / "photo.png", "--model=tiny", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ") and message in line


@pytest.mark.parametrize(
    "server", ["http://user:secret@127.0.0.1:9", "http://user:secret@[:9"]
)
def test_a_password_is_not_shown(client, server):
    with pytest.raises((client.Failure, ValueError)) as error:
        client.predict_rest(server, "m", "jpeg", {"image_bytes": [b""]})
    assert "secret" not in str(error.value)


def test_a_token_is_sent(client, monkeypatch):
    """In front of the server something may ask for it."""
    import requests

    seen = {}

    def post(url, headers, **kwargs):
        seen.update(headers, url=url)
        raise requests.ConnectionError("seen")

    monkeypatch.setattr(requests, "post", post)
    with pytest.raises(client.Failure, match="seen"):
        client.predict_rest(
            "https://a", "m", "jpeg", {"image_bytes": [b""]}, token="secret"
        )
    assert seen == {
        "Authorization": "Bearer secret",
        "url": "https://a/v1/models/m:predict",
    }


def test_its_messages_are_those_of_tensorflow_serving(client):
    """Read and written by the official classes, every field of them."""
    official = pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    messages = client._messages()
    inputs = {"image_bytes": [b"\0\xff", b""], "style_blend": [[0.25, 0.75]]}
    for version in ("", "/versions/7", "/labels/stable"):
        request = client._request(messages, f"m{version}", "jpeg", inputs)
        read = official.PredictRequest.FromString(request.SerializeToString())
        assert read.model_spec.name == "m"
        assert read.model_spec.signature_name == "jpeg"
        assert read.model_spec.version.value == 7 * ("versions" in version)
        stable = "stable" if "labels" in version else ""
        assert read.model_spec.version_label == stable
        files = tf.make_ndarray(read.inputs["image_bytes"])
        assert files.tolist() == [b"\0\xff", b""]
        blend = tf.make_ndarray(read.inputs["style_blend"])
        assert blend.tolist() == [[0.25, 0.75]]
        # Nothing was sent that the official classes do not know.
        again = messages["PredictRequest"].FromString(
            read.SerializeToString()
        )
        assert again == request
    response = official.PredictResponse(
        outputs={"transformed_bytes": tf.make_tensor_proto([b"\x89PNG"])}
    )
    read = messages["PredictResponse"].FromString(
        response.SerializeToString()
    )
    assert read.outputs["transformed_bytes"].string_val == [b"\x89PNG"]


def test_a_password_in_the_address_is_sent_as_basic_auth(client):
    """For a proxy like the nginx of the README, which asks for it."""
    received = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((self.path, self.headers["Authorization"]))
            self.send_error(403)

        def log_message(self, format, *args):
            del format, args

    server = http.server.HTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    with pytest.raises(client.Failure, match="403"):
        client.predict_rest(
            f"http://ann:secret@127.0.0.1:{server.server_port}",
            "tiny",
            "jpeg",
            {"image_bytes": [b""]},
        )
    thread.join(60)
    server.server_close()
    expected = base64.b64encode(b"ann:secret").decode()
    assert received == [("/v1/models/tiny:predict", f"Basic {expected}")]

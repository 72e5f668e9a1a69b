"""One tiny exported network and one server for all tests of serving."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

SERVING = pathlib.Path(__file__).parents[2] / "export" / "serving"


@pytest.fixture(scope="session")
def exported_networks(tmp_path_factory):
    """A folder as `fastnst.export` writes it, of a network called `tiny`.

    Version 2 is complete: two styles that differ, untrained, width 0.125.
    """
    import tiny_networks

    from fastnst.deployment import saved_model

    folder = tmp_path_factory.mktemp("products")
    network = tiny_networks.style_transfer()
    (folder / "tiny").mkdir()
    saved_model.write(network, folder / "tiny" / "2", max_pixels=100_000)
    # An older version, which would not load: it must be left alone.
    (folder / "tiny" / "1").mkdir()
    (folder / "tiny" / "1" / "saved_model.pb").write_bytes(b"broken")
    return folder


@pytest.fixture(scope="session")
def signatures(exported_networks):
    """The signatures of `tiny`, to call directly."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(exported_networks / "tiny" / "2"))
    yield loaded.signatures  # Alive as long as what they were loaded with.
    del loaded


@pytest.fixture(scope="session")
def photo():
    """A PNG of 33 x 47 pixels."""
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, [33, 47, 3], dtype=np.uint8)
    return tf.io.encode_png(picture).numpy()


@pytest.fixture(scope="session")
def web(tmp_path_factory):
    """A folder of static files, with a file beside it that is none."""
    folder = tmp_path_factory.mktemp("built") / "web"
    folder.mkdir()
    (folder / "index.html").write_text("<title>page</title>")
    (folder / "litert.wasm").write_bytes(b"\0asm")
    (folder / "worker.js").write_text("0")
    (folder.parent / "secret").write_text("secret")
    return folder


class Server:
    """`python -m fastnst.serve` in a process of its own."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fastnst.serve", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("REST at "):
                break
        else:
            raise RuntimeError("\n".join(self.lines))
        self.rest = self.lines[-1].removeprefix("REST at ")
        self.grpc = None
        for line in self.lines:
            if match := re.fullmatch("gRPC at (.*)", line):
                self.grpc = f"grpc://{match[1]}"

    def stop(self) -> int:
        """Stops it as a container does; returns the exit code."""
        self.process.terminate()
        code = self.process.wait(120)
        self.lines += self.process.stdout.read().splitlines()
        self.process.stdout.close()
        return code


@pytest.fixture(scope="session")
def server(exported_networks, web):
    """A server of `tiny` and of the folder `web`."""
    pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    server = Server(
        f"--networks={exported_networks}",
        f"--web={web}",
        "--rest_port=0",
        "--grpc_port=0",
        "--max_request_mb=1",
    )
    yield server
    code = server.stop()
    assert (code, len(server.lines)) == (0, 3), server.lines


@pytest.fixture(scope="session")
def client(load_script):
    """The module export/serving/client.py, which is in no package."""
    return load_script(SERVING / "client.py")

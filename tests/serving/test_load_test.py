"""export/serving/load_test.py: a small run, and that it can fail."""

import base64
import json
import os
import pathlib
import subprocess
import sys

import pytest
import requests

_SERVING = pathlib.Path(__file__).parents[2] / "export/serving"


@pytest.fixture
def load_test(load_script, monkeypatch):
    monkeypatch.syspath_prepend(_SERVING)  # As a script has its own folder.
    return load_script(_SERVING / "load_test.py")


def test_a_server_passes(server, exported_networks):
    done = subprocess.run(
        [
            *(sys.executable, _SERVING / "load_test.py"),
            *(f"--networks={exported_networks}", "--model=tiny"),
            *("--seconds=1", "--requests=80", "--clients=8"),
            *(f"--server={server.rest}", f"--pid={server.process.pid}"),
        ],
        capture_output=True,
        text=True,
        timeout=240,
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[-1]) == (0, "passed"), done.stdout
    counts = {
        line.strip().partition(" ")[2]: int(line.split()[0])
        for line in lines
        if line.startswith("  ")
    }
    assert sum(counts.values()) >= 80
    (identical,) = (line for line in lines if "byte for byte" in line)
    good = counts["good jpeg"] + counts["good serving_default"]
    assert f"of {good} good answers" in identical
    assert counts["good jpeg"] > 8 and counts["good serving_default"] > 8
    # All kinds of bad requests there are, some of them by chance not sent.
    assert len(counts) > 6


def _response(status, content):
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps(content).encode()
    return response


def test_wrong_answers_are_seen(load_script):
    sample = load_script(_SERVING / "load_samples.py").Sample
    good = sample("good", {}, [200], b"picture")
    bad = sample("bad", {}, [400])
    right = [{"b64": base64.b64encode(b"picture").decode()}]
    other = [{"b64": base64.b64encode(b"pictura").decode()}]
    assert good.check(_response(200, {"outputs": right})) == ""
    assert good.differences == [0]
    assert "direct call" in good.check(_response(200, {"outputs": other}))
    assert good.differences == [0]
    assert "503" in good.check(_response(503, {"error": "Busy"}))
    assert bad.check(_response(400, {"error": "why"})) == ""
    assert "no error" in bad.check(_response(400, {}))
    assert "200" in bad.check(_response(200, {"outputs": right}))
    assert "500" in bad.check(_response(500, {"error": "why"}))


@pytest.mark.parametrize("after, code", [(1040, 0), (1060, 1)])
def test_memory_that_grows_is_seen(load_test, after, code, capsys):
    load = load_test.Load("", [], [], None)
    load.memory = {500: 1000 * 2**20, 2000: after * 2**20}
    assert load_test.report(load) == code
    assert f"{after} MiB" in capsys.readouterr().out


def test_a_server_that_is_gone_is_seen(load_test):
    sample = load_test.load_samples.Sample("good", {}, [200], b"")
    load = load_test.Load("http://127.0.0.1:9", [sample], [sample], None)
    load.run_client(0, lambda count: count >= 2)
    assert len(load.problems) == 2


def test_resident_memory_is_measured(load_test):
    before = load_test.resident_bytes(os.getpid())
    held = bytearray(b"x" * 2**26)
    assert 0.9 * 2**26 < load_test.resident_bytes(os.getpid()) - before
    del held

"""Asks a server for more than it can do, and for what it must refuse.

    python export/serving/load_test.py --networks=export/products \
        --model=great_wave

starts `python -m fastnst.serve` and sends it, from 200 clients at a time and
for 60 seconds or 2,000 requests, whichever takes longer, photos of 256 x 256
and, one time in four, something bad. It passes if the server lives, every
answer has the pixels of a direct call of the SavedModel up to rounding, every
bad request gets its 4xx, and the memory after 2,000 requests is that after 500
within 5 percent.

A server that runs already: --server=http://localhost:8501 --pid=PID.
"""

import argparse
import base64
import collections
import io
import json
import os
import pathlib
import random
import re
import statistics
import struct
import subprocess
import sys
import threading
import time

import PIL.Image
import numpy as np
import requests

# The server that is started here refuses larger bodies.
_MAX_REQUEST_MB = 4
_MEMORY_AT = (500, 2000)
_MEMORY_GROWTH = 0.05
_NUM_PHOTOS = 8
# A busy machine divides sums among its threads otherwise, so a pixel between
# two values may become either; JPEG spreads that over its block.
_ROUNDING = {b"\x89P": 1, b"\xff\xd8": 8}
_SIZE = 256


class Sample:
    """One thing to send, and the answer that is right.

    Args:
        name: Of its kind.
        body: JSON, or what should be.
        statuses: The right ones.
        answer: The file of a good answer; None is whatever has "error".
        path: What follows the name of the model.
    """

    def __init__(self, name, body, statuses, answer=None, path=":predict"):
        self.name = name
        self.body = body if isinstance(body, bytes) else json.dumps(body)
        self.statuses = statuses
        self.answer = answer
        self.path = path
        # Of good answers, by pixel; 0 if the files are the same.
        self.differences = []

    def check(self, response: requests.Response) -> str:
        """Returns what is wrong with an answer; empty if nothing."""
        if response.status_code not in self.statuses:
            return f"status {response.status_code}: {response.text[:200]}"
        content = response.json()
        if self.answer is None:
            return "" if content.get("error") else "no error is told"
        data = base64.b64decode(content["outputs"][0]["b64"])
        difference = 0
        if data != self.answer:
            # A file that is not the same counts as 1, if only in its bytes.
            difference = max(1, largest_difference(data, self.answer))
        if difference > _ROUNDING.get(data[:2], 0):
            return f"{difference} of 255 from the direct call's answer"
        self.differences.append(difference)
        return ""


def largest_difference(file: bytes, other: bytes) -> int:
    """Compares the pixels of two pictures; 255 if they cannot be compared."""
    try:
        pixels = [
            np.asarray(PIL.Image.open(io.BytesIO(data)), np.int16)
            for data in (file, other)
        ]
        return int(np.abs(pixels[0] - pixels[1]).max())
    except (OSError, ValueError):
        return 255


class Load:
    """What the clients share.

    Args:
        url: Of the model.
        good: Samples with an answer.
        bad: Samples without.
        pid: Of the server, None if it is not on this computer.
    """

    def __init__(self, url, good, bad, pid):
        self._url = url
        self.good = good
        self._bad = bad
        self._pid = pid
        self._lock = threading.Lock()
        self.counts = collections.Counter()
        self.problems = []
        self.seconds = []
        self.memory = {}

    def run_client(self, seed: int, is_over) -> None:
        """Sends one request after the other until `is_over(count)`."""
        choose = random.Random(seed)
        while not is_over(self.counts.total()) and len(self.problems) < 20:
            kind = self._bad if choose.random() < 0.25 else self.good
            sample = choose.choice(kind)
            start = time.monotonic()
            try:
                # A connection each, as strangers have.
                response = requests.post(
                    self._url + sample.path, data=sample.body, timeout=600
                )
                problem = sample.check(response)
            except (requests.RequestException, ValueError, KeyError) as error:
                problem = f"{type(error).__name__}: {error}"
            self._note(sample, problem, time.monotonic() - start)

    def _note(self, sample, problem, seconds):
        with self._lock:
            self.counts[sample.name] += 1
            if problem:
                self.problems.append(f"{sample.name}: {problem}")
            elif sample.answer is not None:
                self.seconds.append(seconds)
            if self._pid and self.counts.total() in _MEMORY_AT:
                self.memory[self.counts.total()] = resident_bytes(self._pid)


def resident_bytes(pid: int) -> int:
    """Returns the resident memory of a process (Linux)."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])


def good_samples(saved_model: pathlib.Path) -> list[Sample]:
    """Returns requests with the answers of direct calls."""
    import tensorflow as tf

    loaded = tf.saved_model.load(os.fspath(saved_model))
    generator = np.random.default_rng(0)
    samples = []
    for index in range(_NUM_PHOTOS):
        coarse = generator.integers(0, 256, [9, 9, 3]).astype(np.float32)
        pixels = tf.image.resize(coarse, [_SIZE, _SIZE], "bicubic")
        pixels = tf.cast(tf.clip_by_value(pixels, 0, 255), tf.uint8)
        encode = tf.io.encode_jpeg if index % 2 else tf.io.encode_png
        data = encode(pixels).numpy()
        for signature in ("serving_default", "jpeg"):
            run = loaded.signatures[signature]
            (result,) = run(image_bytes=tf.constant([data])).values()
            body = {"signature_name": signature, "inputs": [_b64(data)]}
            answer = result.numpy()[0]
            samples.append(Sample(f"good {signature}", body, [200], answer))
    return samples


def bad_samples() -> list[Sample]:
    """Returns requests that must be refused."""
    size = struct.pack(">II", 60_000, 60_000)
    huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + b"\x08\x02\0\0\0\0\0\0\0"
    files = {
        "empty file": b"",
        "no picture": b"hello",
        "3.6 gigapixels": huge,
        "PNG cut off": huge.replace(size, struct.pack(">II", 60, 60)),
        "JPEG of one byte": b"\xff\xd8\xff",
    }
    samples = [
        Sample(name, {"inputs": [_b64(data)]}, [400])
        for name, data in files.items()
    ]
    large = _b64(b"\0" * (_MAX_REQUEST_MB * 10**6))
    return samples + [
        Sample("no JSON", b"\xff\0{", [400]),
        Sample("JSON cut off", b'{"inputs": [{"b64": "iVBO', [400]),
        Sample("no base64", {"inputs": [{"b64": "?"}]}, [400]),
        Sample("no inputs", {}, [400]),
        Sample("a number", {"inputs": [7]}, [400]),
        Sample("no signature", {"signature_name": "x", "inputs": []}, [400]),
        # TensorFlow Serving reads it, and finds that it is no picture.
        Sample("large body", {"inputs": [large]}, [400, 413]),
        Sample("no version", {}, [404], path="/versions/999999:predict"),
    ]


def _b64(data: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(data).decode()}


def start_server(networks: pathlib.Path) -> tuple[subprocess.Popen, str]:
    """Starts a server; returns its process and its address."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-u", "-m", "fastnst.serve"),
            f"--networks={networks}",
            *("--rest_port=0", "--nogrpc"),
            f"--max_request_mb={_MAX_REQUEST_MB}",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        if line.startswith("REST at "):
            return process, line.removeprefix("REST at ").strip()
    raise SystemExit("error: the server did not start")


def run(arguments: argparse.Namespace, server: str, pid: int | None) -> Load:
    """Runs the clients to their end."""
    folder = arguments.networks / arguments.model
    version = max(
        (path for path in folder.iterdir() if path.name.isdecimal()),
        key=lambda path: int(path.name),
    )
    load = Load(
        f"{server}/v1/models/{arguments.model}",
        good_samples(version),
        bad_samples(),
        pid,
    )
    start = time.monotonic()

    def is_over(count):
        seconds = time.monotonic() - start
        return seconds >= arguments.seconds and count >= arguments.requests

    threads = [
        threading.Thread(target=load.run_client, args=[seed, is_over])
        for seed in range(arguments.clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    print(f"{load.counts.total()} requests in {seconds:.0f} s")
    state = requests.get(load._url, timeout=60)
    if state.status_code != 200:
        load.problems.append(f"afterwards: status {state.status_code}")
    return load


def report(load: Load) -> int:
    """Prints what was found; returns the exit code."""
    for name, count in sorted(load.counts.items()):
        print(f"  {count:6} {name}")
    found = sum((each.differences for each in load.good), [])
    print(f"{found.count(0)} of {len(found)} good answers same byte for byte")
    if load.seconds:
        median = statistics.median(load.seconds)
        print(f"median of a good answer {median:.2f} s")
    memory = [load.memory.get(count) for count in _MEMORY_AT]
    for count, found in load.memory.items():
        print(f"resident after {count} requests: {found / 2**20:.0f} MiB")
    if all(memory):
        growth = memory[1] / memory[0] - 1
        print(f"growth {growth:+.1%}, allowed {_MEMORY_GROWTH:.0%}")
        if growth > _MEMORY_GROWTH:
            load.problems.append("the memory grows")
    for problem in load.problems[:20]:
        print(f"PROBLEM {problem}")
    print("failed" if load.problems else "passed")
    return 1 if load.problems else 0


def main() -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=pathlib.Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--server", help="URL of one that runs already")
    parser.add_argument("--pid", type=int, help="its process, for the memory")
    arguments = parser.parse_args()
    if arguments.server:
        return report(run(arguments, arguments.server, arguments.pid))
    process, server = start_server(arguments.networks)
    try:
        load = run(arguments, server, process.pid)
        if process.poll() is not None:
            load.problems.append(f"the server ended: {process.returncode}")
        return report(load)
    finally:
        process.terminate()
        process.wait(60)


if __name__ == "__main__":
    sys.exit(main())

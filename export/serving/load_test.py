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
import collections
import pathlib
import random
import re
import statistics
import subprocess
import sys
import threading
import time

import load_samples
import requests

# The server that is started here refuses larger bodies.
_MAX_REQUEST_MB = 4
_MEMORY_AT = (500, 2000)
_MEMORY_GROWTH = 0.05


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
        load_samples.good_samples(version),
        load_samples.bad_samples(_MAX_REQUEST_MB * 10**6),
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

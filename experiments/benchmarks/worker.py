"""A process for each contestant, so that its memory and threads are its own.

All of them live at once and only one computes at a time: the others wait for
a message.
"""

import importlib
import multiprocessing
import os
import pathlib
import time
import traceback
from typing import Any

import fastnst


class WorkerError(RuntimeError):
    """What went wrong in a worker: the last line of its traceback."""


class Worker:
    """Runs functions in a process of its own.

    Args:
        threads: That frameworks in it may use.
    """

    def __init__(self, threads: int):
        # Frameworks read these once, when they are imported.
        for name in (
            "OMP_NUM_THREADS",
            "MKL_NUM_THREADS",
            "TF_NUM_INTRAOP_THREADS",
            "TF_NUM_INTEROP_THREADS",
        ):
            os.environ[name] = str(threads)
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(other,), daemon=True
        )
        self._process.start()
        other.close()

    def call(self, function: str, *arguments, **options) -> Any:
        """Calls "module:function" in the process and returns its result."""
        return self._ask("call", function, arguments, options)

    def prepare(self, factory: str, *arguments, **options) -> None:
        """Keeps what the factory returns, a function, and calls it twice."""
        self._ask("prepare", factory, arguments, options)

    def time(self) -> float:
        """Calls the function once; returns the seconds it took."""
        return self._ask("time")

    def peak_bytes(self) -> int:
        """Returns the largest resident memory since `prepare`'s last call."""
        return self._ask("call", "worker:peak_bytes", (), {})

    def close(self) -> None:
        """Ends the process."""
        self._pipe.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()

    def _ask(self, *message) -> Any:
        try:
            self._pipe.send(message)
            error, result = self._pipe.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._process.join(10)
            code = self._process.exitcode
            raise WorkerError(f"the process ended, exit code {code}") from None
        if error:
            raise WorkerError(error)
        return result


def peak_bytes() -> int:
    """Returns the largest resident memory of this process so far (Linux)."""
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = [x for x in status.splitlines() if x.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    """Lets `peak_bytes` count from what is resident now."""
    pathlib.Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def load(name: str):
    """Returns the function "module:function"."""
    module, _, function = name.partition(":")
    if module.startswith("fastnst_"):
        # Before the module does, which would print TensorFlow's greetings.
        fastnst.import_tensorflow()
    return getattr(importlib.import_module(module), function)


def _serve(pipe) -> None:
    prepared: dict[str, Any] = {}
    while True:
        try:
            message = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((None, _answer(prepared, *message)))
        except Exception:  # pylint: disable=broad-except
            lines = traceback.format_exc().strip().splitlines()
            traceback.print_exc()
            pipe.send((lines[-1], None))


def _answer(prepared, kind, name="", arguments=(), options=None):
    if kind == "call":
        return load(name)(*arguments, **options)
    if kind == "prepare":
        # What the last case left is freed before the next is built.
        prepared.clear()
        run = load(name)(*arguments, **options)
        run()
        forget_peak()
        run()
        prepared["run"] = run
        return None
    begin = time.perf_counter()
    prepared["run"]()
    return time.perf_counter() - begin

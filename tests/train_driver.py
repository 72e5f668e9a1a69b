"""Runs the train command many times in one process, for test_train.py.

A process that imports TensorFlow takes seconds to start; most of what is
tested of the command does not need one of its own.

    python train_driver.py JSON

JSON is a list of cases: {"flags": [...]} and, if wanted, "signal" and "step"
(sent to this process while that step runs), "limit" (bytes that a file may
grow to), "hold" (a lock that another training holds). Prints a list of
{"code", "stdout", "stderr", "seconds"}.
"""

import contextlib
import fcntl
import io
import json
import os
import sys
import time

from absl import flags
import conftest

import fastnst
from fastnst import command_line
from fastnst import train


def run_case(case: dict) -> dict:
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    flags.FLAGS.unparse_flags()
    sys.argv = ["train", *case["flags"]]
    out, err = io.StringIO(), io.StringIO()
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        if "hold" in case:
            stack.enter_context(_held(case["hold"]))
        if "limit" in case:
            stack.enter_context(conftest.no_file_larger(case["limit"]))
        if "signal" in case:
            stack.enter_context(_signalled(case["signal"], case["step"]))
        try:
            command_line.run(train.main)
        except SystemExit as exit_:
            code = exit_.code
    return {
        "code": code or 0,
        "stdout": out.getvalue(),
        "stderr": err.getvalue(),
        "seconds": time.monotonic() - start,
    }


@contextlib.contextmanager
def _held(path):
    with open(path, "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _signalled(number, step):
    from fastnst.training import callbacks

    def send(self, batch, logs=None):
        if int(self.model.optimizer.iterations.numpy()) == step - 1:
            os.kill(os.getpid(), number)

    callbacks.ProgressBar.on_train_batch_begin = send
    yield
    del callbacks.ProgressBar.on_train_batch_begin


if __name__ == "__main__":
    fastnst.import_tensorflow()
    from fastnst.networks import style_transfer_network

    style_transfer_network._NUM_RESIDUAL_BLOCKS = 1
    results = [run_case(case) for case in json.loads(sys.argv[1])]
    print(json.dumps(results))

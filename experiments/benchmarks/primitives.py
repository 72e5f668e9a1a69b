"""Where fastnst's time goes, by the primitives of oneDNN.

    python experiments/benchmarks/primitives.py network --size=1024x1024
    python experiments/benchmarks/primitives.py step --precision=mixed_bfloat16

Runs the network (of `ImageTransformer`) or the training step and sums what
oneDNN reports: a table of milliseconds per run, share of the whole run, and
GFLOP/s of the convolutions. What is left of the run was elsewhere: in
TensorFlow's own kernels, or waiting.
"""

from collections.abc import Iterable
import math
import os
import re
import subprocess
import sys
import time

from absl import app
from absl import flags

_SIZE = flags.DEFINE_string("size", "256x256", "Width x height.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 4, "Images of a step.")
_PRECISION = flags.DEFINE_enum(
    "precision", "float32", ["float32", "bfloat16", "mixed_bfloat16"], "Of it."
)
_RUNS = flags.DEFINE_integer("runs", 5, "Runs that are summed.")

_VERBOSE = "ONEDNN_VERBOSE"
_EXECUTION = "onednn_verbose,v1,primitive,exec,"
_SHAPE = re.compile(
    r"mb(\d+).*?ic(\d+)oc(\d+).*?oh(\d+)kh(\d+).*?ow(\d+)kw(\d+)"
)
_ALL = "the whole run"
_ELSEWHERE = "outside oneDNN"


def main(argv: list[str]) -> None:
    """Starts the process that reports, and prints the table."""
    if len(argv) != 2 or argv[1] not in ("network", "step"):
        raise app.UsageError("`network` or `step` must be named.")
    if os.environ.get(_VERBOSE):
        _report(argv[1])
        return
    done = subprocess.run(
        [sys.executable, *sys.argv],
        env={
            **os.environ,
            _VERBOSE: "profile_exec",
            # One primitive at a time: their times add up.
            "TF_NUM_INTEROP_THREADS": "1",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    from fastnst.evaluation import tables

    header = ("primitive", "calls", "ms", "share", "GFLOP/s")
    print(tables.markdown(header, rows(done.stdout.splitlines())))


def rows(lines: Iterable[str]) -> list[tuple]:
    """Sums what oneDNN printed between the lines "begin" and "end".

    Args:
        lines: "begin RUNS", those of oneDNN, "end SECONDS", and others.

    Returns:
        Primitive and implementation, calls, milliseconds, share of the run and
        GFLOP/s (None but for convolutions), per run and the longest first; then
        what is left, and all.
    """
    runs, seconds = 0, math.nan
    sums: dict[str, list[float]] = {}
    for line in lines:
        if line.startswith("begin "):
            runs = int(line.split()[1])
        elif line.startswith("end "):
            seconds = float(line.split()[1])
        elif runs and line.startswith(_EXECUTION):
            fields = line.split(",")
            kind, implementation, direction = fields[5:8]
            name = f"{kind} {implementation} {direction}".replace("undef", "")
            total = sums.setdefault(name.strip(), [0.0, 0.0, 0.0])
            total[0] += 1 / runs
            total[1] += float(fields[-1]) / runs
            total[2] += _flop(fields[-2]) / runs
    whole = 1e3 * seconds / runs
    table = [
        (name, calls, ms, ms / whole, flop / ms / 1e6 if flop else None)
        for name, (calls, ms, flop) in sums.items()
    ]
    table.sort(key=lambda row: -row[2])
    rest = whole - sum(row[2] for row in table)
    return [
        *table,
        (_ELSEWHERE, None, rest, rest / whole, None),
        (_ALL, None, whole, 1.0, None),
    ]


def _flop(problem: str) -> float:
    """Counts a convolution, by oneDNN's description of its shapes."""
    found = _SHAPE.search(problem)
    return 2.0 * math.prod(map(int, found.groups())) if found else 0.0


def _report(what: str) -> None:
    """Runs it, after warming up, with a line before and after."""
    import fastnst

    fastnst.import_tensorflow()
    import case
    import fastnst_inference
    import fastnst_training

    height, width = case.parsed_size(_SIZE.value)
    threads = len(os.sched_getaffinity(0))
    if what == "network":
        run = fastnst_inference.through_keras(
            case.Case(height, width, threads), _PRECISION.value
        )
    else:
        run = fastnst_training.bare_step(
            case.Case(height, width, threads, _BATCH_SIZE.value),
            _PRECISION.value,
        )
    for _ in range(3):
        run()
    print(f"begin {_RUNS.value}", flush=True)
    begin = time.perf_counter()
    for _ in range(_RUNS.value):
        run()
    print(f"end {time.perf_counter() - begin}", flush=True)


if __name__ == "__main__":
    app.run(main)

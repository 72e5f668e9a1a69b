"""Times fastnst beside PyTorch and ONNX Runtime on this machine's processor.

    python experiments/benchmarks/run.py            # all of it
    python experiments/benchmarks/run.py --quick    # small pictures, 3 rounds

Needs `pip install -e '.[benchmarks]'` and a C++ compiler (`torch.compile`).
Leave the machine alone meanwhile. Writes measurements.csv and results.md to
--output_dir, and the table into the README.md there, after each part; what is
there of other parts is kept. --resume goes on after a run that was stopped.
"""

import os
import pathlib
import tempfile

from absl import flags
import case
import machine
import measurements
import parts
import report

from fastnst import command_line

_HERE = pathlib.Path(__file__).parent
_PARTS = [
    "floor",
    "inference",
    "training",
    "fit",
    "pipeline",
    "memory",
    "video",
]

_PARTS_FLAG = flags.DEFINE_list(
    "parts", _PARTS, f"What to measure, of {', '.join(_PARTS)}."
)
_RESUME = flags.DEFINE_bool(
    "resume",
    False,
    "Leave out the parts that --output_dir has whole, measured on this machine "
    "with these versions and this network.",
)
_QUICK = flags.DEFINE_bool(
    "quick", False, "Pictures to 512x512, 3 rounds: a look, not a result."
)
_ROUNDS = flags.DEFINE_integer(
    "rounds", 9, "Calls of each contestant.", lower_bound=1
)
_SIZES = flags.DEFINE_list(
    "sizes",
    ["256x256", "512x512", "1024x1024", "1920x1080"],
    "Pictures of the inference part, width x height.",
)
_TRAINING_SIZE = flags.DEFINE_integer(
    "training_size", 256, "Side of the pictures of a training step."
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 4, "Of a training step.")
_MEMORY_SIDES = flags.DEFINE_list(
    "memory_sides",
    ["256", "512", "1024", "2048", "4096"],
    "Sides of the pictures of the memory part.",
)
_VIDEO_SIZE = flags.DEFINE_string(
    "video_size", "640x360", "Frames of the video part, width x height."
)
_THREADS = flags.DEFINE_integer(
    "threads", 0, "For every contestant; 0 is one for each processor."
)
_NETWORK = flags.DEFINE_string(
    "network", None, "A trained fastnst network. Default: an untrained one."
)
_PHOTOS = flags.DEFINE_list(
    "photos",
    [str(_HERE.parent / "photos")],
    "Folders of content images, for the training loop and the pipeline.",
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", str(_HERE), "Where the results go; made if missing."
)


def main(argv: list[str]) -> None:
    """Measures the parts asked for and writes the results."""
    del argv
    if _QUICK.value:
        for name, value in (
            ("rounds", 3),
            ("sizes", ["256x256", "512x512"]),
            ("memory_sides", ["256", "512"]),
            ("video_size", "320x180"),
        ):
            flags.FLAGS.set_default(name, value)
    output_dir = pathlib.Path(_OUTPUT_DIR.value)
    output_dir.mkdir(parents=True, exist_ok=True)
    for part in _PARTS_FLAG.value:
        if part not in _PARTS:
            raise ValueError(
                f"--parts must be taken from {', '.join(_PARTS)}. "
                f"Received: {part}."
            )
    results = measurements.Measurements(
        output_dir / "measurements.csv",
        machine.describe(_threads(), _NETWORK.value),
    )
    sizes = [case.parsed_size(size) for size in _SIZES.value]
    with tempfile.TemporaryDirectory() as directory:
        cases = [_case(height, width, directory) for height, width in sizes]
        names = [each.name for each in cases]
        for part in _PARTS_FLAG.value:
            wanted = names if part == "inference" else None
            if _RESUME.value and results.knows(part, wanted):
                continue
            print(f"== {part}", flush=True)
            results.forget(part, wanted)
            _measure(part, results, cases, directory)
            results.save()
            report.write(output_dir, report.markdown(results))
    print(report.markdown(results))


def _measure(part, results, cases, directory) -> None:
    """Measures one part."""
    side = _TRAINING_SIZE.value
    training = _case(side, side, directory)._replace(batch=_BATCH_SIZE.value)
    rounds, photos = _ROUNDS.value, _PHOTOS.value
    if part == "floor":
        parts.floor(results, cases[0], rounds)
    elif part == "inference":
        parts.inference(results, cases, rounds)
    elif part == "training":
        parts.training(results, training, rounds)
    elif part == "fit":
        parts.fit(results, training, photos, rounds)
    elif part == "pipeline":
        parts.pipeline(results, training, photos, rounds)
    elif part == "video":
        size = case.parsed_size(_VIDEO_SIZE.value)
        parts.video(results, _case(*size, directory), rounds)
    else:
        import memory

        sides = [int(side) for side in _MEMORY_SIDES.value]
        memory.measure(
            results, [_case(side, side, directory) for side in sides]
        )


def _case(height: int, width: int, directory: str) -> case.Case:
    return case.Case(
        height,
        width,
        _threads(),
        directory=directory,
        network=_NETWORK.value,
    )


def _threads() -> int:
    return _THREADS.value or len(os.sched_getaffinity(0))


if __name__ == "__main__":
    command_line.run(main)

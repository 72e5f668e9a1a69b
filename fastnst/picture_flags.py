"""The flags of the commands that transform files, and what they share."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from absl import flags

import fastnst
from fastnst import command_line
from fastnst import video_flags
from fastnst.networks import network_files

NETWORK = flags.DEFINE_string(
    "network",
    None,
    "A network that ships with fastnst (see --list_networks), a .keras file, "
    "or the workdir of a training.",
)
OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Where to: a file (.jpg, .png, .webp, ...), or a folder if it ends in /, "
    "is one already, or there are several inputs.",
)
OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace existing outputs (inputs never are)."
)
PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "bfloat16"],
    "What the network computes in; bfloat16 is faster where the processor "
    "has it.",
)
QUALITY = flags.DEFINE_integer(
    "quality", 95, "Of JPEG and WebP.", lower_bound=1, upper_bound=100
)
TILE = flags.DEFINE_string(
    "tile",
    "auto",
    "Whether a picture goes through the network in parts, with the same "
    "pixels and less memory: auto (where it is large), off, or how many rows "
    "a part has. What the memory cannot hold goes to TMPDIR.",
)
flags.adopt_module_key_flags(video_flags)
LIST_NETWORKS = flags.DEFINE_bool(
    "list_networks", False, "Print the networks that ship with fastnst."
)


def transform(
    inputs: list[str],
    task: str,
    prepare: Callable,
    *,
    copies: int = 1,
    also_read: Sequence[str] = (),
) -> int:
    """Transforms the inputs with the network of the flags.

    Args:
        inputs: Files and folders.
        task: What the network must be trained for.
        prepare: Checks the flags that the command has of its own. Takes the
            `ImageTransformer` and returns the function of one picture.
        copies: How many pictures stand side by side in a result.
        also_read: Files besides the inputs that no output may overwrite.

    Returns:
        The exit code: 1 if a file was skipped.

    Raises:
        OSError: If a folder cannot be read.
        ValueError: If flags, inputs and network do not fit.
    """
    network = command_line.required(NETWORK)
    output = command_line.required(OUTPUT)
    if not inputs:
        raise ValueError("At least one photo or folder must be given.")
    # TensorFlow takes seconds to import; a bad flag or --help must not wait.
    fastnst.import_tensorflow()
    from fastnst.inference import picture_files
    from fastnst.inference import tiling
    from fastnst.inference import transform as transform_lib
    from fastnst.inference import video_files

    tiling.checked(TILE.value)
    overwrite = OVERWRITE.value
    videos = video_files.wanted(inputs, output)
    files = video_files if videos else picture_files
    jobs = files.plan(inputs, output, overwrite=overwrite, also_read=also_read)
    if videos:
        video_flags.require_pyav()
    transformer = transform_lib.ImageTransformer.load(
        network, precision=PRECISION.value
    )
    transformer.require_task(task)
    run = prepare(transformer)
    if videos:
        return _print_outcomes(
            video_flags.transform_files(run, jobs, overwrite=overwrite)
        )
    return _print_outcomes(
        picture_files.transform_files(
            run,
            jobs,
            quality=QUALITY.value,
            overwrite=overwrite,
            copies=copies,
        )
    )


def _print_outcomes(outcomes: Iterator[Any]) -> int:
    """Prints the outcome of each file; returns the exit code."""
    failed = False
    for outcome in outcomes:
        print(outcome, flush=True)
        failed = failed or bool(outcome.error)
    return int(failed)


def list_networks() -> int:
    """Prints the networks that ship with fastnst; returns the exit code."""
    for name in network_files.list_networks():
        found = network_files.describe(name)
        megabytes = found.num_bytes / 1e6
        what = ", ".join(found.styles) or f"x{found.factor}"
        print(f"{name}  {found.task}  {what}  {megabytes:.1f} MB  {found.text}")
    return 0

"""Stylizes collections of pictures with Apache Beam, on one machine or many.

    python -m fastnst.stylize_collection --network=wave \\
        --input='photos/*.jpg' --output=stylized

writes TFRecord files with the stylized pictures, each whole or not at all, and
skipped.jsonl, which names every picture that could not be read and says why.
The same command continues after a stop. Needs: pip install 'fastnst[beam]'.
"""

import hashlib
import importlib.util
import os

from absl import flags

import fastnst
from fastnst import command_line
from fastnst.networks import network_files

_NETWORK = flags.DEFINE_string(
    "network",
    None,
    "A network that ships with fastnst, a .keras file, or the workdir of a "
    "training; every worker must find it.",
)
_INPUT = flags.DEFINE_list(
    "input", [], "Pictures, or TFRecord files: patterns such as 'photos/*.jpg'."
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Directory of the results; every worker must reach it."
)
_IMAGE_FEATURE = flags.DEFINE_string(
    "image_feature",
    None,
    "The input is TFRecord files of tf.train.Example; this feature holds the "
    "encoded picture. A file of them is a shard.",
)
_STYLE = flags.DEFINE_string(
    "style", None, "See fastnst.stylize. Default: the first."
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "bfloat16"],
    "What the network computes in.",
)
_IMAGE_FORMAT = flags.DEFINE_enum(
    "image_format", "jpeg", ["jpeg", "png"], "Of the results."
)
_PICTURES_PER_SHARD = flags.DEFINE_integer(
    "pictures_per_shard",
    256,
    "Picture files for each file that is written: the most that a worker does "
    "again after a stop.",
    lower_bound=1,
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 8, "Pictures of one size that run together.", lower_bound=1
)
_RUNNER = flags.DEFINE_string(
    "runner", "DirectRunner", "Of Beam: where the workers are."
)
_NUM_WORKERS = flags.DEFINE_integer(
    "num_workers", 1, "Processes of the DirectRunner.", lower_bound=1
)
_BEAM_OPTIONS = flags.DEFINE_list(
    "beam_options", [], "Options of the runner, such as region=europe-west4."
)


def main(argv: list[str]) -> int:
    """Stylizes what is not stylized yet; returns the exit code."""
    del argv
    network = command_line.required(_NETWORK)
    directory = command_line.required(_OUTPUT)
    patterns = command_line.required(_INPUT)
    path = network_files.resolve(network)
    if importlib.util.find_spec("apache_beam") is None:
        raise ValueError(
            "Apache Beam is not installed: pip install 'fastnst[beam]'."
        )
    fastnst.import_tensorflow()
    from fastnst.inference import beam_pipeline
    from fastnst.inference import collection
    from fastnst.inference import shard_stylizer

    output = collection.Output(directory)
    sources = collection.find(patterns)
    per_shard = 1 if _IMAGE_FEATURE.value else _PICTURES_PER_SHARD.value
    settings = shard_stylizer.Settings(
        network,
        directory,
        style=_STYLE.value,
        precision=_PRECISION.value,
        image_feature=_IMAGE_FEATURE.value,
        batch_size=_BATCH_SIZE.value,
        image_format=_IMAGE_FORMAT.value,
        threads=_threads(),
    )
    # Finds here, not on the workers, that network and style do not fit.
    shard_stylizer.ShardStylizer(settings)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    output.open(sources, _what_shapes_the_result(settings, digest, per_shard))
    shards = collection.cut(sources, per_shard)
    left = [shard for shard in shards if output.report(shard) is None]
    print(f"{len(shards) - len(left)} of {len(shards)} shards are done already")
    if left:
        counters = beam_pipeline.run(left, settings, _options())
        print("this run: " + ", ".join(f"{k} {v}" for k, v in counters.items()))
    return _summarize(output, shards)


def _what_shapes_the_result(settings, digest: str, per_shard: int) -> dict:
    """Returns what must be the same when a collection is continued."""
    return {
        "network": digest,
        "style": str(settings.style),
        "precision": settings.precision,
        "image_feature": str(settings.image_feature),
        "image_format": settings.image_format,
        "files per shard": str(per_shard),
    }


def _summarize(output, shards) -> int:
    """Writes the list of what was skipped; prints the sums of all runs."""
    from fastnst.inference import collection

    reports = [output.report(shard) for shard in shards]
    total = sum((r for r in reports if r is not None), collection.Report())
    output.list_skipped(total)
    print(
        f"all: done {total.done}, skipped {len(total.skipped)} (see "
        f"{os.path.join(output.directory, collection.SKIPPED_FILE)}), "
        f"pixels {total.pixels}"
    )
    return int(None in reports)


def _threads() -> int:
    """Divides the cores among the processes of this machine; 0: all cores."""
    if _NUM_WORKERS.value == 1:
        return 0
    return max(1, len(os.sched_getaffinity(0)) // _NUM_WORKERS.value)


def _options() -> list[str]:
    """Returns the options of Beam."""
    options = [f"--runner={_RUNNER.value}"]
    if _RUNNER.value == "DirectRunner" and _NUM_WORKERS.value > 1:
        options += [
            f"--direct_num_workers={_NUM_WORKERS.value}",
            "--direct_running_mode=multi_processing",
        ]
    return options + [f"--{option}" for option in _BEAM_OPTIONS.value]


if __name__ == "__main__":
    command_line.run(main)

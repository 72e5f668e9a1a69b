"""Stylizes photos, and whole folders of them, with a trained network.

    python -m fastnst.stylize --network=wave photo.jpg --output=stylized.jpg
    python -m fastnst.stylize --network=runs/wave photos --output=stylized/

Inputs are files and folders; a folder keeps its subfolders. Results have the
size of the photo. A file that cannot be read is named and skipped, and the
exit code is then 1.
"""

import functools

from absl import flags

import fastnst
from fastnst import command_line

_NETWORK = flags.DEFINE_string(
    "network",
    None,
    "A network that ships with fastnst (see --list_networks), a .keras file, "
    "or the workdir of a training.",
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Where to: a file (.jpg, .png, .webp, ...), or a folder if it ends in /, "
    "is one already, or there are several inputs.",
)
_STYLE = flags.DEFINE_string(
    "style",
    None,
    "Which style of a network that has several: a name, or a blend such as "
    "wave:0.6,mosaic:0.4. Default: the first.",
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace existing outputs (inputs never are)."
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "bfloat16"],
    "What the network computes in; bfloat16 is faster where the processor "
    "has it.",
)
_QUALITY = flags.DEFINE_integer(
    "quality", 95, "Of JPEG and WebP.", lower_bound=1, upper_bound=100
)
_LIST_NETWORKS = flags.DEFINE_bool(
    "list_networks", False, "Print the networks that ship with fastnst."
)


def main(inputs: list[str]) -> int:
    """Stylizes the inputs; returns the exit code."""
    if _LIST_NETWORKS.value:
        return _list_networks()
    network, output = _required(_NETWORK), _required(_OUTPUT)
    if not inputs:
        raise ValueError("At least one photo or folder must be given.")
    # TensorFlow takes seconds to import; a bad flag or --help must not wait.
    fastnst.import_tensorflow()
    from fastnst.inference import picture_files
    from fastnst.inference import transform

    jobs = picture_files.plan(inputs, output, overwrite=_OVERWRITE.value)
    transformer = transform.ImageTransformer.load(
        network, precision=_PRECISION.value
    )
    transformer.require_task("style_transfer")
    style = transformer.style_weights(_STYLE.value)
    failed = False
    for outcome in picture_files.transform_files(
        functools.partial(transformer.stylize, style=style),
        jobs,
        quality=_QUALITY.value,
        overwrite=_OVERWRITE.value,
    ):
        print(outcome, flush=True)
        failed = failed or bool(outcome.error)
    return int(failed)


def _required(flag: flags.FlagHolder) -> str:
    if not flag.value:
        raise ValueError(f"--{flag.name}=... must be given. See --help.")
    return flag.value


def _list_networks() -> int:
    fastnst.import_tensorflow()
    from fastnst.networks import saved_networks

    for name in saved_networks.list_networks():
        found = saved_networks.describe(name)
        megabytes = found.num_bytes / 1e6
        what = ", ".join(found.styles) or f"x{found.factor}"
        print(f"{name}  {found.task}  {what}  {megabytes:.1f} MB  {found.text}")
    return 0


if __name__ == "__main__":
    command_line.run(main, inputs=True)

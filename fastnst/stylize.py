"""Stylizes photos, and whole folders of them, with a trained network.

    python -m fastnst.stylize --network=wave photo.jpg --output=stylized.jpg
    python -m fastnst.stylize --network=runs/wave photos --output=stylized/

Inputs are files and folders; a folder keeps its subfolders. Results have the
size of the photo. A file that cannot be read is named and skipped, and the
exit code is then 1.
"""

import functools

from absl import flags

from fastnst import command_line
from fastnst import picture_flags

_STYLE = flags.DEFINE_string(
    "style",
    None,
    "Which style of a network that has several: a name, or a blend such as "
    "wave:0.6,mosaic:0.4. Default: the first.",
)

flags.adopt_module_key_flags(picture_flags)


def main(inputs: list[str]) -> int:
    """Stylizes the inputs; returns the exit code."""
    if picture_flags.LIST_NETWORKS.value:
        return picture_flags.list_networks()
    return picture_flags.transform(inputs, "style_transfer", _prepare)


def _prepare(transformer):
    """Returns the function that stylizes one picture."""
    style = transformer.style_weights(_STYLE.value)
    return functools.partial(transformer.stylize, style=style)


if __name__ == "__main__":
    command_line.run(main, inputs=True)

"""Stylizes photos, folders of them and videos with a trained network.

    python -m fastnst.stylize --network=wave photo.jpg --output=stylized.jpg
    python -m fastnst.stylize --network=runs/wave photos --output=stylized/
    python -m fastnst.stylize --network=wave clip.mp4 --output=stylized.mp4

Inputs are files and folders; a folder keeps its subfolders. Results have the
size of the photo. A file that cannot be read is named and skipped, and the
exit code is then 1. Videos need PyAV: pip install 'fastnst[video]'. A GIF or a
folder of frames becomes a video if the output is one.
"""

import functools

from absl import flags

from fastnst import command_line
from fastnst import picture_flags
from fastnst import progress_bar

_STYLE = flags.DEFINE_string(
    "style",
    None,
    "Which style of a network that has several: a name, or a blend such as "
    "wave:0.6,mosaic:0.4. Default: the first.",
)
_STRENGTH = flags.DEFINE_float(
    "strength",
    1.0,
    "How much of the style: 0 is the photo.",
    lower_bound=0.0,
    upper_bound=1.0,
)
_KEEP_COLORS = flags.DEFINE_bool(
    "keep_colors",
    False,
    "Keep the colors of the photo; only light and dark come from the style.",
)
_MAX_SIDE = flags.DEFINE_integer(
    "max_side",
    None,
    "Make photos with a longer side smaller first.",
    lower_bound=1,
)
_MASK = flags.DEFINE_string(
    "mask",
    None,
    "A grey picture of any size: the style applies where it is white.",
)
_STYLE_MASK = flags.DEFINE_list(
    "style_mask",
    [],
    "A mask for each of several styles, such as wave:sky.png,mosaic:city.png; "
    "elsewhere the photo stays.",
)
_COMPARE = flags.DEFINE_bool(
    "compare", False, "Write the photo left of the result."
)

flags.adopt_module_key_flags(picture_flags)


def main(inputs: list[str]) -> int:
    """Stylizes the inputs; returns the exit code."""
    if picture_flags.LIST_NETWORKS.value:
        return picture_flags.list_networks()
    masks = [item.partition(":")[2] for item in _STYLE_MASK.value]
    return picture_flags.transform(
        inputs,
        "style_transfer",
        _prepare,
        copies=2 if _COMPARE.value else 1,
        also_read=[path for path in (_MASK.value, *masks) if path],
    )


def _prepare(transformer):
    """Returns the function that stylizes one picture."""
    from fastnst.inference import masks

    style_masks = {}
    for item in _STYLE_MASK.value:
        name, _, path = item.partition(":")
        if not path:
            raise ValueError(
                "--style_mask must be a list such as wave:sky.png. "
                f"Received: {item}."
            )
        transformer.style_weights(name)
        style_masks[name] = masks.read(path)
    if style_masks and _STYLE.value:
        raise ValueError("--style and --style_mask exclude each other.")
    return functools.partial(
        transformer.stylize,
        style=transformer.style_weights(_STYLE.value),
        strength=_STRENGTH.value,
        keep_colors=_KEEP_COLORS.value,
        max_side=_MAX_SIDE.value,
        mask=masks.read(_MASK.value) if _MASK.value else None,
        style_masks=style_masks,
        compare=_COMPARE.value,
        tile=picture_flags.TILE.value,
        progress=progress_bar.draw,
    )


if __name__ == "__main__":
    command_line.run(main, inputs=True)

"""Enlarges photos 4 or 8 times with a trained super-resolution network.

    python -m fastnst.upscale --network=sr_x4_pixel small.jpg --output=large.png
    python -m fastnst.upscale --network=runs/sr_x4 photos --output=large/

Inputs are files and folders; a folder keeps its subfolders. Transparency is
enlarged by bicubic interpolation. A file that cannot be read is named and
skipped, and the exit code is then 1.
"""

from absl import flags

from fastnst import command_line
from fastnst import picture_flags
from fastnst import progress_bar

_FACTOR = flags.DEFINE_integer(
    "factor",
    None,
    "The factor that is wanted: an error if the network has another one.",
)
_MATCH_HISTOGRAM = flags.DEFINE_bool(
    "match_histogram",
    False,
    "Give each result the colors of its input, as the paper did last.",
)

flags.adopt_module_key_flags(picture_flags)


def main(inputs: list[str]) -> int:
    """Enlarges the inputs; returns the exit code."""
    if picture_flags.LIST_NETWORKS.value:
        return picture_flags.list_networks()
    return picture_flags.transform(inputs, "super_resolution", _prepare)


def _prepare(transformer):
    """Returns the function that enlarges one picture."""
    from fastnst.inference import histogram_matching

    network = transformer.network
    transformer.require_factor(_FACTOR.value)
    print(
        f"{picture_flags.NETWORK.value}: enlarges {network.factor} times",
        flush=True,
    )

    def upscale(picture):
        enlarged = transformer.upscale(
            picture, tile=picture_flags.TILE.value, progress=progress_bar.draw
        )
        if _MATCH_HISTOGRAM.value:
            enlarged = histogram_matching.match_histogram(enlarged, picture)
        return enlarged

    return upscale


if __name__ == "__main__":
    command_line.run(main, inputs=True)

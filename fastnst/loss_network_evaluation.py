"""The table of the small loss network, of the evaluate command, and its flags.
"""

from collections.abc import Callable
from collections.abc import Sequence
import functools
import pathlib

from absl import flags

from fastnst import loss_flags

_STYLIZERS = flags.DEFINE_list(
    "stylizers",
    [],
    "--table=loss_network: trained networks, which stylize the photos, in all "
    "of their styles.",
)
_SMALL_WEIGHTS = flags.DEFINE_string(
    "small_weights",
    None,
    "--table=loss_network: file of fastnst.distill. Default: what ships.",
)


def evaluate(
    sizes: Sequence[int],
    photos: Callable[[int], list],
    output_dir: pathlib.Path,
) -> int:
    """Measures how well vgg16_small agrees with VGG16; prints and writes.

    Args:
        sizes: Sides of the photos.
        photos: Side to photos, as `objective.square_photos` returns them.
        output_dir: Where the table goes; must exist.

    Returns:
        The exit code.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If photos, networks or weights do not fit.
    """
    import fastnst

    fastnst.import_tensorflow()
    from fastnst.evaluation import loss_agreement
    from fastnst.evaluation import tables
    from fastnst.networks import loss_network
    from fastnst.networks import small_loss_network

    layers = small_loss_network.LAYERS
    small = small_loss_network.SmallLossNetwork(
        layers, weights=_SMALL_WEIGHTS.value
    )
    genuine = loss_network.LossNetwork(
        layers, weights=loss_flags.VGG16_WEIGHTS.value
    )
    stylizers = _stylizers()
    rows = []
    for size in sizes:
        loss_flags.check_size("--image_size", (size, size), list(layers))
        found = loss_agreement.pairs(
            [
                loss_agreement.versions(photo, stylizers, seed=number)
                for number, (_, photo) in enumerate(photos(size))
            ],
            small,
            genuine,
            content_layer=layers[-1],
            style_weights={
                layer: 5.0 / loss_network.num_channels(layer) ** 2
                for layer in layers
            },
        )
        rows += [(size, *row) for row in loss_agreement.rows(list(found))]
    header = ("size", *loss_agreement.Row._fields)
    print(tables.write(output_dir, "loss_network", header, rows), end="")
    return 0


def _stylizers() -> list[Callable]:
    """Returns a function for every style of every network of the flags."""
    from fastnst.inference import transform

    stylizers: list[Callable] = []
    for name in _STYLIZERS.value:
        transformer = transform.ImageTransformer.load(name)
        transformer.require_task("style_transfer")
        stylizers += [
            functools.partial(transformer.stylize, style=style)
            for style in transformer.style_names
        ]
    return stylizers

"""The table of the objective, of the evaluate command, and its flags."""

from collections.abc import Callable
from collections.abc import Sequence
import pathlib

from absl import flags

from fastnst import loss_flags

_MAX_ITERATIONS = flags.DEFINE_integer(
    "max_iterations",
    500,
    "--table=objective: the most iterations of L-BFGS for a photo, which ends "
    "at 1.5 times the iteration that equals the network; 0 leaves L-BFGS out.",
    lower_bound=0,
)
_MIN_ITERATIONS = flags.DEFINE_integer(
    "min_iterations",
    0,
    "--table=objective: fewest from noise; 100 shows the ratio to 100.",
    lower_bound=0,
)
_START = flags.DEFINE_enum(
    "start",
    "both",
    ["both", "noise", "content"],
    "--table=objective: where L-BFGS starts, from white noise, from the "
    "content image, or both.",
)

# What a card knows of the objective of its training.
_FROM_CARD = (
    "content_layer",
    "content_weight",
    "style_layers",
    "style_weights",
    "style_scales",
    "style_image_size",
    "tv_weight",
)


def check_flags() -> None:
    """Raises ValueError for what can be refused before a network is loaded."""
    if loss_flags.LOSS_NETWORK.value != "vgg16":
        raise ValueError(
            "--loss_network must be vgg16 to measure: only the genuine network "
            f"judges. Received: {loss_flags.LOSS_NETWORK.value}."
        )
    if loss_flags.VGG16_WEIGHTS.value == "random":
        raise ValueError(
            "--vgg16_weights=random cannot measure anything: give the genuine "
            "weights, a file or imagenet."
        )
    if 0 < _MAX_ITERATIONS.value < _MIN_ITERATIONS.value:
        raise ValueError(
            "--min_iterations must be at most --max_iterations, "
            f"{_MAX_ITERATIONS.value}. Received: {_MIN_ITERATIONS.value}."
        )


def evaluate(
    transformer,
    style: str,
    sizes: Sequence[int],
    photos: Callable[[int], list],
    output_dir: pathlib.Path,
) -> int:
    """Measures photos and network, and optimizes the photos: Figure 5.

    Prints its results and writes them.

    Args:
        transformer: An `ImageTransformer`.
        style: Name of the style, the one of --style_image.
        sizes: Sides of the photos.
        photos: Size to photos, as `objective.square_photos` returns them.
        output_dir: Where the tables go; must exist.

    Returns:
        The exit code.

    Raises:
        ValueError: If flags, card and weights do not fit.
    """
    from fastnst.evaluation import objective
    from fastnst.evaluation import tables

    take_from_card(transformer.card, style)
    for size in sizes:
        loss_flags.check_content_size("--image_size", (size, size))
    loss_network, transfer = loss_flags.build_style_objective()
    measured: dict[int, list] = {}
    values, rows = [], []
    for size in sizes:
        measured[size] = []
        for measurement in objective.measure(
            transfer,
            photos(size),
            lambda photo: transformer.stylize(photo, style),
        ):
            measured[size].append(measurement)
            print(f"{size}  {measurement}", flush=True)
        values += [(size, *row) for row in objective.values(measured[size])]
        rows += [
            (size, len(measured[size]) // 2, *row)
            for row in objective.summarize(measured[size], transfer.weights)
        ]
    tables.write_csv(
        output_dir / "objective_photos.csv",
        ("size", *objective.VALUE_COLUMNS),
        values,
    )
    header = ("size", "photos", *objective.Row._fields)
    print(tables.write(output_dir, "objective", header, rows), end="")
    if _MAX_ITERATIONS.value:
        setup = _setup(transfer, loss_network)
        _figure_5(measured, transfer, setup, photos, output_dir)
    return 0


def take_from_card(card: dict, style: str) -> None:
    """Makes the objective of the training the default of the flags.

    Args:
        card: Of the network.
        style: Its name.
    """
    from fastnst.networks import network_files

    trained = network_files.style_flags(card, style)
    for name in _FROM_CARD:
        # The weights in the card belong to the layers in the card.
        if name == "style_weights" and flags.FLAGS["style_layers"].present:
            continue
        if trained.get(name) is not None:
            flags.FLAGS.set_default(name, trained[name])


def _setup(transfer, loss_network) -> dict:
    """Returns all that the curve of a photo depends on."""
    return {
        "weights": transfer.weights,
        "content_layer": loss_flags.CONTENT_LAYER.value,
        "style_image": loss_flags.style_pictures()[0]["sha256"],
        "style_image_size": loss_flags.STYLE_IMAGE_SIZE.value,
        "loss_network": loss_network.weights_sha256,
    }


def _figure_5(
    measured: dict[int, list],
    transfer,
    setup: dict,
    photos: Callable[[int], list],
    output_dir: pathlib.Path,
) -> None:
    """Optimizes the photos; writes the curves, a table and the picture."""
    from fastnst.evaluation import curve_file
    from fastnst.evaluation import figure
    from fastnst.evaluation import mean_curves
    from fastnst.evaluation import objective
    from fastnst.evaluation import optimization_curve
    from fastnst.evaluation import tables

    file = curve_file.CurveFile(output_dir / "objective_curves.csv", setup)
    worth, panels, points = [], [], []
    for size, measurements in measured.items():
        content = objective.totals(measurements, objective.CONTENT)
        network = objective.totals(measurements, objective.NETWORK)
        found = _curves(transfer, photos(size), network, file)
        worth += optimization_curve.equivalences(found, network)
        points += mean_curves.means(found)
        panels.append(
            mean_curves.panel(
                size, found, [*content.values()], [*network.values()]
            )
        )
    print(_table_of_equivalences(worth, output_dir), end="")
    tables.write_csv(
        output_dir / "objective_means.csv",
        mean_curves.Mean._fields,
        points,
    )
    figure.draw(output_dir / "objective.png", panels)
    print(f"written: {output_dir / 'objective.png'}")


def _curves(transfer, photos: list, network: dict[str, float], file) -> list:
    """Returns the curves of photos of one size; prints each when it ends."""
    from fastnst.evaluation import optimization_curve

    starts = ["noise", "content"] if _START.value == "both" else [_START.value]
    found = []
    for curve in optimization_curve.curves(
        transfer,
        photos,
        network,
        file,
        starts=starts,
        min_iterations=_MIN_ITERATIONS.value,
        max_iterations=_MAX_ITERATIONS.value,
    ):
        found.append(curve)
        equal = curve.crossing(network[curve.photo])
        print(f"{curve}, equal after {equal}", flush=True)
    return found


def _table_of_equivalences(worth: list, output_dir: pathlib.Path) -> str:
    from fastnst.evaluation import optimization_curve
    from fastnst.evaluation import tables

    layers = ", ".join(loss_flags.STYLE_LAYERS.value)
    notes = [f"{line}; style layers {layers}." for line in worth]
    notes.append(
        "Lines of objective.png and objective_means.csv: the mean over the "
        "photos whose curve goes that far, while they are at least half."
    )
    header = optimization_curve.Equivalence._fields
    return tables.write(output_dir, "objective_lbfgs", header, worth, notes)

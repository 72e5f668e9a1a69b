"""The table of speed, of the evaluate command, and its flags."""

from collections.abc import Callable
from collections.abc import Sequence
import pathlib

from absl import flags

from fastnst import loss_flags
from fastnst import objective_evaluation

_TIMED_ITERATIONS = flags.DEFINE_integer(
    "timed_iterations",
    20,
    "--table=speed: iterations of L-BFGS that are timed; 100, 300 and 500 are "
    "scaled from them.",
    lower_bound=20,
)
_FULL = flags.DEFINE_bool(
    "full", False, "--table=speed: time all 500 iterations, scale nothing."
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "bfloat16"],
    "--table=speed: what the network and, for L-BFGS, the loss network compute "
    "in.",
)

# Those of the paper's Table 1.
IMAGE_SIZES = ["256", "512", "1024"]


def check_flags() -> None:
    """Raises ValueError for what can be refused before a network is loaded."""
    if _FULL.value and flags.FLAGS["timed_iterations"].present:
        raise ValueError(
            "--full times all iterations: leave --timed_iterations="
            f"{_TIMED_ITERATIONS.value} out."
        )


def precision() -> str:
    """Returns what the network shall compute in."""
    return _PRECISION.value


def evaluate(
    transformer,
    style: str,
    sizes: Sequence[int],
    photo: Callable[[int], tuple],
    output_dir: pathlib.Path,
) -> int:
    """Times the network and L-BFGS on one photo: Table 1.

    Prints its results and writes them.

    Args:
        transformer: An `ImageTransformer` of `precision()`.
        style: Name of the style, the one of --style_image.
        sizes: Sides of the photo.
        photo: Size to name and pixels, as `objective.square_photos` returns
            them.
        output_dir: Where the table goes; must exist.

    Returns:
        The exit code.

    Raises:
        ValueError: If flags, card and weights do not fit, or L-BFGS ends too
            soon.
    """
    from fastnst.evaluation import speed
    from fastnst.evaluation import tables

    objective_evaluation.take_from_card(transformer.card, style)
    for size in sizes:
        loss_flags.check_content_size("--image_size", (size, size))
    computed_in = precision()
    _, transfer = loss_flags.build_style_objective(
        "float32" if computed_in == "float32" else "mixed_bfloat16"
    )
    rows = []
    for size in sizes:
        passes, optimization = _timed(
            lambda pixels: transformer.stylize(pixels, style),
            transfer,
            photo(size)[1],
        )
        rows.append(speed.row(size, passes, optimization, computed_in))
        print(
            f"{size}  {rows[-1].feed_forward:.4g} s, 500 iterations "
            f"{rows[-1].lbfgs_500:.4g} s",
            flush=True,
        )
    text = tables.write(
        output_dir,
        "speed",
        speed.Row._fields,
        rows,
        speed.notes(rows, _layers()),
    )
    print(text, end="")
    return 0


def _timed(stylize, transfer, pixels):
    """Times network, L-BFGS and network again, on one photo."""
    from fastnst.evaluation import speed
    from fastnst.training import image_objectives
    from fastnst.training import image_optimizer

    num_iterations = _TIMED_ITERATIONS.value
    if _FULL.value:
        num_iterations = max(speed.ITERATIONS)
    optimizer = image_optimizer.ImageOptimizer(
        image_objectives.style_transfer(
            transfer, transfer.content_features(pixels)
        )
    )
    passes = speed.time_passes(stylize, pixels)
    optimization = speed.time_optimization(
        optimizer,
        image_optimizer.white_noise(pixels.shape),
        num_iterations,
    )
    # Once more: what else the machine does may have changed meanwhile.
    passes += speed.time_passes(stylize, pixels)
    return passes, optimization


def _layers() -> str:
    return (
        f"content {loss_flags.CONTENT_LAYER.value}, style "
        f"{', '.join(loss_flags.STYLE_LAYERS.value)}"
    )

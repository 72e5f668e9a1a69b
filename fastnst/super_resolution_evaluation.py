"""The table of super-resolution, of the evaluate command, and its flags."""

from collections.abc import Sequence
import pathlib
import sys

from absl import flags

import fastnst
from fastnst import super_resolution_flags
from fastnst import whole_files

_CROP_BORDER = flags.DEFINE_integer(
    "crop_border",
    None,
    "Pixels left out on every side before super-resolution is scored. "
    "Default: the factor.",
    lower_bound=0,
)
_MATCH_HISTOGRAM = flags.DEFINE_bool(
    "match_histogram",
    False,
    "Give each enlarged image the colors of its input first, as the paper did.",
)
flags.declare_key_flag("factor")
flags.declare_key_flag("degradation")

# Side of the crops that are written, at 100 %.
_CROP_SIDE = 192
_GRID = (
    "grid: energy at multiples of 1/{factor} cycles per pixel, over that of "
    "the truth; the traces of upsampling are seen above 1.5."
)
_MATCHED = (
    "The paper matched the histograms of its networks' images (pixel, feature) "
    "with those of their inputs: --match_histogram."
)
# The paper rounds to two digits.
_SAME_PSNR = 0.01
_OTHER_PROTOCOL = (
    "The paper's bicubic row is not ours: its photos or protocol were others "
    "(it does not state them), so its other rows cannot be compared either."
)


def evaluate(
    network: str | None,
    images: Sequence[str],
    num_images: int | None,
    output_dir: str | None,
) -> int:
    """Scores bicubic and, if given, a network; prints and writes the table.

    Args:
        network: A trained network, or None.
        images: Photos, and folders of photos.
        num_images: How many of them; None is all.
        output_dir: Where table and crops go; None writes nothing.

    Returns:
        The exit code: 1 if photos were skipped, damaged or too small.

    Raises:
        OSError: If the network cannot be read or a file not be written.
        ValueError: If flags and network do not fit, or no photo can be scored.
    """
    factor, upscale = _factor_and_upscale(network)
    from fastnst.evaluation import super_resolution_table

    protocol = super_resolution_table.Protocol(
        factor,
        super_resolution_flags.DEGRADATION.value or "bicubic",
        _CROP_BORDER.value,
        _MATCH_HISTOGRAM.value,
    )
    print(f"protocol: {protocol}", flush=True)
    enlargements = []
    paths = _paths(images, num_images)
    for path in paths:
        try:
            enlarged = _enlarged(protocol, path, upscale)
        except (ValueError, OSError) as error:
            print(f"skipped: {error}", file=sys.stderr, flush=True)
            continue
        print(_line(enlarged), flush=True)
        enlargements.append(enlarged)
    if not enlargements:
        raise ValueError("None of the photos could be scored.")
    num_skipped = len(paths) - len(enlargements)
    printed = []
    if len(images) == 1 and num_images is None and not num_skipped:
        folder = pathlib.Path(images[0]).resolve().name
        printed = super_resolution_table.paper_rows(folder, factor)
    text, rows = _table(protocol, enlargements, printed)
    print(f"\n{text}", end="")
    if output_dir is not None:
        name = f"super_resolution_x{factor}_{_label(network)}"
        _write(pathlib.Path(output_dir), name, text, rows, enlargements)
    if num_skipped:
        print(f"skipped: {num_skipped} of {len(paths)} photos", file=sys.stderr)
    return int(bool(num_skipped))


def _factor_and_upscale(network: str | None):
    """Returns the factor, and the function of the network or None."""
    factor = super_resolution_flags.FACTOR.value
    asked = int(factor) if factor else None
    if not asked and not network:
        raise ValueError("--factor=... or --network=... must be given.")
    fastnst.import_tensorflow()
    if not network:
        return asked, None
    from fastnst.inference import transform

    transformer = transform.ImageTransformer.load(network)
    transformer.require_task("super_resolution")
    transformer.require_factor(asked)
    return transformer.network.factor, transformer.upscale


def _paths(images: Sequence[str], num_images: int | None):
    """Returns the photos to score."""
    from fastnst.data import image_files

    paths = image_files.find_images(images)[:num_images]
    if not paths:
        raise ValueError(f"--images={','.join(images)} holds no photo.")
    return paths


def _enlarged(protocol, path: pathlib.Path, upscale):
    """Shrinks, enlarges and scores one photo."""
    from fastnst.data import image_files
    from fastnst.evaluation import super_resolution_table

    photo = path.stem, image_files.read_image(path).flattened()
    (found,) = super_resolution_table.enlarge(protocol, [photo], upscale)
    return found


def _line(enlarged) -> str:
    scores = "  ".join(
        f"{row} {score.psnr:.2f} dB {score.ssim:.4f}"
        for row, score in enlarged.scores.items()
    )
    return f"{enlarged.photo}  {scores}"


def _label(network: str | None) -> str:
    """Returns the network's name, or that of its file or workdir."""
    if not network:
        return "bicubic"
    path = pathlib.Path(network).resolve()
    return path.parent.name if path.name == "network.keras" else path.stem


def _table(protocol, enlargements, printed):
    """Returns the table as Markdown, and its rows."""
    from fastnst.evaluation import super_resolution_table
    from fastnst.evaluation import tables

    rows = super_resolution_table.rows(enlargements) + printed
    table = tables.markdown(
        super_resolution_table.Row._fields,
        [
            row._replace(psnr=f"{row.psnr:.2f}", ssim=f"{row.ssim:.4f}")
            for row in rows
        ],
    )
    notes = [_GRID.format(factor=protocol.factor)]
    ours = next(row for row in rows if row[:2] == ("mean", "bicubic"))
    theirs = [row for row in printed if row.row == "paper: bicubic"]
    if theirs:
        notes.append(_MATCHED)
        if abs(theirs[0].psnr - ours.psnr) > _SAME_PSNR:
            notes.append(_OTHER_PROTOCOL)
    parts = [f"Protocol: {protocol}.", table.rstrip(), *notes]
    return "\n\n".join(parts) + "\n", rows


def _write(directory: pathlib.Path, name: str, text: str, rows, enlargements):
    """Writes the table, and low resolution | bicubic | network | truth."""
    from fastnst.data import image_files
    from fastnst.evaluation import super_resolution_table
    from fastnst.evaluation import tables

    directory.mkdir(parents=True, exist_ok=True)
    protocol = text.partition("\n")[0]
    tables.write_csv(
        directory / f"{name}.csv",
        [*super_resolution_table.Row._fields, "protocol"],
        [(*row, protocol) for row in rows],
    )
    whole_files.write_text(directory / f"{name}.md", text)
    print(f"written: {directory / name}.csv, {directory / name}.md")
    for number, enlarged in enumerate(enlargements):
        path = directory / f"{name}_{number}_{enlarged.photo}.png"
        image_files.write_image(
            path, super_resolution_table.side_by_side(enlarged, _CROP_SIDE)
        )
        print(f"written: {path}")

"""The table of flicker, of the evaluate command."""

from collections.abc import Callable
from collections.abc import Sequence
import pathlib


def evaluate(
    transformer,
    style: str | None,
    sizes: Sequence[int],
    photos: Callable[[int], list],
    output_dir: pathlib.Path,
) -> int:
    """Measures how much each style flickers; prints and writes the table.

    Args:
        transformer: An `ImageTransformer`.
        style: The only style to measure; None measures all.
        sizes: Sides of the frames.
        photos: Side to photos, as `objective.square_photos` returns them.
        output_dir: Where the table goes; must exist.

    Returns:
        The exit code.

    Raises:
        OSError: If a photo cannot be read.
        ValueError: If network, style and photos do not fit.
    """
    from fastnst.evaluation import flicker
    from fastnst.evaluation import tables

    rows = []
    for size in sizes:
        pixels = [photo for _, photo in photos(size)]
        for name in [style] if style else transformer.style_names:
            found = flicker.measure(
                lambda frames: transformer.stylize(frames, name), pixels
            )
            rows.append((name, size, len(pixels), *found))
    header = ("style", "size", "photos", *flicker.Flicker._fields)
    print(tables.write(output_dir, "flicker", header, rows), end="")
    return 0

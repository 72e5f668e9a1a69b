"""Writes fastnst/pretrained/README.md: python experiments/model_cards.py.

Three sources: the cards of the networks (NAME.json), which training wrote; what
a person knows (experiments/model_cards.json); and tables that fastnst.evaluate
measured with --output_dir=experiments/results/networks/NAME/STYLE. What is not
there is left out.
"""

from collections.abc import Iterator
import csv
import json
import pathlib
from typing import Any

from absl import flags

from fastnst import command_line
from fastnst import whole_files
from fastnst.evaluation import artifacts
from fastnst.networks import network_files

_HERE = pathlib.Path(__file__).parent
_PRETRAINED = flags.DEFINE_string(
    "pretrained", str(network_files.PRETRAINED), "The networks and their cards."
)
_MEASURED = flags.DEFINE_string(
    "measured", str(_HERE / "results/networks"), "What evaluate measured."
)
_TITLE = """# The networks that ship with fastnst

Written by `python experiments/model_cards.py`; do not edit.

- The commands are those that were given, without the folders of the machine:
  `--workdir=gw3` was a folder of that name somewhere.
- Photographs that were trained on: {photographs}.
- Commercial use: {commercial_use}.
"""

# Tables of `fastnst.evaluate --table=flicker`.
_FLICKER = {
    "flicker": "as shipped",
    "flicker_before": "a network trained without the stability term",
}

_LOSS_NETWORK_SUFFIX = ".npz"

Line = tuple[str, str]


def main(argv: list[str]) -> None:
    """Writes the README of the networks."""
    del argv
    folder = pathlib.Path(_PRETRAINED.value)
    text = readme(folder, facts(), pathlib.Path(_MEASURED.value))
    whole_files.write_text(folder / "README.md", text)
    print(f"written: {folder / 'README.md'}")


def facts() -> dict[str, Any]:
    """Returns what a person knows of networks and paintings."""
    text = (_HERE / "model_cards.json").read_text(encoding="utf-8")
    return json.loads(text)


def readme(
    folder: pathlib.Path, known: dict[str, Any], measured: pathlib.Path
) -> str:
    """Returns the Markdown.

    Args:
        folder: Holds the networks, NAME.keras and NAME.json.
        known: As `facts` returns it.
        measured: Holds NAME/STYLE/objective.csv and others; need not exist.
    """
    parts = [_TITLE.format(**known["trained_on"])]
    for path in sorted(folder.glob(f"*{network_files.SUFFIX}")):
        about = known["networks"].get(path.stem, {})
        lines = _lines(path, about, known["styles"], measured)
        parts.append(_section(path.stem, about, lines))
    for path in sorted(folder.glob(f"*{_LOSS_NETWORK_SUFFIX}")):
        about = known["networks"].get(path.stem, {})
        lines = _loss_network_lines(path, about)
        parts.append(_section(path.stem, about, lines))
    return "\n".join(parts)


def _section(name: str, about: dict, lines: Iterator[Line]) -> str:
    title = f"## `{name}`\n\n"
    if "text" in about:
        title += f"{about['text']}.\n\n"
    rows = "".join(f"| {what} | {text} |\n" for what, text in lines)
    return f"{title}| | |\n|---|---|\n{rows}"


def _lines(path, about, styles, measured) -> Iterator[Line]:
    found, card = network_files.describe(path), network_files.load_card(path)
    settings = card.get("flags", {})
    size = f"{found.num_bytes / 1e6:.1f} MB"
    if "width" in settings:
        size += f", width {settings['width']}"
    if "weights_stored_as" in card:
        size += f", stored in {card['weights_stored_as']}"
    if "float16_effect" in card:
        size += f", which moves pixels by {card['float16_effect']} of 255"
    yield "task, size", f"{found.task}, {size}"
    for picture in card.get("style_images", ()):
        yield _style(picture, styles.get(picture["name"], {}))
    yield from _training(card, settings)
    if "machine" in about:
        yield "machine, time", f"{about['machine']}, {about['minutes']} minutes"
    for style in found.styles:
        layers = network_files.style_flags(card, style).get("style_layers", "")
        yield from _measures(measured / path.stem / style, style, layers)
    for text in about.get("measured", ()):
        yield "measured", text
    if "note" in card:
        yield "note", card["note"]
    if "command" in card:
        yield "command", f"`{card['command']}`"


def _loss_network_lines(path, about) -> Iterator[Line]:
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    settings, teacher = card["flags"], card["teacher"]
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    yield "what, size", f"{card['description']}, {size}"
    yield "teacher", f"{teacher['name']}, sha256 {teacher['sha256'][:16]}..."
    steps = f"{card['steps']} steps"
    if "started_from" in card:
        before = card["started_from"]["sha256"]
        steps += f" from `{settings['init_weights']}`, sha256 {before[:16]}..."
    yield (
        "training",
        f"{steps}; batches of {settings['batch_size']} at "
        f"{settings['image_size']} pixels; photographs stylized by "
        f"{settings['networks'].replace(',', ', ')}",
    )
    if "machine" in about:
        yield "machine, time", f"{about['machine']}, {about['minutes']} minutes"
    for text in about.get("measured", ()):
        yield "measured", text


def _style(picture: dict, painting: dict) -> Line:
    keys = ("artist", "title", "year", "rights", "pixels")
    about = [painting[key] for key in keys if key in painting]
    digest = f"picture sha256 {picture['sha256'][:16]}..."
    return f"style `{picture['name']}`", ", ".join([*about, digest])


def _training(card: dict, settings: dict) -> Iterator[Line]:
    if "steps" not in card:
        return
    steps = f"{card['steps']} steps"
    if "started_from" in card:
        before = card["started_from"]["network"]
        steps += f" from `{before}`, {card['total_steps']} together"
    sizes = settings.get("image_size", "").replace(",", ", then ")
    steps += f"; batches of {settings.get('batch_size')} at {sizes} pixels"
    if settings.get("train") == "style_parameters":
        steps += "; only the normalization rows of the new styles"
    yield "training", steps
    weights = {
        name: value
        for name, value in settings.items()
        if name.endswith(("_weight", "style_weights")) and value != "0.0"
    }
    if settings.get("task") == "style_transfer":
        weights.setdefault("style_weights", "5 / C^2 of each layer")
    if weights:
        text = ", ".join(f"{name} {weights[name]}" for name in sorted(weights))
        yield "weights", text
    if "loss_network" in card:
        loss = card["loss_network"]
        digest = (loss["sha256"] or "none")[:16]
        yield "loss network", f"{loss['name']}, sha256 {digest}..."


def _measures(
    folder: pathlib.Path, style: str, layers: str
) -> Iterator[Line]:
    """Yields what evaluate wrote about a style."""
    for row in _rows(folder / "objective.csv"):
        if row["term"] == "objective":
            value = f"{float(row['weighted_mean']):.4g}"
            what = "network" if row["image"] == "network" else "photographs"
            yield (
                f"`{style}`: objective",
                f"{value} ({what}; {row['photos']} photographs of validation, "
                f"{row['size']} pixels)",
            )
    for row in _rows(folder / "objective_lbfgs.csv"):
        bound = "" if row["crossed"] == row["photos"] else "at least "
        yield (
            f"`{style}`: equals",
            f"{bound}{float(row['iterations']):.3g} iterations of L-BFGS from "
            f"{row['start']} ({row['photos']} photographs, {row['size']} "
            f"pixels; style layers {layers.replace(',', ', ')})",
        )
    for row in _rows(folder / "artifacts.csv"):
        values = [
            f"{name} {float(row[name]):.3g} (bound {bound:g})"
            for name, bound in artifacts.BOUNDS.items()
        ]
        yield f"`{style}`: defects", ", ".join(values)
    for name, when in _FLICKER.items():
        for row in _rows(folder / f"{name}.csv"):
            if row["style"] != style:
                continue
            noise, pan = float(row["noise"]), float(row["pan"])
            yield (
                f"`{style}`: flicker",
                f"noise {noise:+.2f}, pan {pan:.2f} gray levels beyond the "
                f"input's, {when} ({row['photos']} photographs, {row['size']} "
                "pixels)",
            )


def _rows(path: pathlib.Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    command_line.run(main)

"""Measurements as Markdown tables of ratios."""

from collections.abc import Callable
import math
import pathlib

import contestants
import rounds

from fastnst import whole_files
from fastnst.evaluation import tables

_BEGIN = "<!-- results: written by run.py -->"
_END = "<!-- end of results -->"


def write(directory: pathlib.Path, text: str) -> None:
    """Writes results.md, and the same between the marks of a README.md.

    Args:
        directory: Where.
        text: What `markdown` returns.
    """
    whole_files.write_text(directory / "results.md", text)
    readme = directory / "README.md"
    if readme.exists():
        before, begin, rest = readme.read_text("utf-8").partition(_BEGIN)
        _, end, after = rest.partition(_END)
        if begin and end:
            whole_files.write_text(
                readme, f"{before}{begin}\n\n{text}\n{end}{after}"
            )


def markdown(results) -> str:
    """Writes all that was measured.

    Args:
        results: `Measurements`.

    Returns:
        Markdown.
    """
    sections: list[tuple[str, Callable]] = [
        ("The most this machine does, GFLOP/s", _floor),
        ("Inference, time / time of PyTorch eager", _ratios("inference")),
        ("Inference against the best peer", _inference_peers),
        ("Inference, milliseconds", _milliseconds("inference")),
        ("Inference, GFLOP/s of the plain definition", _speeds("inference")),
        ("Inference, peak memory, MB", _peaks("inference")),
        ("bfloat16 against float32 on a photo, of 255", _differences),
        ("Training step, time / time of PyTorch eager", _ratios("training")),
        ("Training step against torch.compile", _training_peers),
        ("Training step, milliseconds", _milliseconds("training")),
        ("Training step, GFLOP/s of the plain definition", _speeds("training")),
        ("Training step, peak memory, MB", _peaks("training")),
        ("The loop of `train` / its bare step", _fit),
        ("Input pipeline, images/s", _pipeline),
        ("A video, frames/s / those of its network alone", _video),
        ("Memory of one picture, peak of the process, MB", _peaks("memory")),
    ]
    text = "Medians, quartiles in brackets.\n"
    for setup, parts in results.setups().items():
        text += f"\n{', '.join(parts)}: {setup}\n"
    for title, section in sections:
        rows = section(results)
        if len(rows) > 1:
            text += f"\n### {title}\n\n{tables.markdown(rows[0], rows[1:])}"
    return text


def _num_pixels(case: str) -> int:
    return math.prod(int(side) for side in case.split("x"))


def _table(results, part, cell, names=None):
    """Makes rows of contestants and columns of cases."""
    cases = sorted(results.names(part, "case"), key=_num_pixels)
    rows = [["", *cases]]
    for name in names or results.names(part, "contestant"):
        cells = [cell(case, name) for case in cases]
        if any(cells):
            rows.append([name, *cells])
    return rows


def _ratio(own, other) -> str | None:
    if not own or not other:
        return None
    return str(rounds.ratios({"": own}, other)[""])


def _ratios(part):
    def rows(results):
        def cell(case, name):
            reference = results.of(part, case, contestants.REFERENCE)
            return _ratio(results.of(part, case, name), reference)

        return _table(results, part, cell)

    return rows


def _best(results, part, case, names) -> list[float]:
    """Returns the times of the contestant with the smallest median."""
    times = [results.of(part, case, name) for name in names]
    return min(
        filter(None, times),
        key=lambda each: rounds.Spread.of(each).median,
        default=[],
    )


def _peers(part, pairs):
    def rows(results):
        def cell(case, title):
            own, others = pairs[title]
            return _ratio(
                results.of(part, case, own),
                _best(results, part, case, others),
            )

        return _table(results, part, cell, list(pairs))

    return rows


_inference_peers = _peers(
    "inference",
    {
        f"{own} / better of torch.compile and ONNX Runtime": (
            own,
            (contestants.COMPILED, contestants.ONNX_RUNTIME),
        )
        for own in (contestants.SAVED_MODEL, contestants.KERAS)
    }
    | {
        f"{contestants.KERAS_BFLOAT16} / torch.compile, bfloat16": (
            contestants.KERAS_BFLOAT16,
            (contestants.COMPILED_BFLOAT16,),
        )
    },
)
_training_peers = _peers(
    "training",
    {
        f"{own} / {peer}": (own, (peer,))
        for own, peer in (
            (contestants.TRAINING, contestants.COMPILED),
            (contestants.TRAINING_BFLOAT16, contestants.COMPILED_BFLOAT16),
        )
    },
)


def _milliseconds(part):
    def rows(results):
        def cell(case, name):
            times = results.of(part, case, name)
            if not times:
                return None
            return str(rounds.Spread.of([1e3 * each for each in times]))

        return _table(results, part, cell)

    return rows


def _speeds(part):
    def rows(results):
        def cell(case, name):
            times = results.spread(part, case, name)
            flop = results.of(part, case, "", "plain work")
            if times is None or not flop:
                return None
            return f"{flop[0] / times.median:.0f}"

        return _table(results, part, cell)

    return rows


def _peaks(part):
    def rows(results):
        def cell(case, name):
            peak = results.of(part, case, name, "peak memory")
            return f"{peak[0]:.0f}" if peak else None

        return _table(results, part, cell)

    return rows


def _differences(results):
    quantities = [
        each.quantity
        for each in results.all
        if each.part == "inference" and each.unit == "of 255"
    ]
    own = contestants.KERAS_BFLOAT16

    def cell(case, quantity):
        value = results.of("inference", case, own, quantity)
        return f"{value[0]:.3g}" if value else None

    return _table(
        results, "inference", cell, list(dict.fromkeys(quantities)) or [""]
    )


def _floor(results):
    rows = [["", "median", "best"]]
    for name in results.names("floor", "contestant"):
        values = results.of("floor", "", name, "speed")
        spread = rounds.Spread.of(values)
        rows.append([name, str(spread), f"{max(values):.0f}"])
    return rows


def _fit(results):
    def cell(case, name):
        return _ratio(
            results.of("fit", case, name, "loop"),
            results.of("fit", case, name, "bare"),
        )

    return _table(results, "fit", cell)


def _pipeline(results):
    def cell(case, name):
        rate = results.spread("pipeline", case, name, "rate")
        return str(rate) if rate else None

    return _table(results, "pipeline", cell)


def _video(results):
    def cell(case, name):
        # Of frames per second, so the times are the other way round.
        return _ratio(
            results.of("video", case, name, "bare"),
            results.of("video", case, name, "video"),
        )

    return _table(results, "video", cell)

"""Tables of results as files: CSV for programs, Markdown for people."""

from collections.abc import Sequence
import csv
import io
import os
import pathlib

from fastnst import whole_files


def markdown(header: Sequence[str], rows: Sequence[Sequence]) -> str:
    """Writes a table in Markdown, columns aligned.

    Args:
        header: The names of the columns.
        rows: As many cells each; None is an empty cell, floats get four
            significant digits.

    Returns:
        The table, ending in a line break.
    """
    lines = [[str(name) for name in header]]
    lines += [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    return "".join(
        "| "
        + " | ".join(cell.ljust(w) for cell, w in zip(line, widths))
        + " |\n"
        for line in lines
    )


def write(
    directory: pathlib.Path,
    name: str,
    header: Sequence[str],
    rows: Sequence[Sequence],
    notes: Sequence[str] = (),
) -> str:
    """Writes NAME.csv and NAME.md.

    Args:
        directory: Where to; must exist.
        name: Of the files.
        header: The names of the columns.
        rows: As many cells each; None is an empty cell.
        notes: Paragraphs below the table of the Markdown file.

    Returns:
        The Markdown and the names of the files, to be printed.
    """
    text = markdown(header, rows)
    text += "".join(f"\n{note}\n" for note in notes)
    write_csv(directory / f"{name}.csv", header, rows)
    whole_files.write_text(directory / f"{name}.md", text)
    return f"{text}written: {directory / name}.csv, {directory / name}.md\n"


def write_csv(
    path: str | os.PathLike, header: Sequence[str], rows: Sequence[Sequence]
) -> None:
    """Writes a table as CSV, whole or not at all.

    Args:
        path: The file.
        header: The names of the columns.
        rows: As many cells each; None is an empty cell.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    whole_files.write_text(path, text.getvalue())


def _cell(value) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)

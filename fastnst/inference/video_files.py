"""Which files are videos, and where the result of each goes."""

from collections.abc import Sequence
import os
import pathlib

from fastnst.inference import picture_files

# Suffix of a file that can be written to FFmpeg's name of its format and the
# encoder.
FORMATS = {
    ".mp4": ("mp4", "libx264"),
    ".m4v": ("mp4", "libx264"),
    ".mov": ("mov", "libx264"),
    ".mkv": ("matroska", "libx264"),
    ".webm": ("webm", "libvpx-vp9"),
    ".gif": ("gif", "gif"),
}
# Those that are always videos; a GIF is a picture unless it becomes a video.
_INPUTS = frozenset(FORMATS) - {".gif"} | {
    ".3gp",
    ".avi",
    ".flv",
    ".m2ts",
    ".mpeg",
    ".mpg",
    ".mts",
    ".ogv",
    ".ts",
    ".wmv",
}


def wanted(inputs: Sequence[str], output: str) -> bool:
    """Tells whether videos are made: inputs or the output are named so."""
    return _suffix(output) in FORMATS or any(
        _suffix(name) in _INPUTS for name in inputs
    )


def plan(
    inputs: Sequence[str],
    output: str,
    *,
    overwrite: bool = False,
    also_read: Sequence[str] = (),
) -> list[picture_files.Job]:
    """Decides where the result of each video goes.

    Args:
        inputs: Videos; or one GIF, or one folder with a picture for each
            frame, if `output` is a video.
        output: A video, or a folder for the results, which have the names of
            the inputs.
        overwrite: Whether existing files may be replaced.
        also_read: Other files that no output may overwrite.

    Returns:
        The jobs, in the order of the inputs.

    Raises:
        ValueError: If inputs and output do not fit, or an output would
            overwrite an input or, without `overwrite`, another file.
    """
    if _suffix(output) in FORMATS and not pathlib.Path(output).is_dir():
        if len(inputs) != 1:
            raise ValueError(
                "`output` must be a folder for several inputs; end the name of "
                f"a new one with {os.sep}. Received: {output!r}."
            )
        jobs = [picture_files.Job(*map(pathlib.Path, (inputs[0], output)))]
    else:
        jobs = [_job(name, output) for name in inputs]
    picture_files.check_targets(jobs, overwrite=overwrite, also_read=also_read)
    return jobs


def _job(name: str, output: str) -> picture_files.Job:
    if _suffix(name) not in _INPUTS:
        raise ValueError(
            "Videos and other inputs need a command each. "
            f"Received: {name}."
        )
    folder = pathlib.Path(output)
    if not output.endswith(("/", os.sep)) and not folder.is_dir():
        raise ValueError(
            f"`output` must be a folder that ends in {os.sep}, or a video: "
            f"{', '.join(FORMATS)}. Received: {output!r}."
        )
    source = pathlib.Path(name)
    target = folder / source.name
    if target.suffix.lower() not in FORMATS:
        target = target.with_suffix(".mp4")
    return picture_files.Job(source, target)


def _suffix(name: str) -> str:
    return pathlib.Path(name).suffix.lower()

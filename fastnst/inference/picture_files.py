"""Picture files in, picture files out: what `stylize` and `upscale` share.

`plan` decides every output name, and refuses, before any work is done;
`transform_files` then goes through the plan and survives bad files.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import os
import pathlib
import time

from PIL import Image
import numpy as np
import tensorflow as tf

from fastnst.data import image_files

# For inputs of a format that is read but not written (GIF, say).
_FALLBACK_SUFFIX = ".png"

# How many file names an error line shows.
_NUM_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Job:
    """One picture to transform.

    Attributes:
        source: The file to read.
        target: The file to write.
    """

    source: pathlib.Path
    target: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a job; `str()` of it is the line to print.

    Attributes:
        job: The job.
        source_size: (height, width) read; None after an error.
        target_size: (height, width) written; None after an error.
        seconds: Time for reading, transforming and writing.
        error: Why it failed, in one line; empty if it did not.
    """

    job: Job
    source_size: tuple[int, int] | None = None
    target_size: tuple[int, int] | None = None
    seconds: float = 0.0
    error: str = ""

    def __str__(self) -> str:
        if self.source_size is None or self.target_size is None:
            return f"skipped {self.job.source}: {self.error}"
        size = "{1}x{0}".format(*self.target_size)
        if self.target_size != self.source_size:
            size = "{1}x{0} -> ".format(*self.source_size) + size
        return (
            f"{self.job.source} -> {self.job.target}  {size}  "
            f"{self.seconds:.2f} s"
        )


def plan(
    inputs: Sequence[str],
    output: str,
    *,
    overwrite: bool = False,
    also_read: Sequence[str] = (),
) -> list[Job]:
    """Decides where the result of each input goes.

    The output is a folder if it ends in "/", is one already, or there are
    several inputs or a folder among them. In it the results have the names of
    the inputs, below an input folder with their subfolders. Otherwise it is a
    file, and its suffix decides the format.

    Args:
        inputs: Files (which need not exist) and folders.
        output: A file or a folder.
        overwrite: Whether existing files may be replaced, and of several
            inputs with one output name the last wins.
        also_read: Other files that no output may overwrite.

    Returns:
        The jobs, in the order of the inputs, each once.

    Raises:
        OSError: If a folder cannot be read.
        ValueError: If an output would overwrite an input or, without
            `overwrite`, another file or output; or has no writable format.
    """
    if not inputs or not output:
        raise ValueError("At least one input and an output must be given.")
    if _is_folder(inputs, output):
        jobs = _folder_jobs(inputs, pathlib.Path(output))
    else:
        image_files.checked_format(output)
        jobs = [Job(pathlib.Path(inputs[0]), pathlib.Path(output))]
    check_targets(jobs, overwrite=overwrite, also_read=also_read)
    return jobs


def check_targets(
    jobs: Sequence[Job], *, overwrite: bool, also_read: Sequence[str]
) -> None:
    """Raises ValueError if a target may not be written, see `plan`."""
    _refuse_inputs_as_targets(
        jobs, [*(job.source for job in jobs), *map(pathlib.Path, also_read)]
    )
    if not overwrite:
        _refuse_overwriting(jobs)


def transform_files(
    transform: Callable[[np.ndarray], np.ndarray],
    jobs: Iterable[Job],
    *,
    quality: int = 95,
    overwrite: bool = False,
    copies: int = 1,
) -> Iterator[Outcome]:
    """Transforms files one by one; a bad one does not stop the others.

    Transparency is kept (on white in formats that have none) and resized if
    the pictures are.

    Args:
        transform: uint8 (height, width, 3) to the same, of any size.
        jobs: What to do.
        quality: Of JPEG and WebP, 1 to 100.
        overwrite: Whether existing files are replaced.
        copies: How many pictures of one width stand side by side in what
            `transform` returns: each gets the transparency.

    Yields:
        The outcome of each job, as soon as it is known.
    """
    for job in jobs:
        try:
            outcome = _transform_file(
                transform, job, quality, overwrite, copies
            )
        except (MemoryError, tf.errors.ResourceExhaustedError):
            outcome = Outcome(
                job, error="not enough memory for a picture of this size."
            )
        except (ValueError, OSError) as error:
            outcome = Outcome(job, error=_reason(error, job))
        yield outcome


def _transform_file(
    transform: Callable[[np.ndarray], np.ndarray],
    job: Job,
    quality: int,
    overwrite: bool,
    copies: int,
) -> Outcome:
    start = time.perf_counter()
    picture = image_files.read_image(job.source)
    transformed = transform(picture.rgb)
    height, width = transformed.shape[:2]
    alpha = picture.alpha
    if alpha is not None:
        resized = Image.fromarray(alpha).resize(
            (width // copies, height), Image.Resampling.BICUBIC
        )
        alpha = np.tile(np.asarray(resized), (1, copies))
    job.target.parent.mkdir(parents=True, exist_ok=True)
    image_files.write_image(
        job.target, transformed, alpha, quality=quality, overwrite=overwrite
    )
    return Outcome(
        job,
        picture.rgb.shape[:2],
        (height, width),
        time.perf_counter() - start,
    )


def _reason(error: Exception, job: Job) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    # The line names the file already.
    return text.removeprefix(f"{job.source}: ")


def _is_folder(inputs: Sequence[str], output: str) -> bool:
    path = pathlib.Path(output)
    if path.is_dir() or output.endswith(("/", os.sep)):
        return True
    if len(inputs) == 1 and not pathlib.Path(inputs[0]).is_dir():
        return False
    if path.is_file() or path.suffix.lower() in image_files.READ_SUFFIXES:
        raise ValueError(
            "`output` must be a folder for several inputs; end the name of a "
            f"new one with {os.sep}. Received: {output!r}."
        )
    return True


def _folder_jobs(inputs: Sequence[str], output: pathlib.Path) -> list[Job]:
    # A dict: a file named twice (itself and by its folder) is one job.
    jobs: dict[tuple[pathlib.Path, pathlib.Path], Job] = {}
    for name in inputs:
        root = pathlib.Path(name)
        sources, parent = [root], root.parent
        if root.is_dir():
            sources, parent = _sources_below(root, output), root
        for source in sources:
            target = output / source.relative_to(parent)
            if not _is_writable_format(target):
                target = target.with_suffix(_FALLBACK_SUFFIX)
            jobs.setdefault((source.resolve(), target), Job(source, target))
    return list(jobs.values())


def _sources_below(
    root: pathlib.Path, output: pathlib.Path
) -> list[pathlib.Path]:
    """Lists a folder without the results of an earlier run inside it."""
    sources = image_files.find_images([root])
    inside = output.resolve()
    if inside == root.resolve():
        return sources
    return [path for path in sources if inside not in path.resolve().parents]


def _is_writable_format(path: pathlib.Path) -> bool:
    try:
        image_files.checked_format(path)
    except ValueError:
        return False
    return True


def _refuse_inputs_as_targets(
    jobs: Sequence[Job], inputs: Sequence[pathlib.Path]
) -> None:
    sources = {_identity(path) for path in inputs}
    paths = {path.resolve() for path in inputs}
    refused = [
        job.target
        for job in jobs
        if job.target.resolve() in paths
        or (job.target.exists() and _identity(job.target) in sources)
    ]
    if refused:
        raise ValueError(
            f"An input would be overwritten by its output: {_some(refused)}. "
            "Choose another output."
        )


def _identity(path: pathlib.Path) -> tuple[int, int] | None:
    """Returns what hard links to one file have in common."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _refuse_overwriting(jobs: Sequence[Job]) -> None:
    existing = [job.target for job in jobs if job.target.exists()]
    if existing:
        raise ValueError(
            f"These files exist already: {_some(existing)}. Choose another "
            "output or set `overwrite`."
        )
    first: dict[pathlib.Path, pathlib.Path] = {}
    for job in jobs:
        other = first.setdefault(job.target, job.source)
        if other != job.source:
            raise ValueError(
                f"The inputs {other} and {job.source} would both become "
                f"{job.target}. Set `overwrite` to let the last win."
            )


def _some(paths: Sequence[pathlib.Path]) -> str:
    shown = ", ".join(map(str, paths[:_NUM_SHOWN]))
    more = len(paths) - _NUM_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown

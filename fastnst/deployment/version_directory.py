"""Directories that appear whole, under their name, or not at all."""

from collections.abc import Iterator
import contextlib
import os
import pathlib
import shutil


def check_free(directory: pathlib.Path, *, overwrite: bool) -> None:
    """Checks that a directory can be written, before the work begins.

    Args:
        directory: What `new` will be asked to make.
        overwrite: Whether it may exist.

    Raises:
        ValueError: If it exists, or something above it is a file.
    """
    for above in directory.parents:
        if above.exists() and not above.is_dir():
            raise ValueError(
                f"`output_dir` must be a folder. Received: the file {above}."
            )
    if directory.exists() and not directory.is_dir():
        raise ValueError(f"{directory} is in the way: it is a file.")
    if directory.exists() and not overwrite:
        raise ValueError(
            f"{directory} exists already. Give another --version, or "
            "--overwrite to replace it."
        )


@contextlib.contextmanager
def new(
    directory: pathlib.Path, *, overwrite: bool = False
) -> Iterator[pathlib.Path]:
    """Gives a temporary directory that is renamed when all went well.

    A model server that watches the folder never sees half a model: the
    temporary name is no integer, and renaming takes no time.

    Args:
        directory: The name it gets in the end.
        overwrite: Whether a directory of that name is replaced.

    Yields:
        The temporary directory, empty, in the same folder. After an exception
        it is removed, and so are the folders that were made for it.

    Raises:
        ValueError: See `check_free`.
    """
    check_free(directory, overwrite=overwrite)
    made = [above for above in directory.parents if not above.exists()]
    temporary = directory.with_name(f".{directory.name}.{os.getpid()}.partial")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        _replace(temporary, directory)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        for above in made:
            # Not if another export has put something there meanwhile.
            with contextlib.suppress(OSError):
                above.rmdir()
        raise


def _replace(temporary: pathlib.Path, directory: pathlib.Path) -> None:
    """Renames; what had the name before is removed after, not before."""
    old = temporary.with_suffix(".old")
    if directory.exists():
        os.rename(directory, old)
    os.rename(temporary, directory)
    shutil.rmtree(old, ignore_errors=True)

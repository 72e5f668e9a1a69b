"""Files that are written whole or not at all."""

from collections.abc import Iterator
import contextlib
import os
import pathlib


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike, suffix: str = ".tmp"
) -> Iterator[pathlib.Path]:
    """Writes a file under a temporary name, then renames it.

    A full disk, an error or a kill leaves the file that was there before.

    Args:
        path: The file.
        suffix: How the temporary name ends.

    Yields:
        A hidden path in the same folder, where the file is to be written. It
        is renamed to `path` when the block ends, removed after an exception.

    Raises:
        OSError: If the file cannot be written or renamed.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

"""Silence for what TensorFlow's and LiteRT's C++ prints."""

from collections.abc import Iterator
import contextlib
import os
import sys
import tempfile

from absl import logging


@contextlib.contextmanager
def silenced_stderr() -> Iterator[None]:
    """Keeps what is written to standard error inside from the screen.

    The C++ of the converter and of the interpreter prints dozens of lines of
    progress that no Python setting reaches. They are logged at debug level
    (`--verbosity=1` shows them). Whatever else the process writes to standard
    error meanwhile is kept back too.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            sink.seek(0)
            text = sink.read().decode("utf-8", "replace").strip()
            if text:
                logging.debug("%s", text)

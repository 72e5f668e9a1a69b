"""What every command does the same way: errors in one line, exit codes."""

from collections.abc import Callable
import os
import sys
import traceback
from typing import Any

from absl import app
from absl import logging


def run(main: Callable[[list[str]], int | None], inputs: bool = False) -> None:
    """Parses the flags, runs a command and turns bad input into one line.

    The exit code is that of `main`, 1 after an error and 130 after Ctrl-C.
    `--verbosity=1` shows where an error came from.

    Args:
        main: The command; gets the positional arguments and returns the exit
            code (None means 0).
        inputs: Whether the command takes positional arguments. Without them a
            leftover argument is refused: it is a mistyped flag.
    """
    logging.use_absl_handler()
    logging.get_absl_handler().setFormatter(None)
    logging.get_absl_handler().addFilter(_is_worth_reading)

    def checked(argv: list[str]) -> int | None:
        try:
            if argv[1:] and not inputs:
                raise ValueError(
                    "Every option must be written --name=value. "
                    f"Received: {' '.join(argv[1:])}."
                )
            return main(argv[1:])
        except (ValueError, OSError, MemoryError) as error:
            logging.debug("%s", traceback.format_exc())
            print(f"error: {_one_line(error)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            return 130

    try:
        try:
            app.run(checked)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads on, as in `--help | head`; nor what Python flushes last.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def required(flag: Any) -> Any:
    """Returns the value of a flag that must have one.

    Args:
        flag: What absl's DEFINE functions return.

    Raises:
        ValueError: If it has none, or an empty one.
    """
    if not flag.value:
        raise ValueError(f"--{flag.name}=... must be given. See --help.")
    return flag.value


def _is_worth_reading(record) -> bool:
    """Keeps our own log lines, and of the libraries' only the warnings."""
    return record.levelno > 20 or f"{os.sep}fastnst{os.sep}" in record.pathname


def _one_line(error: BaseException) -> str:
    """Returns the message of an error without line breaks, never empty."""
    return " ".join(str(error).split()) or type(error).__name__

"""What every command does the same way: errors in one line, exit codes."""

import sys
import traceback
from collections.abc import Callable

from absl import app
from absl import logging


def run(main: Callable[[list[str]], int | None], inputs: bool = False) -> None:
    """Parses the flags, runs a command and turns bad input into one line.

    Args:
        main: The command; gets the positional arguments and returns the exit
            code (None means 0).
        inputs: Whether the command takes positional arguments. Without them a
            leftover argument is refused: it is a mistyped flag.
    """
    logging.use_absl_handler()
    logging.get_absl_handler().setFormatter(None)

    def checked(argv: list[str]) -> int | None:
        if argv[1:] and not inputs:
            raise app.UsageError(
                f"Every option is --name=value. Received: {argv[1:]}."
            )
        try:
            return main(argv[1:])
        except (ValueError, OSError, MemoryError) as error:
            logging.debug("%s", traceback.format_exc())
            print(f"error: {_one_line(error)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            return 130

    app.run(checked)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__

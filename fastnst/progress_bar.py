"""A bar on the terminal for work that takes a while."""

import sys

_WIDTH = 40


def draw(share: float) -> None:
    """Draws how much is done, over what was drawn before; nothing in a file.

    Args:
        share: From 0 to 1; at 1 the bar disappears.
    """
    if not sys.stderr.isatty():
        return
    done = round(_WIDTH * share)
    bar = f"[{'#' * done}{'.' * (_WIDTH - done)}] {share:4.0%}"
    # Back to the first column; at the end, all that is there is erased.
    sys.stderr.write("\r\x1b[K" if share >= 1 else f"\r{bar}")
    sys.stderr.flush()

"""Ctrl-C and SIGTERM as a wish to stop, not as an error anywhere."""

import signal
import sys


class StopSignals:
    """Notes Ctrl-C and SIGTERM while it is open, so that work can end well.

    A second one ends it at once, by KeyboardInterrupt.

    Args:
        running: What is finished before the end, for the message.

    Attributes:
        received: The number of the signal, or None.

    Example:
        >>> with StopSignals("step") as stop:
        ...     for step in range(3):
        ...         if stop.received:
        ...             break
    """

    def __init__(self, running: str):
        self.received: int | None = None
        self._running = running
        self._before: dict = {}

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *error):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number, frame):
        del frame
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
        # Not to the standard output, which the signal may have interrupted.
        message = f"\nstopping after the running {self._running}"
        try:
            print(message, file=sys.stderr, flush=True)
        except (OSError, RuntimeError):
            pass  # Nobody reads it, or the signal came during a line of log.

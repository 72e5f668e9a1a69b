"""Signals that are sent to the process of the tests itself."""

import os
import signal
import sys

import pytest

from fastnst.training import stop_signals

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("number", _NUMBERS)
def test_the_first_is_noted_and_a_second_one_ends_at_once(number, capsys):
    before = [signal.getsignal(n) for n in _NUMBERS]
    with pytest.raises(KeyboardInterrupt):
        with stop_signals.StopSignals("iteration") as stop:
            assert stop.received is None
            os.kill(os.getpid(), number)
            assert stop.received == number
            os.kill(os.getpid(), number)
    assert [signal.getsignal(n) for n in _NUMBERS] == before
    (line,) = capsys.readouterr().err.split("\n")[1:-1]
    assert line == "stopping after the running iteration"


def test_nobody_has_to_read_the_message(monkeypatch):
    read, write = os.pipe()
    os.close(read)
    closed = os.fdopen(write, "w")
    monkeypatch.setattr(sys, "stderr", closed)
    with stop_signals.StopSignals("step") as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.received == signal.SIGTERM
    with pytest.raises(BrokenPipeError):
        closed.close()

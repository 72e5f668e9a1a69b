"""Errors of a command are one line; its exit codes are right."""

import os
import subprocess
import sys

import pytest

_SCRIPT = """
from absl import flags
from fastnst import command_line
_SIZE = flags.DEFINE_integer("size", 1, "A size.", lower_bound=1)
def main(argv):
    {body}
command_line.run(main{inputs})
"""


def _run(tmp_path, body, *arguments, inputs=False):
    script = tmp_path / "command.py"
    given = ", inputs=True" if inputs else ""
    script.write_text(_SCRIPT.format(body=body, inputs=given))
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "error",
    ["ValueError('a\\nb')", "OSError(28, 'No space')", "MemoryError()"],
)
def test_an_error_is_one_line_and_exit_code_1(tmp_path, error):
    done = _run(tmp_path, f"raise {error}")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert len(line) > len("error: ")


def test_a_bug_keeps_its_traceback(tmp_path):
    done = _run(tmp_path, "raise TypeError('bug')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_verbosity_shows_where_an_error_came_from(tmp_path):
    done = _run(tmp_path, "raise ValueError('bad')", "--verbosity=1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_exit_codes(tmp_path):
    assert _run(tmp_path, "return None").returncode == 0
    assert _run(tmp_path, "return 3").returncode == 3
    stopped = _run(tmp_path, "raise KeyboardInterrupt")
    assert (stopped.returncode, stopped.stderr) == (130, "stopped\n")


def test_positional_arguments_may_stand_before_flags(tmp_path):
    done = _run(
        tmp_path, "print(argv, _SIZE.value)", "a", "--size=2", "b", inputs=True
    )
    assert done.stdout == "['a', 'b'] 2\n"


def test_a_leftover_argument_is_refused(tmp_path):
    done = _run(tmp_path, "print('ran')", "size=2")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "--name=value" in line
    assert "size=2" in line


def test_a_bad_flag_value_is_refused_by_name(tmp_path):
    done = _run(tmp_path, "print('ran')", "--size=0")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "--size" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_may_leave_before_the_end_of_the_help(unbuffered):
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "fastnst.train", "--help"],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=write_end,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(write_end)
    assert done.stderr == b""

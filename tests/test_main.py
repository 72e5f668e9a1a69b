"""`python -m fastnst`, and start-up without TensorFlow."""

import pathlib
import re
import subprocess
import sys

import pytest

import fastnst
from fastnst import __main__ as program

_COMMANDS = program.commands()

# Runs a program as `python -m` does and reports what it imported.
_IMPORTED = """
import atexit, runpy, sys
def report():
    heavy = {"tensorflow", "keras", "numpy", "PIL"} & set(sys.modules)
    print("heavy imports:", sorted(heavy))
atexit.register(report)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def _python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_list_has_every_command_with_its_docstring():
    assert "stylize" in _COMMANDS
    assert not {"losses", "command_line", "__main__"} & set(_COMMANDS)
    folder = pathlib.Path(fastnst.__file__).parent
    done = _python("-m", "fastnst")
    assert (done.returncode, done.stderr) == (0, "")
    for verb, line in _COMMANDS.items():
        source = (folder / f"{verb}.py").read_text().removeprefix("r")
        assert source.startswith(f'"""{line}')
        assert f"  {verb}" in done.stdout
        assert line in done.stdout


def test_an_unknown_command_is_one_line():
    done = _python("-m", "fastnst", "stylise", "--help")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "stylise" in line
    assert "stylize" in line


def test_a_command_is_forwarded_with_its_arguments():
    forwarded = _python("-m", "fastnst", "stylize", "--network=wave", "x.jpg")
    direct = _python("-m", "fastnst.stylize", "--network=wave", "x.jpg")
    assert forwarded.stderr == direct.stderr
    assert "--output" in direct.stderr
    assert forwarded.returncode == direct.returncode == 1


def test_import_fastnst_is_light():
    done = _python(
        "-c", "import sys, fastnst; print('tensorflow' in sys.modules)"
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    "arguments",
    [["fastnst"]]
    + [[f"fastnst.{verb}", "--help"] for verb in _COMMANDS]
    + [["fastnst", verb, "--help"] for verb in _COMMANDS],
    ids=" ".join,
)
def test_help_does_not_import_tensorflow(arguments):
    done = _python("-c", _IMPORTED, *arguments)
    last = done.stdout.splitlines()[-1]
    assert last.startswith("heavy imports:")
    assert "tensorflow" not in last
    assert "keras" not in last
    assert "Traceback" not in done.stderr
    if "--help" in arguments:
        # The command's own flags, not only absl's.
        assert re.search("  --(network|workdir|output)", done.stdout)


def test_tensorflow_starts_silently_and_other_output_is_kept():
    done = _python(
        "-c",
        "import fastnst\n"
        "fastnst.import_tensorflow()\n"
        "import sys\n"
        "assert 'tensorflow' in sys.modules\n"
        "print('kept', file=sys.stderr)\n",
    )
    assert (done.returncode, done.stderr) == (0, "kept\n")


def test_what_is_no_startup_line_is_shown(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os\n"
        "os.write(2, b'I0000 00:00:1.5    77 port.cc:153] oneDNN\\n')\n"
        "os.write(2, b'a real problem\\n')\n"
        "raise ImportError('no such library')\n"
    )
    done = _python(
        "-c",
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import fastnst\n"
        "fastnst.import_tensorflow()\n",
    )
    assert done.returncode == 1
    assert "oneDNN" not in done.stderr
    assert "a real problem" in done.stderr
    assert "no such library" in done.stderr

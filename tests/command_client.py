"""Has commands run by `command_server.py`, and brings what they printed."""

import json
import os
import pathlib
import signal
import subprocess
import sys

_SERVER = pathlib.Path(__file__).parent / "command_server.py"


class CommandServer:
    """Runs commands one after the other; it starts `command_server.py`."""

    def __init__(self, folder):
        self._paths = [folder / "stdout", folder / "stderr"]
        self._process = None

    def run(self, verb, *arguments, cwd="."):
        """Returns what `subprocess.run` does of `python -m fastnst.VERB`."""
        stdout, stderr = self._paths
        command = {
            "module": f"fastnst.{verb}",
            "arguments": [str(argument) for argument in arguments],
            "cwd": str(pathlib.Path(cwd).resolve()),
            "stdout": str(stdout),
            "stderr": str(stderr),
        }
        for path in self._paths:
            path.write_bytes(b"")
        try:
            code = int(self._ask(json.dumps(command)))
        except BaseException:  # A test that has taken too long, or Ctrl-C.
            self.stop()
            raise
        return subprocess.CompletedProcess(
            command, code, stdout.read_text(), stderr.read_text()
        )

    def _ask(self, line):
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, _SERVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                text=True,
            )
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def stop(self):
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

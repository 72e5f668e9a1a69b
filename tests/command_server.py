"""Runs commands in forks of a process that has imported TensorFlow.

A process needs seconds to import it, and most of what is tested of a command
does not: a fork starts at once and is all else that a new process is.

Each line of standard input is a JSON object {"module", "arguments", "cwd",
"stdout", "stderr"}, the last two the files to print to; each line of standard
output is the exit code, negative after a signal.
"""

import json
import os
import runpy
import sys

import fastnst


def _become(command: dict) -> None:
    """Makes this process what `python -m MODULE ARGUMENTS...` starts as."""
    os.chdir(command["cwd"])
    for number, path, mode in (
        (0, os.devnull, os.O_RDONLY),
        (1, command["stdout"], os.O_WRONLY),
        (2, command["stderr"], os.O_WRONLY),
    ):
        os.dup2(os.open(path, mode), number)
    # Before any module, as `python -m` has it.
    sys.path[0] = command["cwd"]
    sys.argv = [command["module"], *command["arguments"]]
    runpy.run_module(command["module"], run_name="__main__", alter_sys=True)


def main() -> None:
    fastnst.import_tensorflow()
    import keras  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if not child:
            return _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()

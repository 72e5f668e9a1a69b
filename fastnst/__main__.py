"""Lists the commands (`python -m fastnst`) and runs one by its name."""

import ast
import pathlib
import runpy
import sys

import fastnst

_PACKAGE = pathlib.Path(fastnst.__file__).parent


def commands() -> dict[str, str]:
    """Finds the commands without importing them.

    Returns:
        The first docstring line of every `fastnst/<verb>.py` that can be run,
        by verb, in alphabetical order.
    """
    found = {}
    for path in sorted(_PACKAGE.glob("[a-z]*.py")):
        source = path.read_text(encoding="utf-8")
        if '\nif __name__ == "__main__":' in source:
            docstring = ast.get_docstring(ast.parse(source)) or path.stem
            found[path.stem] = docstring.splitlines()[0]
    return found


def main(argv: list[str]) -> int:
    """Runs the command named first; without one, lists them.

    Args:
        argv: What follows `python -m fastnst`.

    Returns:
        The exit code. A command that runs exits by itself.
    """
    found = commands()
    if not argv or argv[0] in ("-h", "--help", "help"):
        width = max(map(len, found), default=0)
        print("usage: python -m fastnst COMMAND [--help] ...\n")
        for verb, line in found.items():
            print(f"  {verb:{width}}  {line}")
        return 0
    if argv[0] not in found:
        print(
            f"error: The command must be one of {', '.join(found)}. "
            f"Received: {argv[0]!r}.",
            file=sys.stderr,
        )
        return 1
    # absl looks up the flags of the program by its file name.
    sys.argv = [str(_PACKAGE / f"{argv[0]}.py"), *argv[1:]]
    runpy.run_module(f"fastnst.{argv[0]}", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

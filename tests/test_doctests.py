"""Runs the examples in the docstrings.

Commands are left out: they have no examples, and flags of one name, defined by
several of them, cannot be imported into one process.
"""

import doctest
import importlib
import pathlib

import pytest

import fastnst
from fastnst import __main__ as program

_FOLDER = pathlib.Path(fastnst.__file__).parent


def _modules():
    for path in sorted(_FOLDER.rglob("*.py")):
        name = path.relative_to(_FOLDER).with_suffix("")
        if name.name != "__main__" and name.name not in program.commands():
            yield ".".join(["fastnst", *name.parts]).removesuffix(".__init__")


@pytest.mark.parametrize("name", list(_modules()))
def test_examples(name):
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    for example in finder.find(module, name):
        wave = "load_network(" in example.docstring and example.examples
        if wave and not (_FOLDER / "pretrained" / "wave.keras").exists():
            pytest.skip(
                f"THE EXAMPLE OF {example.name} WAS NOT RUN: the network "
                "`wave` does not ship yet (fastnst/pretrained/wave.keras)"
            )
        assert doctest.DocTestRunner().run(example).failed == 0

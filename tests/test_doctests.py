"""Runs the examples in the docstrings."""

import doctest
import importlib
import pathlib

import pytest

import fastnst

_FOLDER = pathlib.Path(fastnst.__file__).parent


def _modules():
    for path in sorted(_FOLDER.rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            name = path.relative_to(_FOLDER).with_suffix("")
            yield ".".join(["fastnst", *name.parts]).removesuffix(".__init__")


@pytest.mark.parametrize("name", list(_modules()))
def test_examples(name):
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    for example in finder.find(module, name):
        assert doctest.DocTestRunner().run(example).failed == 0

"""The rooms of the package and who may import whom, read with `ast`."""

import ast
import pathlib
import subprocess
import sys

import pytest

import fastnst

PACKAGE = pathlib.Path(fastnst.__file__).parent
# Lowest first; a module imports from its own room and from lower levels.
LEVELS = (
    ("losses", "data", "networks"),
    ("training", "inference"),
    ("deployment", "evaluation"),
    ("commands",),
)
# Not in any room: importing these does not break the order.
OUTSIDE = (
    "fastnst",
    "fastnst.command_line",
    "fastnst.pretrained",
    "fastnst.whole_files",
)
COMMANDS = [
    f"fastnst.{path.stem}"
    for path in sorted(PACKAGE.glob("[a-z]*.py"))
    if path.stem != "losses"
]


def _modules() -> list[pathlib.Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _room(module: str) -> str:
    """fastnst.networks.layers -> networks; fastnst.train -> commands."""
    parts = module.split(".")
    if len(parts) > 1 and any(parts[1] in level for level in LEVELS):
        return parts[1]
    return "commands"


def _level(room: str) -> int:
    return next(i for i, level in enumerate(LEVELS) if room in level)


def _name(path: pathlib.Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module_of(name: str) -> str:
    """Cuts `name` to the module in it: the rest is a class or function."""
    while name and not (
        (PACKAGE.parent / (name.replace(".", "/") + ".py")).exists()
        or (PACKAGE.parent / name.replace(".", "/")).is_dir()
    ):
        name = name.rpartition(".")[0]
    return name


def _imports(tree: ast.AST) -> set[str]:
    """All modules imported anywhere in a file, inside functions too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _breaches(name: str, imports: set[str]) -> list[str]:
    """Imports of fastnst modules that are not below or in the same room."""
    if name in OUTSIDE or name == "fastnst.__main__":
        return []
    room = _room(name)
    found = []
    for imported in sorted(imports):
        if imported.partition(".")[0] != "fastnst":
            continue
        imported = _module_of(imported)
        if imported in OUTSIDE:
            if imported == "fastnst.command_line" and room != "commands":
                found.append(f"{name} imports {imported}")
            continue
        other = _room(imported)
        if room != other and _level(other) >= _level(room):
            found.append(f"{name} ({room}) imports {imported} ({other})")
    return found


def test_imports_go_down_only():
    found = []
    for path in _modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += _breaches(_name(path), _imports(tree))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "name, imported, allowed",
    [
        ("fastnst.training.trainer", "fastnst.losses", True),
        ("fastnst.losses", "fastnst.training", False),
        ("fastnst.data.image_files", "fastnst.networks", False),
        ("fastnst.inference.transform", "fastnst.deployment", False),
        ("fastnst.evaluation.objective", "fastnst.inference", True),
        ("fastnst.train", "fastnst.evaluation", True),
        ("fastnst.networks.layers", "fastnst.networks.padding", True),
        ("fastnst.training.trainer", "fastnst.inference", False),
        ("fastnst.networks.layers", "fastnst.command_line", False),
        ("fastnst.data.image_files", "numpy.random", True),
    ],
)
def test_breaches_are_seen(name, imported, allowed):
    assert (not _breaches(name, {imported})) == allowed


def test_every_module_is_in_a_room():
    for path in _modules():
        folders = path.relative_to(PACKAGE).parts[:-1]
        rooms = [room for level in LEVELS for room in level] + ["pretrained"]
        assert not folders or folders[0] in rooms, path


def test_flags_live_in_the_commands_only():
    for path in _modules():
        imports = _imports(ast.parse(path.read_text(encoding="utf-8")))
        uses = any(name.startswith("absl.flags") for name in imports)
        name = _name(path)
        if _room(name) != "commands" or name in OUTSIDE:
            assert not uses, f"{path} imports absl.flags"


@pytest.mark.parametrize("module", COMMANDS)
def test_commands_import_tensorflow_in_main_only(module):
    """--help of every command is quick: nothing heavy at module level."""
    result = _run(
        f"import sys, {module}\n"
        "print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    assert result.stdout.strip() == "[]", result.stdout + result.stderr


def test_importing_fastnst_does_not_import_tensorflow():
    result = _run(
        "import sys, fastnst\n"
        "print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    assert result.stdout.strip() == "[]", result.stdout + result.stderr


def _run(script: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

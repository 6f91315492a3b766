"""The house: which room may know which, what tests may import, and how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.helpers.places import MODULES, ROOT

FLOORS = (
    ("settings",),
    ("accounting",),
    ("learning", "world"),
    ("transport",),
    ("scheduling", "algorithms"),
    ("scenario",),
    ("experiments", "pretraining", "calibration"),
    ("cli",),
)
"""The rooms of the simulator, from the ground up: a room imports from its own floor and from those below."""


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def arrows(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Which modules each module imports, of these: also under TYPE_CHECKING, and inside functions."""
    found: dict[str, set[str]] = {}
    for name, source in sources.items():
        found[name] = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names} & sources.keys()
            elif isinstance(node, ast.ImportFrom):
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                found[name] |= inner & sources.keys() or {node.module or ""} & sources.keys()
        found[name].discard(name)
    return found


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Modules that import each other in a loop: those that remain when whoever imports nobody left is taken away."""
    left = {name: set(imported) for name, imported in graph.items()}
    while free := {name for name, imported in left.items() if not imported}:
        left = {name: imported - free for name, imported in left.items() if name not in free}
    behind = {name for name in left if any(name in imported for imported in left.values())}
    while behind != left.keys():  # and whoever nobody left imports
        left = {name: left[name] & behind for name in behind}
        behind = {name for name in left if any(name in imported for imported in left.values())}
    return [set(left)] if left else []


def upwards(graph: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Imports from a floor of one above it."""
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

    def at(name: str) -> int:
        package, _, rest = name.partition(".")
        return floor[rest.partition(".")[0]] if package == "simulator" and rest else len(FLOORS)

    inside = [(one, other) for one, imported in graph.items() for other in imported if one != "simulator.__main__"]
    return [pair for pair in inside if all(name.startswith("simulator") for name in pair) and at(pair[0]) < at(pair[1])]


@cache
def graph() -> dict[str, set[str]]:
    """The arrows between all modules."""
    return arrows({name_of(path): path.read_text("utf-8") for path in MODULES})


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(graph()) == []


def test_no_room_imports_from_a_floor_above() -> None:
    assert upwards(graph()) == []


def test_analysis_knows_the_ground_floor_alone_and_only_who_runs_things_knows_it() -> None:
    for one, imported in graph().items():
        for other in imported:
            if one.startswith("analysis") and other.startswith("simulator"):
                assert other.startswith("simulator.settings"), (one, other)
            if one.startswith("simulator") and other.startswith("analysis"):
                assert one.startswith(("simulator.experiments", "simulator.cli")), (one, other)


def test_no_module_lies_loose_and_every_package_says_what_it_is_for() -> None:
    root = ROOT / "simulator"
    assert sorted(path.name for path in root.glob("*.py")) == ["__init__.py", "__main__.py"]
    for folder in {path.parent for path in root.rglob("*.py")}:
        said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
        assert len(said or "") > 50, folder


def test_circles_and_arrows_upwards_are_found_where_there_are_any() -> None:
    """One import is under TYPE_CHECKING, one inside a function, one of a name in a package."""
    sources = {
        "simulator.world.a": "if TYPE_CHECKING:\n    from simulator.world.b import B",
        "simulator.world.b": "def f():\n    from simulator.world import c",
        "simulator.world.c": "import simulator.world.a",
        "simulator.cli.d": "from simulator.world.a import A",
        "simulator.world.e": "from simulator.cli.d import D",
    }
    assert circles(arrows(sources)) == [{"simulator.world.a", "simulator.world.b", "simulator.world.c"}]
    assert upwards(arrows(sources)) == [("simulator.world.e", "simulator.cli.d")]
    assert circles(arrows({**sources, "simulator.world.c": ""})) == []


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in a file, also within functions; `from a import b` may be `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides what it imports"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(path: str, where: str) -> bool:
    return path == where or path.startswith(where.rstrip("/") + "/")


FORBIDDEN = [
    ("simulator/world", "torch"),
    ("simulator/world", "simulator.learning"),
    ("simulator/world", "simulator.algorithms"),
    ("simulator/learning", "simpy"),
    ("simulator/learning", "simulator.world"),
    ("simulator/settings", "torch"),
    ("simulator/settings", "simpy"),
    ("simulator/accounting/ledger.py", "torch"),
    ("simulator/accounting/ledger.py", "simpy"),
    ("simulator/accounting", "torch"),
    ("simulator/accounting", "simpy"),
    ("analysis", "torch"),
]


def trespasses(tree: ast.AST, name: str) -> list[str]:
    """Which imports of a file are, or lie within, a module."""
    return [found for found in imported(tree) if found == name or found.startswith(f"{name}.")]


@pytest.mark.parametrize(("where", "what"), FORBIDDEN)
def test_nobody_imports_what_they_must_not(where: str, what: str) -> None:
    files = [path for path in MODULES if within(path.relative_to(ROOT).as_posix(), where)]
    assert files
    found = {path.name: trespasses(typeless(ast.parse(path.read_text("utf-8"))), what) for path in files}
    assert {name: names for name, names in found.items() if names} == {}


def typeless(tree: ast.Module) -> ast.Module:
    """Without what stands under `if TYPE_CHECKING:`: that is never imported."""

    class Strip(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
            if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                return node.orelse
            return self.generic_visit(node)

    return Strip().visit(tree)


@pytest.mark.parametrize(
    "line",
    [
        "import torch",
        "import torch.nn as nn",
        "from torch import nn",
        "from torch.nn import functional",
        "def f():\n    import torch",
        "import os, torch",
    ],
)
def test_the_import_rule_sees_every_way_to_import(line: str) -> None:
    assert trespasses(typeless(ast.parse(line)), "torch")


@pytest.mark.parametrize(
    "line", ["import torchvision", "from x import torch", "if TYPE_CHECKING:\n    import torch", "torch = 1"]
)
def test_the_import_rule_sees_no_more_than_there_is(line: str) -> None:
    assert not trespasses(typeless(ast.parse(line)), "torch")


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("simulator.world.world", "torch numpy pandas simulator.learning"),
        ("simulator.accounting.usage", "torch simpy"),
        ("simulator.scheduling.selection.uniform", "torch"),
        ("simulator.settings.seeds", "torch simpy"),
    ],
)
def test_what_a_module_must_not_load_is_really_not_loaded(module: str, absent: str) -> None:
    code = f"import sys, {module}; print(*(set({absent.split()}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def private_imports(tree: ast.AST) -> list[str]:
    """Imports of what belongs to one file or one folder of tests: what several share lies in tests/helpers."""

    def belongs_to_one(name: str) -> bool:
        return name.startswith("tests.") and any(
            part == "conftest" or part.startswith("test_") for part in name.split(".")
        )

    return [name for name in imported(tree) if belongs_to_one(name)]


def test_no_test_imports_from_a_conftest_or_from_another_test() -> None:
    files = sorted((ROOT / "tests").rglob("*.py"))
    assert len(files) > 100
    found = {path.relative_to(ROOT).as_posix(): private_imports(ast.parse(path.read_text("utf-8"))) for path in files}
    assert {name: names for name, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "line",
    ["from tests.conftest import x", "from tests.world import test_end", "def f():\n    import tests.world.conftest"],
)
def test_an_import_from_a_test_is_found(line: str) -> None:
    assert private_imports(ast.parse(line))


def test_an_import_from_a_helper_is_fine() -> None:
    assert private_imports(ast.parse("from tests.helpers.models import vit")) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_holds_two_ideas(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 330

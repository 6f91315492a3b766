"""The house: which room may know which, how long a file may be, and that no verb is called without being waited for."""

from __future__ import annotations

import ast
import builtins
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.helpers.places import ROOT

MODULES = sorted([*(ROOT / "simulator").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")])
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


GRAPH = arrows({name_of(path): path.read_text("utf-8") for path in MODULES})


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(GRAPH) == []


def test_no_room_imports_from_a_floor_above() -> None:
    assert upwards(GRAPH) == []


def test_analysis_knows_the_ground_floor_alone_and_only_who_runs_things_knows_it() -> None:
    for one, imported in GRAPH.items():
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


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_holds_two_ideas(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 330


# Every verb is waited for. A generator that is made and dropped does nothing and says nothing.

VERBS = {"compute", "send", "upload", "download", "broadcast", "install", "put", "together"}
BELOW = {"network", "_store"}
"""What verbs themselves are made of has names like theirs, and returns events."""
RUNNERS = {"start", "advance", "run"}


def called(node: ast.Call) -> str:
    """The last name of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def makes_steps(node: ast.AST) -> bool:
    """A call of a verb. `get` is one of a buffer if it is given nothing; a dictionary's wants a key."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    if getattr(node.func.value, "attr", "") in BELOW:
        return False
    return node.func.attr in VERBS or (node.func.attr == "get" and not node.args and not node.keywords)


def is_generator(function: ast.AST) -> bool:
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own(function))


def own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions in it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            yield node
            yield from own(node)


def unwaited(source: str, steps: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """The calls of verbs, and of the generator functions named in ``steps``, that nobody waits for.

    Good is: `yield from call`; an argument of together, start or of a generator function that is itself good; what a
    function that is no generator returns; and a name given to it that the same function uses in one of these ways.
    """
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}

    def makes(node: ast.AST) -> bool:
        if not isinstance(node, ast.Call) or makes_steps(node):
            return isinstance(node, ast.Call)
        builtin = isinstance(node.func, ast.Name) and node.func.id in vars(builtins)
        below = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "attr", "") in BELOW
        return called(node) in steps and not builtin and not below

    def function_of(node: ast.AST) -> ast.AST:
        while not isinstance(node, ast.FunctionDef | ast.Module):
            node = parents[node]
        return node

    def good(node: ast.AST) -> bool:
        parent = parents[node]
        if isinstance(parent, ast.YieldFrom):
            return True
        if isinstance(parent, ast.withitem):  # `with world.round(...)` is no generator function of an algorithm
            return True
        if isinstance(parent, ast.Call) and node is not parent.func:
            if called(parent) in RUNNERS or (called(parent) in {"map", "list", "tuple"} and good(parent)):
                return True
            return (called(parent) == "together" or called(parent) in steps) and good(parent)
        if isinstance(parent, ast.Return):
            return not is_generator(function_of(node))
        if isinstance(parent, ast.Lambda):
            return True
        if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Attribute):
            return True  # kept by an object that runs it
        if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            name, inside = parent.targets[0].id, function_of(node)
            return any(
                isinstance(use, ast.Name) and use.id == name and isinstance(use.ctx, ast.Load) and good(use)
                for use in own(inside)
            )
        if isinstance(parent, ast.Starred | ast.List | ast.Tuple | ast.ListComp | ast.GeneratorExp | ast.IfExp):
            return good(parent)
        return False

    bad = [node for node in ast.walk(tree) if makes(node) and not good(node)]
    return [f"line {node.lineno}: {ast.unparse(node)}" for node in bad]  # type: ignore[attr-defined]


def makes(node: ast.AST) -> bool:
    """Whether a function is one whose calls make steps on the clock, by what it says it returns."""
    returned = ast.unparse(node.returns) if isinstance(node, ast.FunctionDef) and node.returns else ""
    return returned == "Steps" or returned.startswith("Generator[simpy.Event")


CHECKED = [path for path in MODULES if any(map(makes, ast.walk(ast.parse(path.read_text("utf-8")))))]
"""All files that have such generators."""


def generator_functions(source: str) -> set[str]:
    """The functions of a file whose calls make steps, but those that only pass on what another made."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return {node.name for node in functions if makes(node) and is_generator(node)} - {"get"}  # `makes_steps` knows it


@pytest.mark.parametrize("path", CHECKED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_verb_is_waited_for(path: Path) -> None:
    steps = {name for other in CHECKED for name in generator_functions(other.read_text("utf-8"))}
    assert unwaited(path.read_text("utf-8"), steps) == []


def test_the_checker_knows_the_generator_functions_of_the_algorithms() -> None:
    steps = {name for path in CHECKED for name in generator_functions(path.read_text("utf-8"))}
    assert {"client", "aggregate", "split_step", "labelled_step", "_round", "send", "together"} <= steps


BAD = [
    "client.compute(work, x)",
    "x = client.upload(y, 'k')",
    "yield client.upload(y, 'k')",
    "x = yield client.server.compute(work)",
    "self.site.send(to, y, 'k')",
    "client.install(part)",
    "buffer.put(x)",
    "x = buffer.get()",
    "world.together(client.compute(work))",
    "split_step(client, batch)",
    "step = split_step(client, batch)",
    "step = split_step(client, batch); print(step)",
    "yield from client.compute(work, client.upload(x, 'k'))",
    "yield from client.compute(work, split_step(client))",
    "jobs = [client.compute(work) for client in cohort]",
    "return client.compute(work); yield",
    "if client.compute(work): yield from ()",
    "[client.compute(work) for client in cohort]",
]
GOOD = [
    "yield from client.compute(work, x)",
    "x = yield from client.upload(y, 'k')",
    "local = task.weights((yield from client.download(state, 'model')))",
    "return Update((yield from client.upload(x, 'k')), 1)",
    "yield from world.together(client.compute(work), client.upload(x, 'k'))",
    "yield from world.together(*(client.compute(work) for client in cohort))",
    "jobs = [client.compute(work) for client in cohort]; yield from world.together(*jobs)",
    "jobs = [world.start(client.compute(work), client) for client in cohort]",
    "handle = world.start(client.upload(x, 'k'))",
    "step = split_step(client) if private else labelled_step(client)\nyield from step",
    "step = split_step(client)\nyield from in_turn(world, served, step)",
    "yield from in_turn(world, served, split_step(client))",
    "return client.compute(work)",
    "x = settings.get('key')",
    "x = yield from buffer.get()",
    "with world.round(1, cohort): yield from client.compute(work)",
]
STEPS = {"split_step", "labelled_step", "in_turn", "round"}


def in_a_function(lines: str) -> str:
    return "def steps():\n" + "\n".join(f"    {line}" for line in lines.split("\n"))


@pytest.mark.parametrize("lines", BAD)
def test_the_checker_finds_a_verb_that_nobody_waits_for(lines: str) -> None:
    assert unwaited(in_a_function(lines), STEPS)


@pytest.mark.parametrize("lines", GOOD)
def test_the_checker_lets_a_verb_pass_that_is_waited_for(lines: str) -> None:
    assert unwaited(in_a_function(lines), STEPS) == []

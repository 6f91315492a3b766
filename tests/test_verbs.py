"""Every verb is waited for: a generator that is made and dropped does nothing and says nothing."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.helpers.places import MODULES, ROOT

VERBS = {"compute", "send", "upload", "download", "broadcast", "install", "put", "together"}
BELOW = {"network", "_store"}
"""What verbs themselves are made of has names like theirs, and returns events."""
RUNNERS = {"start", "advance", "run", "__init__"}  # of which the last is that of a process


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


@cache
def all_steps() -> set[str]:
    """The names of all functions whose calls make steps."""
    return {name for path in CHECKED for name in generator_functions(path.read_text("utf-8"))}


@pytest.mark.parametrize("path", CHECKED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_verb_is_waited_for(path: Path) -> None:
    assert unwaited(path.read_text("utf-8"), all_steps()) == []


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

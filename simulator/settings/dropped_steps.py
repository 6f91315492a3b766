"""Steps that a user's file makes and drops: a generator function that is called as a statement does nothing.

Only what is certain is found: calls, as whole statements, of what is a generator function for sure. Verbs of clients
and sites are watched while they run (``world.unawaited``), because a name such as ``compute`` may be of anything.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

STEPS = ("client", "aggregate", "combine", "moved", "round")
"""The methods of an algorithm that run on the simulated clock."""
CONTRACT = "simulator.algorithms.base"


def dropped_steps(text: bytes, module: ModuleType) -> Iterator[tuple[int, str]]:
    """Yield the line, and what is wrong in words, of each call that makes steps and drops them.

    Args:
        text: the source of the module.
        module: the module, executed.
    """
    tree = ast.parse(text)
    for kind in [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]:
        owner = getattr(module, kind.name, None)
        if isinstance(owner, type):
            yield from _without_steps(kind, owner)
    yield from _dropped(tree, module, None, {})


def _dropped(
    node: ast.AST, module: ModuleType, owner: type | None, local: dict[str, bool]
) -> Iterator[tuple[int, str]]:
    """Yield the calls within a node, in the order of the source.

    Args:
        node: a part of the source.
        module: the module.
        owner: the class that the node is in.
        local: for each function that is defined around the node within another, whether it is a generator function.
    """
    for child in ast.iter_child_nodes(node):
        call = child.value if isinstance(child, ast.Expr) and isinstance(child.value, ast.Call) else None
        if call is not None and _makes_steps(call.func, module, owner, local):
            yield call.lineno, f"`{ast.unparse(call)}` was called without `yield from`, so it does nothing"
        inner = getattr(module, child.name, None) if isinstance(child, ast.ClassDef) else owner
        inside = local
        if isinstance(child, ast.FunctionDef):
            inside = local | {
                one.name: _yields(one)
                for one in ast.walk(child)
                if isinstance(one, ast.FunctionDef) and one is not child
            }
        yield from _dropped(child, module, inner, inside)


def _makes_steps(function: ast.expr, module: ModuleType, owner: type | None, local: dict[str, bool]) -> bool:
    """Return whether what is called is a generator function for sure."""
    called: Any = None
    if isinstance(function, ast.Name):
        if function.id in local:
            return local[function.id]
        called = getattr(module, function.id, None)
    elif isinstance(function, ast.Attribute) and owner is not None:
        of = function.value
        if isinstance(of, ast.Name) and of.id == "self":
            called = getattr(owner, function.attr, None)
        elif isinstance(of, ast.Call) and isinstance(of.func, ast.Name) and of.func.id == "super":
            called = getattr(super(owner, owner), function.attr, None)
    return inspect.isgeneratorfunction(called)


def _without_steps(node: ast.ClassDef, owner: type) -> Iterator[tuple[int, str]]:
    """Yield the methods of an algorithm that should run on the clock, and neither yield nor return steps."""
    if not any(base.__module__ == CONTRACT for base in owner.__mro__):
        return
    for method in node.body:
        if not isinstance(method, ast.FunctionDef) or method.name not in STEPS or _yields(method):
            continue
        values = [one.value for one in _own(method) if isinstance(one, ast.Return)]
        raises = isinstance(method.body[-1], ast.Raise)
        if not raises and not any(isinstance(value, ast.Call | ast.Name) for value in values):
            problem = "what it does takes time on the simulated clock, with `yield from` before each step"
            yield method.lineno, f"{node.name}.{method.name} never yields: {problem}"


def _yields(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function without those of functions in it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            yield node
            yield from _own(node)

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
    finder = _Finder(module)
    finder.visit(tree)
    yield from finder.found


class _Finder(ast.NodeVisitor):
    """Finds the calls of generator functions whose steps nobody can use.

    Attributes:
        found: the line of each such call, and what is wrong in words.
    """

    def __init__(self, module: ModuleType) -> None:
        self.found: list[tuple[int, str]] = []
        self._module = module
        self._owner: type | None = None
        self._functions: list[ast.FunctionDef] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        around, self._owner = self._owner, getattr(self._module, node.name, None)
        self.generic_visit(node)
        self._owner = around

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._functions.append(node)
        self.generic_visit(node)
        self._functions.pop()

    def visit_Expr(self, node: ast.Expr) -> None:
        self._note(node.value)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if isinstance(target, ast.Name) and self._functions and not _reads(self._functions[0], target.id):
            self._note(node.value)
        self.generic_visit(node)

    def _note(self, value: ast.expr) -> None:
        if isinstance(value, ast.Call) and self._makes_steps(value.func):
            problem = f"`{ast.unparse(value)}` was called without `yield from`, so it does nothing"
            self.found.append((value.lineno, problem))

    def _makes_steps(self, function: ast.expr) -> bool:
        """Return whether what is called is a generator function for sure."""
        called: Any = None
        if isinstance(function, ast.Name):
            for around in reversed(self._functions):
                inner = [one for one in _own(around) if isinstance(one, ast.FunctionDef) and one.name == function.id]
                if inner:
                    return _yields(inner[-1])
            called = getattr(self._module, function.id, None)
        elif isinstance(function, ast.Attribute) and isinstance(self._owner, type):
            of = function.value
            if isinstance(of, ast.Name) and of.id == "self":
                called = getattr(self._owner, function.attr, None)
            elif isinstance(of, ast.Call) and isinstance(of.func, ast.Name) and of.func.id == "super":
                called = getattr(super(self._owner, self._owner), function.attr, None)
        return inspect.isgeneratorfunction(called)


def _reads(function: ast.FunctionDef, name: str) -> bool:
    """Return whether a function, or one in it, reads a name."""
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) for node in ast.walk(function)
    )


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
    """Yield the nodes of a function, functions in it included, but not what is in those."""
    for node in ast.iter_child_nodes(function):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            yield from _own(node)

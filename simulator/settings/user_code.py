"""Python files that users write: executed as modules, and quoted in messages by their own lines alone."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from traceback import FrameSummary, extract_tb, format_exception_only
from types import CodeType, ModuleType

from simulator.settings.dropped_steps import dropped_steps
from simulator.settings.errors import ScenarioError

SHOWN = 5
"""At most this many lines of a user's file are shown of one traceback."""
_KNOWN_AS: dict[str, str] = {}


def read(shown: str, path: Path) -> bytes:
    """Return the content of a Python file.

    Args:
        shown: what messages call it.
        path: the file.

    Raises:
        ScenarioError: there is no such file, or it is no file of Python.
    """
    if path.suffix != ".py":
        raise ScenarioError(f"{shown}: a plug-in is a Python file, whose name ends in .py")
    try:
        return path.read_bytes()
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ScenarioError(f"{shown}: {reason}") from None


def execute(shown: str, path: Path, text: bytes, name: str) -> ModuleType:
    """Execute a Python file as a module.

    Args:
        shown: what messages call it.
        path: the file; its folder is appended to the module path.
        text: its content.
        name: the name that the module gets.

    Raises:
        ScenarioError: it raises an error, of which its own lines are shown; or it makes steps and drops them.
    """
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    lines = text.decode(errors="replace").splitlines(keepends=True)
    linecache.cache[str(path)] = len(text), None, lines, str(path)  # messages quote what was executed
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and pydantic look names up in it
    try:
        exec(compile(text, str(path), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        own = shortened(error, str(path).__eq__) or f"  {type(error).__name__}: {error}"
        raise ScenarioError(f"{shown} cannot be loaded:\n{own}") from error
    if problems := [f"{shown}, line {line}: {problem}" for line, problem in dropped_steps(text, module)]:
        raise ScenarioError("\n".join(problems))
    return module


def know_as(path: str, name: str) -> None:
    """Call a file by the name that its user gave, in all messages."""
    _KNOWN_AS[path] = name


def short(path: str) -> str:
    """Return what messages call a file: as its user named it, otherwise by its path."""
    return _KNOWN_AS.get(path, path)


def shortened(error: BaseException, ours: Callable[[str], bool]) -> str | None:
    """Return the part of a traceback that lies in a user's own files, and the error; None if it touches none of them.

    Of an error that was raised because of another, such as the one that SimPy makes of it, the first cause is shown.

    Args:
        error: what was raised.
        ours: tells whether a file, given by its path, is one of the user's own.
    """
    chain = list(causes(error))
    for cause in reversed(chain):
        frames = [frame for frame in extract_tb(cause.__traceback__) if ours(frame.filename)]
        if isinstance(cause, SyntaxError) and cause.filename and ours(cause.filename):
            return _syntax_error(cause)
        if frames:
            message = "".join(format_exception_only(cause)).strip()
            return "\n".join([*map(_line, frames[-SHOWN:]), f"  {message}"])
    return None


def assigned_call(code: CodeType, name: str, before: int) -> tuple[str, int] | None:
    """Return the text of the call whose value a variable was given last, and its line; None if it cannot be found.

    Args:
        code: the function.
        name: the variable.
        before: a line of the function; what comes after it does not count.
    """
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except SyntaxError:
        return None
    calls = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == name
        and code.co_firstlineno <= node.lineno <= before
    ]
    last = max(calls, key=lambda call: call.lineno, default=None)
    return None if last is None else (ast.unparse(last), last.lineno)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and those that led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def call_text(code: CodeType, instruction: int) -> tuple[str, int]:
    """Return the text of a call on one line, and its line number; the text is empty if the file cannot be read.

    Args:
        code: the code that calls.
        instruction: the offset of the calling instruction in it, as in ``frame.f_lasti``.
    """
    first, last, start, end = list(code.co_positions())[instruction // 2]
    if first is None:
        return "", code.co_firstlineno
    lines = [linecache.getline(code.co_filename, number) for number in range(first, (last or first) + 1)]
    if not any(lines) or start is None or end is None:
        return "", first
    lines[-1] = lines[-1].encode()[:end].decode(errors="ignore")  # columns count bytes
    lines[0] = lines[0].encode()[start:].decode(errors="ignore")
    return " ".join(line.strip() for line in lines), first


def _line(frame: FrameSummary) -> str:
    return f"  {short(frame.filename)}, line {frame.lineno}, in {frame.name}: {frame.line}"


def _syntax_error(error: SyntaxError) -> str:
    text = (error.text or "").strip()
    return f"  {short(error.filename or '')}, line {error.lineno}: {text}\n  {type(error).__name__}: {error.msg}"

"""Verbs that an algorithm or a driver of a user's calls without ``yield from``: they do nothing, and would say nothing.

Only calls from outside this package are watched, in worlds where such a plug-in runs; the others lose no time.
"""

from __future__ import annotations

import dis
import inspect
import os
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

from simulator.settings.errors import ScenarioError
from simulator.settings.plugin_files import is_of_a_plugin
from simulator.settings.user_code import assigned_call, call_text, causes, short
from simulator.world.processes import Buffer, Handle, Process
from simulator.world.standstill import TimeUpError
from simulator.world.world import World

OURS = f"{Path(__file__).parents[1]}{os.sep}"
"""The folder of this package, as the paths of its files begin."""
VERBS = {
    "clients": ("compute", "upload", "download", "install"),
    "sites": ("compute", "send"),
}
"""The verbs of each client and of each site."""
CONTEXTS = ("phase", "exclusive")
"""What a world gives for a ``with`` statement: without it, it has no effect, or an unwanted one."""
SHOWN = 5
"""At most this many calls are named in one message."""
Call = tuple[CodeType, int, str]
"""The code that called a verb, the offset of the instruction in it, and what the call lacks."""


def is_of_a_user(plugin: object) -> bool:
    """Return whether a plug-in, such as an algorithm, is defined outside this package."""
    return not type(plugin).__module__.startswith("simulator.")


class Awaitable:
    """The steps of a verb that was called, which run once it is iterated, as ``yield from`` does.

    Args:
        watch: notes whether that happens.
        number: the number of the call.
        steps: the steps.
    """

    __slots__ = ("_number", "_steps", "_watch")

    def __init__(self, watch: Watch, number: int, steps: Any) -> None:
        self._watch, self._number, self._steps = watch, number, steps

    def __iter__(self) -> Iterator[Any]:
        return iter(self.taken())

    def taken(self) -> Any:
        """Return the steps, and note that somebody runs them."""
        self._watch.pending.pop(self._number, None)
        return self._steps

    def __del__(self) -> None:
        call = self._watch.pending.pop(self._number, None)
        if call is not None:
            self._watch.dropped.append(call)


class Watch:
    """Which verbs were called and not run.

    Attributes:
        pending: the calls of verbs that have not been run, by number.
        dropped: those that nobody can run any more, because their steps were thrown away.
    """

    def __init__(self) -> None:
        self.pending: dict[int, Call] = {}
        self.dropped: list[Call] = []
        self._calls = 0
        self._is_ours: dict[str, bool] = {}

    def over(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        """Return a verb whose calls from a user's code are watched."""

        def watched(*args: Any, **keywords: Any) -> Any:
            frame = sys._getframe(1)
            code = frame.f_code
            if self._ours(code):
                return verb(*args, **keywords)
            steps = verb(*args, **keywords)  # first: with wrong arguments there are no steps
            self._calls += 1
            self.pending[self._calls] = code, frame.f_lasti, "yield from"
            return Awaitable(self, self._calls, steps)

        return watched

    def over_context(self, made: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that makes contexts, whose calls as whole statements in a user's code are noted."""

        def watched(*args: Any, **keywords: Any) -> Any:
            frame = sys._getframe(1)
            context = made(*args, **keywords)
            if not self._ours(frame.f_code) and _is_a_statement(frame.f_code, frame.f_lasti):
                self.dropped.append((frame.f_code, frame.f_lasti, "with"))
            return context

        return watched

    def _ours(self, code: CodeType) -> bool:
        ours = self._is_ours.get(code.co_filename)
        if ours is None:
            ours = self._is_ours[code.co_filename] = code.co_filename.startswith(OURS)
        return ours

    def check(self) -> None:
        """Check that no steps have been thrown away.

        Raises:
            ScenarioError: some have; the message names each call and its line.
        """
        if self.dropped:
            raise ScenarioError(_told(self.dropped))

    def explanation(self, world: World, error: BaseException, files: Collection[str]) -> str | None:
        """Return which steps were not run before an error, as its likely cause; None if there are none.

        Args:
            world: the world in which it was raised.
            error: the error.
            files: the files of the user's own plug-ins that run in it, besides those that were loaded from a path.
        """
        calls = [*self.dropped, *self.pending.values()]
        if not calls:
            return _invalid_yield(world, error) or next(_unstarted(error, files), None)
        surely = self.dropped or Awaitable.__name__ in str(error)  # else they may have been kept for later
        return _told(calls) if surely else f"{_told(calls)}\n  {type(error).__name__} came after it: {error}"


def watch(world: World) -> Watch:
    """Watch all verbs of a world, of its sites and of its clients."""
    noted, start, buffer = Watch(), world.start, world.buffer
    for kind, verbs in VERBS.items():
        watched: dict[type, type] = {}
        for one in getattr(world, kind):
            known = type(one)
            if known not in watched:  # a class for all of them: there may be many
                over = {verb: noted.over(getattr(known, verb)) for verb in verbs}
                watched[known] = type(known.__name__, (known,), {"__slots__": (), **over})
            one.__class__ = watched[known]
    for verb in ("send", "broadcast", "together"):
        setattr(world, verb, noted.over(getattr(world, verb)))
    for context in CONTEXTS:
        setattr(world, context, noted.over_context(getattr(world, context)))

    def started(steps: Any, client: Any = None) -> Handle:
        return start(steps.taken() if isinstance(steps, Awaitable) else steps, client)

    def buffered(room: float) -> Buffer:
        queue = buffer(room)
        for verb in ("put", "get"):
            setattr(queue, verb, noted.over(getattr(queue, verb)))
        return queue

    setattr(world, "start", started)  # noqa: B010  (mypy refuses to assign to a method)
    setattr(world, "buffer", buffered)  # noqa: B010
    return noted


@contextmanager
def every_step_run(world: World, *plugins: object) -> Iterator[Callable[[], None]]:
    """Report verbs that a user's algorithm or driver calls without ``yield from``, within this context.

    The value is a function that checks it so far, and does nothing where all plug-ins are of this package.

    Args:
        world: the world, with its sites and clients.
        plugins: the algorithm that runs in it, its driver and its selection.

    Raises:
        ScenarioError: such a call was found, or an error was raised after one; the message names its line.
    """
    if not any(map(is_of_a_user, plugins)):
        yield lambda: None
        return
    files = {_file(plugin) for plugin in plugins if is_of_a_user(plugin)}
    noted = watch(world)
    try:
        yield noted.check
    except TimeUpError:
        raise
    except Exception as error:
        if explanation := noted.explanation(world, error, files):
            raise ScenarioError(explanation) from error
        raise


def _file(plugin: object) -> str:
    return getattr(sys.modules.get(type(plugin).__module__), "__file__", None) or ""


def _is_a_statement(code: CodeType, instruction: int) -> bool:
    """Return whether the value of a call, given by the offset of its instruction, is thrown away at once."""
    after = (one for one in dis.get_instructions(code) if one.offset > instruction)
    return next((one.opname for one in after if one.opname != "CACHE"), "") == "POP_TOP"


def _told(calls: list[Call]) -> str:
    """Return a line for each of the first few places from which these calls came."""
    lines = []
    for code, instruction, lacking in dict.fromkeys(calls):
        lines.append(_without(lacking, code.co_filename, *call_text(code, instruction)))
    return "\n".join(lines[:SHOWN])


def _without(lacking: str, file: str, call: str, line: int) -> str:
    called = f"`{call}`" if call else "a verb"
    return f"{short(file)}, line {line}: {called} was called without `{lacking}`"


def _invalid_yield(world: World, error: BaseException) -> str | None:
    """Return a message for an error of SimPy's, if the running process yielded what is no event."""
    process = world.env.active_process
    if not isinstance(process, Process) or "Invalid yield value" not in str(error):
        return None
    steps: Any = process.steps
    while inspect.isgenerator(steps.gi_yieldfrom):
        steps = steps.gi_yieldfrom
    where = f"{short(steps.gi_code.co_filename)}, line {steps.gi_frame.f_lineno}" if steps.gi_frame else "a plug-in"
    return f"{where}: what it yields is not an event of the clock: a step stands after `yield from`"


def _unstarted(error: BaseException, files: Collection[str]) -> Iterator[str]:
    """Yield a message for each variable of a user's functions, on the way to an error, that holds steps never run."""
    for cause in causes(error):
        trace = cause.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            file = frame.f_code.co_filename
            for name, value in frame.f_locals.items() if file in files or is_of_a_plugin(file) else ():
                steps = inspect.isgenerator(value) and value.gi_code.co_name != "<genexpr>"
                if steps and inspect.getgeneratorstate(value) == inspect.GEN_CREATED:
                    made = assigned_call(frame.f_code, name, trace.tb_lineno) or (
                        value.gi_code.co_name,
                        trace.tb_lineno,
                    )
                    yield _without("yield from", file, *made)
            trace = trace.tb_next

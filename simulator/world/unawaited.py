"""Verbs that an algorithm of a user's calls without ``yield from``: they do nothing, and would say nothing.

Only calls from outside this package are watched, in worlds where such an algorithm runs; the others lose no time.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

from simulator.settings.errors import ScenarioError
from simulator.settings.user_code import assigned_call, call_text, causes, short
from simulator.world.processes import Buffer, Handle, Process
from simulator.world.standstill import TimeUpError
from simulator.world.world import World

OURS = str(Path(__file__).parents[1])
"""The folder of this package."""
VERBS = {
    "clients": ("compute", "upload", "download", "install"),
    "sites": ("compute", "send"),
}
"""The verbs of each client and of each site."""
SHOWN = 5
"""At most this many calls are named in one message."""
Call = tuple[CodeType, int]
"""The code that called a verb, and the offset of the instruction in it."""


def is_of_a_user(algorithm: object) -> bool:
    """Return whether an algorithm is defined outside this package."""
    return not type(algorithm).__module__.startswith("simulator.")


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
            ours = self._is_ours.get(code.co_filename)
            if ours is None:
                ours = self._is_ours[code.co_filename] = code.co_filename.startswith(OURS)
            if ours:
                return verb(*args, **keywords)
            steps = verb(*args, **keywords)  # first: with wrong arguments there are no steps
            self._calls += 1
            self.pending[self._calls] = code, frame.f_lasti
            return Awaitable(self, self._calls, steps)

        return watched

    def check(self) -> None:
        """Check that no steps have been thrown away.

        Raises:
            ScenarioError: some have; the message names each call and its line.
        """
        if self.dropped:
            raise ScenarioError(_told(self.dropped))

    def explanation(self, error: BaseException) -> str | None:
        """Return which steps were not run before an error, as its likely cause; None if there are none."""
        calls = [*self.dropped, *self.pending.values()]
        if not calls:
            return next(_unstarted(error), None)
        surely = self.dropped or Awaitable.__name__ in str(error)  # else they may have been kept for later
        return _told(calls) if surely else f"{_told(calls)}\n  {type(error).__name__} came after it: {error}"


def watch(world: World) -> Watch:
    """Watch all verbs of a world, of its sites and of its clients."""
    noted, start, buffer = Watch(), world.start, world.buffer
    for kind, verbs in VERBS.items():
        for one in getattr(world, kind):
            for verb in verbs:
                setattr(one, verb, noted.over(getattr(one, verb)))
    for verb in ("send", "broadcast", "together"):
        setattr(world, verb, noted.over(getattr(world, verb)))

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
def every_step_run(world: World, algorithm: object) -> Iterator[Callable[[], None]]:
    """Report verbs that a user's algorithm calls without ``yield from``, within this context.

    The value is a function that checks it so far, and does nothing for algorithms of this package.

    Args:
        world: the world, with its sites and clients.
        algorithm: the algorithm that runs in it.

    Raises:
        ScenarioError: such a call was found, or an error was raised after one; the message names its line.
    """
    if not is_of_a_user(algorithm):
        yield lambda: None
        return
    noted = watch(world)
    try:
        yield noted.check
    except TimeUpError:
        raise
    except Exception as error:
        if explanation := noted.explanation(error) or _invalid_yield(world, error):
            raise ScenarioError(explanation) from error
        raise


def _told(calls: list[Call]) -> str:
    """Return a line for each of the first few places from which these calls came."""
    lines = []
    for code, instruction in dict.fromkeys(calls):
        lines.append(_without_yield_from(code.co_filename, *call_text(code, instruction)))
    return "\n".join(lines[:SHOWN])


def _without_yield_from(file: str, call: str, line: int) -> str:
    called = f"`{call}`" if call else "a verb"
    return f"{short(file)}, line {line}: {called} was called without `yield from`"


def _invalid_yield(world: World, error: BaseException) -> str | None:
    """Return a message for an error of SimPy's, if the running process yielded what is no event."""
    process = world.env.active_process
    if not isinstance(process, Process) or "Invalid yield value" not in str(error):
        return None
    steps: Any = process.steps
    while inspect.isgenerator(steps.gi_yieldfrom):
        steps = steps.gi_yieldfrom
    where = f"{short(steps.gi_code.co_filename)}, line {steps.gi_frame.f_lineno}" if steps.gi_frame else "a plug-in"
    return f"{where}: what it yields is no event of the clock: a step stands after `yield from`"


def _unstarted(error: BaseException) -> Iterator[str]:
    """Yield a message for each variable of a user's functions, on the way to an error, that holds steps never run."""
    for cause in causes(error):
        trace = cause.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            for name, value in frame.f_locals.items() if not frame.f_code.co_filename.startswith(OURS) else ():
                steps = inspect.isgenerator(value) and value.gi_code.co_name != "<genexpr>"
                if steps and inspect.getgeneratorstate(value) == inspect.GEN_CREATED:
                    made = assigned_call(frame.f_code, name, trace.tb_lineno) or (
                        value.gi_code.co_name,
                        trace.tb_lineno,
                    )
                    yield _without_yield_from(frame.f_code.co_filename, *made)
            trace = trace.tb_next

"""Ctrl-C, SIGTERM and SIGHUP end a command in the same way, and none of them is lost.

Each raises ``KeyboardInterrupt``. Within an import that may be lost: many libraries try imports with a bare
``except:``, and callbacks that the interpreter runs there drop what they raise. So a command that has written nothing
yet ends at once within an import, and another one is interrupted as soon as the import is over.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

STOPPED = 130
"""The exit status of a command that was stopped: 128 and the number of SIGINT."""
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that ask a command to stop; Windows has no SIGHUP."""
_AGAIN_SECONDS = 0.02
_SAME_SECONDS = 0.5
"""Signals this close to the first are the same wish: a terminal that is closed, and many who start others, send two."""
_IMPORTING = "<frozen importlib._bootstrap>"


class _Asked:
    """Whether this process was asked to stop, and what it has done so far.

    Attributes:
        at: when it was asked first, by a clock that only goes on; None: it was not.
        again: whether it is to be interrupted once more, because the first time was put off or lost.
        wrote: whether it has begun to write.
        over: whether there is nothing left to stop.
    """

    def __init__(self) -> None:
        self.at: float | None = None
        self.again = False
        self.wrote = False
        self.over = False


_asked = _Asked()


def install() -> None:
    """Let the signals that ask to stop raise ``KeyboardInterrupt`` in this process, but not within imports.

    A signal that is ignored, as SIGHUP is under ``nohup`` and SIGINT in the background of a script, stays ignored.
    """
    _asked.__init__()  # type: ignore[misc]
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _once_more)
        if not isinstance(sys.unraisablehook, _NotLost):
            sys.unraisablehook = _NotLost(sys.unraisablehook)


def wrote() -> None:
    """Note that this process has begun to write: from now on it must clean up when it is stopped."""
    _asked.wrote = True


def over() -> None:
    """Note that there is nothing left to stop: from now on a signal ends the process at once, without a word."""
    _asked.over = True


def asked() -> bool:
    """Return whether this process was asked to stop."""
    return _asked.at is not None


def say_stopped(kept: str = "") -> NoReturn:
    """Exit as after Ctrl-C, with its status and a message: what is kept, or that nothing was written."""
    print(f"sfsim: stopped; {kept[:1].lower() + kept[1:] or 'nothing was written'}", file=sys.stderr)
    raise SystemExit(STOPPED) from None


def _stop(number: int, frame: FrameType | None) -> None:
    if _asked.over:
        os._exit(STOPPED)
    now = time.monotonic()
    if _asked.at is None:
        _asked.at = now
        _interrupt(frame)
    elif now - _asked.at > _SAME_SECONDS:  # somebody is tired of waiting
        _asked.again = False
        raise KeyboardInterrupt


def _interrupt(frame: FrameType | None) -> None:
    """Raise ``KeyboardInterrupt``; within an import, end the process or try again soon."""
    if hasattr(signal, "setitimer") and _importing(frame):
        if not _asked.wrote:
            _end()
        _soon()
        return
    _asked.again = False
    raise KeyboardInterrupt


def _once_more(number: int, frame: FrameType | None) -> None:
    if _asked.again:
        _interrupt(frame)


def _soon() -> None:
    _asked.again = True
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)


def _importing(frame: FrameType | None) -> bool:
    """Return whether something is being imported in a frame or in one that waits for it."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTING:
            return True
        frame = frame.f_back
    return False


def _end() -> NoReturn:
    """End the process, now: nothing was written, and libraries may catch whatever is raised."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    with suppress(OSError):
        os.write(2, b"sfsim: stopped; nothing was written\n")
    os._exit(STOPPED)


class _NotLost:
    """Interrupts once more where an interrupt was raised in a callback, which drops it; else it does as another hook.

    Args:
        hook: the hook for all other exceptions that nobody can catch.
    """

    def __init__(self, hook: Callable[[Any], Any]) -> None:
        self.hook = hook

    def __call__(self, lost: Any) -> None:
        if asked() and issubclass(lost.exc_type, KeyboardInterrupt):
            _soon()
        else:
            self.hook(lost)

"""Where progress is shown: a terminal, a notebook, a log file, or nowhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

LOG_WIDTH = 100
"""The characters of a line where nobody says how wide it is: in a log file, and in a notebook."""


def standard_console() -> Console:
    """Return the console of a command: standard output, which in a log file has no width of its own."""
    return Console(width=None if sys.stdout.isatty() else LOG_WIDTH, emoji=False)  # a path may look like one


def session_console(progress: bool | None) -> Console:
    """Return the console on which Python code and notebooks see progress.

    In a notebook without ipywidgets, bars cannot move: lines of text take their place, and a line says so, once.

    Args:
        progress: show it; None: only in a terminal or a notebook, where somebody watches.
    """
    console = Console(emoji=False)
    if progress is False or (progress is None and not shows_bars(console)):
        return Console(quiet=True)
    if not console.is_jupyter:
        return standard_console()
    if find_spec("ipywidgets") is None:
        _say_that_bars_need_widgets()
        return Console(force_jupyter=False, force_terminal=False, width=LOG_WIDTH, emoji=False)
    return console


def shows_bars(console: Console) -> bool:
    """Return whether a console can draw bars that move."""
    return not console.quiet and (console.is_terminal or console.is_jupyter)


@contextmanager
def bars(console: Console, state: bool = False) -> Iterator[Progress]:
    """Show bars on a console, nothing where they cannot move; in a notebook, they go away at the end.

    Args:
        console: where they are drawn.
        state: whether each task has a field ``state``, a text that is shown after its bar.
    """
    columns: list[ProgressColumn] = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    columns += [TimeRemainingColumn(), *([TextColumn("{task.fields[state]}")] if state else [])]
    shown = shows_bars(console)
    progress = Progress(*columns, console=console, disable=not shown)
    if not shown:
        yield progress  # which is not started, for early versions of rich end with an empty line whatever is shown
        return
    progress.start()
    try:
        yield progress
    finally:
        widget = progress.live.ipy_widget
        with widget or nullcontext():  # which takes in the empty output with which rich ends
            progress.stop()
        if widget is not None:
            widget.close()


def status(console: Console, text: str) -> AbstractContextManager[object]:
    """Show a text with a spinner for as long as this context lasts; not in a notebook, where it would flicker."""
    spinner = "line" if console.options.ascii_only else "dots"
    return nullcontext() if console.is_jupyter else console.status(text, spinner=spinner)


@cache
def _say_that_bars_need_widgets() -> None:
    print("Progress is shown as text: for bars, install ipywidgets (pip install 'sfsim[notebook]').")

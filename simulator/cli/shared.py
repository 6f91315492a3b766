"""Code that the commands share. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from rich.console import RenderableType

    from simulator.scenario.scenario import Scenario


_LONGEST_NAME = 300
"""The most characters without a blank in a message."""


class Commands(TyperGroup):
    """All commands; Ctrl-C ends each of them as it should, where typer would say "Aborted!" and exit with status 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            stopped(str(stop))


app = typer.Typer(
    name="sfsim",
    cls=Commands,
    help="Which federated or split fine-tuning method is fastest, cheapest and most accurate on your devices?",
    epilog="A first run: sfsim init, then sfsim run scenario.yaml --dry, then sfsim run scenario.yaml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

File = Annotated[Path, typer.Argument(help="The scenario, a YAML file.", show_default=False)]
Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a key, such as world.server.slots=2 or algorithms.FL.head=2; repeatable.",
        show_default=False,
    ),
]


def _load_plugins(files: list[Path]) -> list[Path]:
    """Load the plug-ins of a command before it does anything else."""
    if files:
        from simulator.settings.plugin_files import load_file

        for file in files:
            load_file(file)
    return files


Plugin = Annotated[
    list[Path],
    typer.Option(
        "--plugin",
        metavar="FILE.py",
        help="Let the scenario name what a Python file of yours defines, such as an algorithm; repeatable.",
        show_default=False,
        callback=_load_plugins,
    ),
]


def _tell_own_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"sfsim {version('sfsim')}")
        raise typer.Exit


@app.callback()
def _commands(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_tell_own_version, is_eager=True),
    ] = False,
) -> None:
    """Make typer expect a command name, however few commands are registered."""


def load_scenario(file: Path, overrides: list[str]) -> Scenario:
    """Load a scenario with the overrides of the command line."""
    from simulator.scenario.scenario import load

    return load(file, overrides)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere; yield what updates it with (done, total)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if not sys.stdout.isatty():
        yield lambda done, of: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, of: progress.update(bar, completed=done, total=of)


def show(found: RenderableType) -> None:
    """Print a table as wide as the terminal; in a pipe every row is one line."""
    from simulator.settings.terminal import show

    show(found)


def tell_version(folder: Path) -> None:
    """Print a note if a folder was written by another version of sfsim than this one."""
    from analysis.versions import of_another, version_of

    if note := of_another(version_of(folder)):
        print(f"{folder} was {note}")


def refuse(message: str) -> NoReturn:
    """Exit with status 2 and one message on stderr, in which no name is longer than anybody reads."""
    from simulator.settings.printable import cut

    message = re.sub(rf"\S{{{_LONGEST_NAME},}}", lambda name: cut(name[0], _LONGEST_NAME), message)
    print(f"sfsim: {message}", file=sys.stderr)
    raise SystemExit(2)


def place(path: Path | None) -> Path | None:
    """Return a path to write to, or refuse it if nothing can ever be written there; the callback of an option."""
    if path is not None:
        from simulator.settings.disk import check_place

        with writing():
            check_place(path)
    return path


@contextmanager
def writing(what: str = "") -> Iterator[None]:
    """Refuse with one message if something cannot be written within this context.

    Args:
        what: what is written, such as "the run folder"; empty: the message names only the file.
    """
    from simulator.settings.disk import is_a_users, told

    try:
        yield
    except OSError as error:
        if error.filename is None and not is_a_users(error):
            raise
        refuse(told(error, what))


def stopped(kept: str = "") -> NoReturn:
    """Exit as after Ctrl-C, with status 130 and a message: what is kept, or that nothing was written."""
    from simulator.settings.interrupts import say_stopped

    say_stopped(kept)

"""Where progress is shown: to whoever watches, and as text where bars cannot move."""

from __future__ import annotations

import importlib.machinery
import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from simulator.experiments.run import consoles
from simulator.experiments.run.consoles import bars, session_console, shows_bars


@pytest.fixture
def in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a notebook looks to rich; what is said once is said again in each test."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    consoles._say_that_bars_need_widgets.cache_clear()
    yield
    consoles._say_that_bars_need_widgets.cache_clear()


def installed(name: str) -> importlib.machinery.ModuleSpec | None:
    return importlib.machinery.ModuleSpec(name, None)


def absent(name: str) -> importlib.machinery.ModuleSpec | None:
    return None


@pytest.mark.parametrize(("progress", "quiet"), [(None, True), (False, True), (True, False)])
def test_in_a_log_progress_must_be_asked_for(progress: bool | None, quiet: bool) -> None:
    console = session_console(progress)
    assert (console.quiet, shows_bars(console)) == (quiet, False)


@pytest.mark.usefixtures("in_a_notebook")
def test_a_notebook_with_widgets_shows_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(consoles, "find_spec", installed)
    assert shows_bars(session_console(None))
    assert session_console(False).quiet
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("in_a_notebook")
def test_a_notebook_without_widgets_shows_text_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(consoles, "find_spec", absent)
    for _ in range(2):
        console = session_console(None)
        assert not shows_bars(console)
        console.print("FL: simulated 3 s")
    said = "Progress is shown as text: for bars, install ipywidgets (pip install 'sfsim[notebook]')."
    assert capsys.readouterr().out.splitlines() == [said, "FL: simulated 3 s", "FL: simulated 3 s"]


def test_a_bar_is_drawn_on_a_terminal_and_only_there() -> None:
    drawn = {}
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
        with bars(console, state=True) as progress:
            progress.update(progress.add_task("FL", total=2, state=""), completed=2, state="simulated 3 s")
        drawn[terminal] = console.file.getvalue()
    assert "2/2" in drawn[True]
    assert "simulated 3 s" in drawn[True]
    assert drawn[False] == ""

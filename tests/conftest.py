"""What tests of all folders share: the command, a small model, and no memory of the tests of another file."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import analysis
from simulator import cli
from simulator.settings import interrupts
from tests.helpers.caches import forget
from tests.helpers.commands import Sfsim

os.environ.pop("COLUMNS", None)  # what runs tests in several processes sets it, and tables in a pipe obey it
if "PYTEST_XDIST_WORKER" not in os.environ:  # one cache for all workers, and never the user's own
    _cache = tempfile.TemporaryDirectory(prefix="sfsim-tests-", ignore_cleanup_errors=True)
    os.environ["SFSIM_CACHE"] = _cache.name


@pytest.fixture(autouse=True, scope="module")
def _nothing_remembered() -> Iterator[None]:
    """Once a file, for tracing takes longer than most runs; what compares two runs forgets in between."""
    forget()
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    yield
    forget()


@pytest.fixture(autouse=True, scope="module")
def _no_explorer() -> Iterator[None]:
    """Runs leave no programs for the sliders of their page: that takes time, and only tests of these look at them."""
    with pytest.MonkeyPatch.context() as patch:
        if drawing := sys.modules.get("simulator.experiments.run.drawing"):
            patch.setattr(drawing, "explorer", lambda scenario: None)
        yield


@pytest.fixture(autouse=True, scope="module")
def _blank_pages() -> Iterator[None]:
    """Runs leave a page without anything: drawing takes four times as long as a small run.

    A test that looks at the page or its figures asks for ``pictures``.
    """

    def page(folder: Path | str, *_: object) -> Path:
        report = Path(folder) / "report.html"
        report.write_text("<p>report</p>\n")
        return report

    with pytest.MonkeyPatch.context() as patch:  # `analysis` imports what draws when it is first asked for it
        patch.setitem(vars(analysis), "write_report", page)
        patch.setitem(vars(analysis), "write_figures", lambda folder: [])
        yield


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures and report are drawn as they are for a user."""
    for name in ("write_report", "write_figures"):
        monkeypatch.delitem(vars(analysis), name, raising=False)


@pytest.fixture(scope="module")
def small_model() -> Iterator[None]:
    """In place of the models that scenarios name, one of four blocks for eight pixels."""
    from simulator.experiments.trial import model
    from tests.helpers.small_trials import four_blocks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "build", four_blocks)
        yield


@pytest.fixture
def sfsim(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sfsim:
    """The command with these words, in this process: its exit status, what it says, and what it says is wrong."""

    monkeypatch.setattr(interrupts, "install", lambda: None)  # signals are for pytest

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sfsim", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return call

"""The question before a long run: on a terminal; elsewhere a note, or a refusal of what cannot be meant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.trial import estimate as estimates
from simulator.experiments.trial.estimate import Estimate
from tests.helpers.commands import SCENARIO, Sfsim, files

SWEEP = "name: s\nscenario: tiny.yaml\naxes: {training.rounds: [1, 2]}\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are a scenario and a sweep, and nothing is really run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    monkeypatch.setattr("simulator.experiments.run.run.run_scenario", lambda *_, **__: print("It runs."))
    monkeypatch.setattr("simulator.experiments.sweep.run.run_sweep", lambda *_, **__: print("It runs."))
    monkeypatch.setattr(estimates, "available_memory", lambda: 10**10)


def taking(monkeypatch: pytest.MonkeyPatch, days: float, nbytes: float = 1e9) -> None:
    """Have every run take this."""
    found = Estimate(3, 1e6, days * 86_400, nbytes)
    monkeypatch.setattr(estimates, "estimate", lambda *_, **__: found)
    monkeypatch.setattr(estimates, "estimate_sweep", lambda *_, **__: found)


@pytest.mark.parametrize("words", [("run", "tiny.yaml", "--dry"), ("sweep", "sweep.yaml", "--dry")])
def test_a_month_is_refused_where_nobody_can_be_asked(
    words: tuple[str, ...], sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    taking(monkeypatch, days=400)
    status, out, err = sfsim(*words)
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith("sfsim: this takes roughly 400 days and 1 GB of memory (10 GB are available): 3 trials")
    assert "with --yes it is run all the same" in err
    assert "It runs." not in out
    assert files(tmp_path) == ["sweep.yaml", "tiny.yaml"]
    status, out, err = sfsim(*words, "--yes")
    assert (status, err) == (0, "")
    assert "Note: this takes roughly 400 days" in out
    assert out.endswith("It runs.\n")


def test_far_more_memory_than_there_is_is_refused(sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch) -> None:
    taking(monkeypatch, days=0.001, nbytes=4e10)
    assert sfsim("run", "tiny.yaml")[0] == 2


def test_a_day_is_told_and_begun_where_nobody_can_be_asked(sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch) -> None:
    taking(monkeypatch, days=3)
    status, out, err = sfsim("run", "tiny.yaml")
    assert (status, err) == (0, "")
    assert out.splitlines()[-2:] == [
        "Note: this takes roughly 3 days and 1 GB of memory (10 GB are available): 3 trials, 1 M events",
        "It runs.",
    ]


@pytest.mark.parametrize(
    ("words", "option"), [(("run", "tiny.yaml"), "jobs"), (("sweep", "sweep.yaml", "--dry"), "workers")]
)
def test_as_many_run_at_once_as_the_estimate_has_memory_for(
    words: tuple[str, ...], option: str, sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int | None] = []

    def ran(*_: object, **options: Any) -> None:
        at_once.append(options[option])

    monkeypatch.setattr("simulator.experiments.run.run.run_scenario", ran)
    monkeypatch.setattr("simulator.experiments.sweep.run.run_sweep", ran)
    for found in (None, Estimate(9, 1e6, 60.0, 1e9, at_once=3)):
        monkeypatch.setattr(estimates, "estimate", lambda *_, found=found: found)
        monkeypatch.setattr(estimates, "estimate_sweep", lambda *_, found=found: found)
        sfsim(*words)
    assert at_once == [None, 3]


def test_nothing_is_said_of_a_short_run(sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch) -> None:
    taking(monkeypatch, days=0.001)
    assert "Note" not in sfsim("run", "tiny.yaml")[1]


@pytest.mark.parametrize(("count", "looked_at"), [(1, 1), (5, 5), (6, 3), (9, 5), (11, 4), (100, 5)])
def test_at_most_five_points_of_a_sweep_are_looked_at(
    count: int, looked_at: int, sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(
        estimates, "estimate_sweep", lambda scenarios, points, *_: found.append((len(scenarios), points))
    )
    rounds = f"training.rounds={list(range(1, count + 1))}"
    assert sfsim("sweep", "sweep.yaml", "--axis", rounds, "--dry")[::2] == (0, "")
    assert found == [(looked_at, count)]


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 130)])
def test_on_a_terminal_there_is_a_question(
    answer: str, status: int, sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking(monkeypatch, days=400)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return answer == "y"

    monkeypatch.setattr("typer.confirm", confirm)
    ended, out, _ = sfsim("run", "tiny.yaml")
    assert (ended, asked) == (status, ["Go on?"])
    assert ("It runs." in out) == (answer == "y")


def test_validate_does_not_simulate_what_takes_long(sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch) -> None:
    taking(monkeypatch, days=3)
    monkeypatch.setattr("simulator.experiments.trial.memory_check.devices_left_out", None)
    status, out, err = sfsim("validate", "tiny.yaml")
    assert (status, err) == (0, "")
    assert "Note: whether it fits into the memory of its devices was not looked at, for to run it dry takes" in out

"""A run with a target loss, and one of a model that predicts tokens: in its files, on the console, and verified."""

from __future__ import annotations

import json
from io import StringIO
from math import exp
from pathlib import Path

import pytest
from rich.console import Console

from simulator.experiments.run.run import run_scenario
from simulator.experiments.run.tables import summary_of
from simulator.experiments.run.trials import state_of
from simulator.experiments.trial.learned_task import task_of
from simulator.experiments.trial.result import RoundResult
from simulator.experiments.trial.trial import run
from simulator.experiments.verify.verify import verify
from simulator.learning.evaluation import Score
from tests.helpers.small_trials import scenario
from tests.helpers.text_trials import text_scenario

pytestmark = pytest.mark.usefixtures("small_model")


@pytest.fixture
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.write_report", lambda folder: None)


@pytest.mark.usefixtures("_no_pictures")
def test_a_run_of_a_language_model_tells_and_prints_loss_and_perplexity(tmp_path: Path) -> None:
    out = StringIO()
    small = text_scenario("fl", task="next_token", target_loss=100.0).with_(training__rounds=3)
    folder = run_scenario(small, out=tmp_path / "out", console=Console(file=out, width=140))
    head = json.loads((folder / "summary.json").read_text())
    (trial,) = head["trials"]
    assert head["task"] == "next_token"
    assert trial["perplexity"] == exp(trial["final_loss"])
    assert trial["time_to_target_s"] == trial["time_to_target_held_s"] == 0, "before training"
    text = out.getvalue()
    for said in ("loss", "perplexity", "token accuracy", "to loss 100"):
        assert f" {said} " in text
    assert "Loss and perplexity are those of the last evaluation, token accuracy is the mean of the last" in text
    assert "The time to a loss of 100 is that of the first of two evaluations in a row that reach it." in text
    assert "fedavg takes nothing" in text, "it is there before training"
    assert [problem for check in verify(folder) for problem in check.problems] == []
    trial["perplexity"] += 1
    (folder / "summary.json").write_text(json.dumps(head))
    problems = [problem for check in verify(folder) for problem in check.problems]
    assert any("perplexity of fedavg-0 is" in problem for problem in problems)


def test_a_target_loss_is_reached_at_the_first_evaluation_at_or_below_it(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl"], training={"rounds": 3})
    outcome = run(small, small.algorithms[0], 0)
    losses = [point.score.loss for point in outcome.rounds if point.score]
    least = min(losses)
    there = small.with_(target_accuracy=None, target_loss=least)
    told = summary_of(outcome, there)
    assert told["time_to_target_s"] == outcome.rounds[losses.index(least)].sim_time_s
    assert summary_of(outcome, there.with_(target_loss=least / 2))["time_to_target_s"] is None
    assert told["perplexity"] is None, "it is a classifier"
    assert task_of(small) == "classification"


def test_progress_shows_the_loss_of_a_language_model() -> None:
    point = RoundResult(1, 2.0, Score(0.25, 3.5))
    assert state_of(point) == "simulated 2 s, accuracy 0.250"
    assert state_of(point, "next_token") == "simulated 2 s, loss 3.500"

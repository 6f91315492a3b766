"""What a trial settled at is in its summary, and a run prints it first, with what it is and how sure."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from analysis import load_run
from simulator.experiments.run.run import run_scenario
from simulator.experiments.run.settled import said, spread
from simulator.experiments.run.tables import summary_of
from simulator.experiments.trial.trial import run
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")


@pytest.fixture
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer than the run."""
    monkeypatch.setattr("analysis.write_report", lambda folder: None)


def test_a_trial_settles_at_the_mean_of_its_last_evaluations(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl"], training={"rounds": 4}, evaluation={"settle": 2})
    outcome = run(small, small.algorithms[0], 0)
    *_, before_last, last = (point.score.accuracy for point in outcome.rounds if point.score)
    told = summary_of(outcome, small)
    assert told["settled_accuracy"] == pytest.approx((before_last + last) / 2, rel=1e-12)
    assert told["final_accuracy"] == last
    assert told["evaluated_samples"] == 20


def test_all_test_samples_are_counted_where_none_are_chosen(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl-linear"], training={"rounds": 1}, evaluation={"samples": None, "every": 2})
    assert summary_of(run(small, small.algorithms[0], 0), small)["evaluated_samples"] == 397


def test_an_end_in_the_middle_of_a_round_confirms_no_target(tmp_path: Path) -> None:
    """The model of the last round is evaluated once more when the time is up."""
    small = scenario(tmp_path, ["fl"])
    first = run(small, small.algorithms[0], 0, dry=True).rounds[1].sim_time_s
    small = scenario(tmp_path, ["fl"], training={"budget": {"seconds": f"{1.2 * first} s"}}, target_accuracy=0.0)
    outcome = run(small, small.algorithms[0], 0)
    before, *after = outcome.rounds
    assert [point.round for point in after] == [1, 1]
    assert summary_of(outcome, small)["time_to_target_held_s"] == 0
    begun = replace(outcome, rounds=[replace(before, score=None), *after])
    assert summary_of(begun, small)["time_to_target_s"] == after[0].sim_time_s
    assert summary_of(begun, small)["time_to_target_held_s"] is None


@pytest.mark.usefixtures("_no_pictures")
def test_a_run_prints_it_and_reports_of_older_folders_compute_the_same(tmp_path: Path) -> None:
    out = StringIO()
    small = scenario(tmp_path, ["fl", "sfp"], seeds=[0, 3], target_accuracy=0.0)
    folder = run_scenario(small, out=tmp_path / "out", console=Console(file=out, width=120))
    text, summary = out.getvalue(), load_run(folder).summary
    for label, rows in summary.groupby("label"):
        (line,) = (line for line in text.splitlines() if line.split()[:1] == [label])
        assert spread(list(rows["settled_accuracy"])) in line
    assert "Accuracy is the mean of the last 2 evaluations, ± its standard deviation over 2 seeds. All" in text
    assert "All seeds share the 20 test samples, which add a standard error of " in text
    assert "The time to 0% is that of the first of two evaluations in a row that reach it." in text
    columns = ["settled_accuracy", "time_to_target_held_s"]
    path = folder / "summary.json"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "held" not in line))
    assert load_run(folder).summary[columns].equals(summary[columns])


@pytest.mark.usefixtures("_no_pictures")
def test_a_dry_run_says_nothing_of_accuracy(tmp_path: Path) -> None:
    out = StringIO()
    run_scenario(scenario(tmp_path, ["fl"], target_accuracy=0.5), dry=True, out=tmp_path / "out",
                 console=Console(file=out, width=120))  # fmt: skip
    assert "ccuracy is" not in out.getvalue()
    assert "evaluations" not in out.getvalue()


def test_one_seed_has_no_spread(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl"])
    rows = {"fl": [{"settled_accuracy": 0.5, "evaluated_samples": 100}]}
    (sentence,) = said(small, rows, most=9)
    assert sentence == (
        "Accuracy is the mean of the last 3 evaluations. The 100 test samples add a standard error of 5.0 points."
    )


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ((0.6, 0.64), "62 ± 2.8 %"),
        ((0.5,), "50 %"),
        ((0.5, 0.5), "50 %"),
        ((0.5, None), "–"),
        ((None,), "–"),
    ],
)
def test_a_spread_is_a_mean_and_a_standard_deviation(values: tuple[float | None, ...], wanted: str) -> None:
    assert spread(values) == wanted

"""Tables, figures and reports of runs that predict the next token: loss and perplexity, and accuracy of tokens."""

from __future__ import annotations

import json
from dataclasses import replace
from math import exp
from pathlib import Path

import numpy as np
import pytest

from analysis import Run, load_run, load_sweep, plot_accuracy, plot_loss, plot_pareto, write_comparison, write_figures
from analysis.budgets import equal_budgets
from analysis.interactive.curves import accuracy_chart
from analysis.interactive.pareto import pareto_chart
from analysis.interactive.targets import targets_chart
from analysis.measures import measure_columns
from analysis.pareto import frontier
from analysis.report import write_report
from analysis.report_comparison import compare
from analysis.sweep_figures import write_sweep_figures
from analysis.targets import losses_between, targets_of
from analysis.verdict import verdict_of_run
from tests.helpers.reports import Page, valid
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import UPLINK, fabricate_sweep

LOSS = 1.2
ACCURACY_FIGURES = ["accuracy_vs_time", "accuracy_vs_bytes", "accuracy_vs_energy", "where_it_goes", "round_timeline"]
LOSS_FIGURES = ["loss_vs_time", "loss_vs_bytes", "loss_vs_energy"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two algorithms that predict tokens; both get below the target loss."""
    return fabricate(tmp_path_factory.mktemp("run") / "lm", rounds=4, task="next_token", target_loss=LOSS)


@pytest.fixture
def run(folder: Path) -> Run:
    return load_run(folder)


def test_folders_that_do_not_say_it_are_of_classifiers(run: Run, tmp_path: Path) -> None:
    assert (run.task, run.target_accuracy, run.target and run.target.value) == ("next_token", None, LOSS)
    assert load_run(fabricate(tmp_path)).task == "classification"


def test_the_time_to_a_target_loss_is_that_of_the_first_evaluation_at_or_below_it(run: Run) -> None:
    for label, rows in run.rounds.groupby("label"):
        below = rows.loc[rows["loss"] <= LOSS, "sim_time_s"]
        (trial,) = run.summary[run.summary["label"] == label].to_dict("records")
        assert trial["time_to_target_s"] == trial["time_to_target_held_s"] == below.min()


def test_the_table_has_loss_and_perplexity_first_and_says_of_what_accuracies_are(run: Run) -> None:
    columns = {column.name: column for column in measure_columns(run) if column.group == "Learning"}
    assert list(columns)[:4] == ["Loss", "Perplexity", "Settled token accuracy", "Loss of 1.2 held after"]
    assert {"Final token accuracy", "Best token accuracy"} < set(columns)
    assert not {"Settled accuracy", "Sampling error"} & set(columns)
    for loss, perplexity in zip(columns["Loss"].cells, columns["Perplexity"].cells, strict=True):
        assert perplexity.value == pytest.approx(exp(loss.value or 0.0))
        assert loss.best == (loss.value == min(cell.value or 9.0 for cell in columns["Loss"].cells))


def test_a_classifier_has_no_such_columns(tmp_path: Path) -> None:
    names = {column.name for column in measure_columns(load_run(fabricate(tmp_path)))}
    assert "Settled accuracy" in names
    assert not {"Loss", "Perplexity"} & names


def test_the_target_is_drawn_on_the_loss_and_only_there(run: Run) -> None:
    loss, accuracy = plot_loss(run), plot_accuracy(run)
    (line,) = (line for line in loss.lines if line.get_gid() == "target")
    assert set(line.get_ydata()) == {LOSS}
    assert not [line for line in accuracy.lines if line.get_gid() == "target"]
    assert "target 1.2" in [text.get_text() for text in loss.texts]
    assert (loss.get_title(loc="left"), accuracy.get_ylabel()) == ("Loss over time", "token accuracy on the test set")


@pytest.mark.usefixtures("nothing_saved")
def test_figures_of_loss_come_first(folder: Path) -> None:
    assert [path.stem for path in write_figures(folder)] == LOSS_FIGURES + ACCURACY_FIGURES


def test_losses_at_equal_budgets(run: Run) -> None:
    columns = equal_budgets(run)
    assert {column.group for column in columns} == {"Loss within"}
    time = next(column for column in columns if column.name.startswith("Time"))
    least = run.rounds.groupby("label")["sim_time_s"].max().min()
    for label, cell in zip(run.labels, time.cells, strict=True):
        own = run.rounds[(run.rounds["label"] == label) & (run.rounds["sim_time_s"] <= least)]
        assert cell.value == pytest.approx(own["loss"].iloc[-1])


@pytest.mark.parametrize(
    ("high", "low", "expected"),
    [
        (4.6, 2.31, [4.5, 4.0, 3.5, 3.0, 2.5]),
        (2.0, 1.0, [1.8, 1.6, 1.4, 1.2, 1.0]),
        (2.0, 2.0, []),
        (2.0, np.inf, []),
        (30.0, 1.5, [float(number) for number in range(13, 1, -1)]),
    ],
)
def test_steps_of_losses(high: float, low: float, expected: list[float]) -> None:
    assert losses_between(high, low) == pytest.approx(expected)


def test_what_is_spent_until_each_loss_is_held(run: Run) -> None:
    targets = targets_of(run)
    assert targets is not None
    assert (targets.goal, targets.asked) == ("loss", LOSS)
    assert list(targets.accuracies) == sorted(targets.accuracies, reverse=True)
    times = targets.spent["Time"].set_index("label")
    for label in run.labels:
        (own,) = run.summary.loc[run.summary["label"] == label, "time_to_target_held_s"]
        assert times.loc[label, LOSS] == own
    chart = targets_chart(run, targets)
    assert chart is not None
    assert chart.title == "What each loss takes"
    for figure in chart.figures.values():
        valid(figure)


def test_less_loss_for_less_is_on_the_front(run: Run) -> None:
    """SFPrompt is quicker and FL has the lower loss: neither beats the other."""
    found = frontier(run)
    assert found.gain.column == "final_loss"
    assert [found.spots[index].label for index in found.front] == ["SFPrompt", "FL"]
    worse = replace(run, summary=run.summary.assign(final_loss=[2.0, 1.0]))
    found = frontier(worse)
    assert [found.spots[index].label for index in found.front] == ["SFPrompt"]
    assert plot_pareto(run).get_ylabel() == "loss at the end"
    chart = pareto_chart(run)
    assert chart is not None
    assert (chart.title, chart.caption.split()[0]) == ("Loss against cost", "Down")


def test_the_chart_of_a_report_offers_the_loss_first(run: Run) -> None:
    chart = accuracy_chart(run)
    assert chart is not None
    assert chart.knobs[1].options == ("Loss", "Token accuracy")
    loss, accuracy = chart.figures["0|0"], chart.figures["0|1"]
    valid(loss)
    assert [shape["y0"] for shape in loss["layout"]["shapes"]] == [LOSS]
    assert "shapes" not in accuracy["layout"]


def test_a_report_speaks_of_loss(folder: Path) -> None:
    text = Page.of(write_report(folder, [], folder / "again.html")).text
    for sentence in (
        "Loss and what it costs",
        "Loss is the mean cross-entropy of a token at the last evaluation, in nats; perplexity is its exponential.",
        "Settled token accuracy is the mean of the last 3 evaluations",
        "The target of a loss of 1.2 is reached at the clock of the first evaluation at or below it",
        "A loss is held from the first of two evaluations in a row that reach it.",
        "to hold a loss of 1.2",
    ):
        assert sentence in text
    assert "Settled accuracy" not in text


def test_runs_of_different_targets_and_tasks_are_told_apart(folder: Path, tmp_path: Path) -> None:
    other = fabricate(tmp_path / "images", rounds=2, name="images")
    text = Page.of(write_comparison([folder, other], tmp_path / "both.html")).text
    assert "as the targets differ: made up a loss of 1.2, images 80 %." in text
    assert "accuracies do not compare: made up next token, images classification." in text


def evaluated(folder: Path) -> Path:
    """Say of all trials of a run that they were evaluated on 8 samples."""
    path = folder / "summary.json"
    said = json.loads(path.read_text())
    said["trials"] = [trial | {"evaluated_samples": 8} for trial in said["trials"]]
    path.write_text(json.dumps(said))
    return folder


def test_token_accuracy_is_no_share_of_the_samples(tmp_path: Path) -> None:
    run = load_run(evaluated(fabricate(tmp_path / "lm", rounds=4, task="next_token")))
    assert not [cell.note for column in measure_columns(run) for cell in column.cells if cell.note]


def test_runs_of_different_tasks_are_not_ranked(tmp_path: Path) -> None:
    """Their costs are, but neither accuracy nor loss is best, and no accuracy has the error of a share of samples."""
    tasks = {"lm": "next_token", "images": None}
    folders = [evaluated(fabricate(tmp_path / name, rounds=4, task=task, name=name)) for name, task in tasks.items()]
    found = compare(folders)
    verdict = verdict_of_run(found.joined, found.own_labels)
    assert verdict.answer == ("The runs learn different tasks, so that their accuracies do not compare.",)
    assert not verdict.first
    learned = [column for column in measure_columns(found.joined) if column.group == "Learning"]
    assert "Sampling error" not in [column.name for column in learned]
    assert not [cell for column in learned for cell in column.cells if cell.best or cell.note]


@pytest.mark.usefixtures("nothing_saved")
def test_figures_of_a_sweep_are_of_loss_and_perplexity(tmp_path: Path) -> None:
    def trained(label: str, place: object, seed: int) -> dict[str, float | None]:
        return {"final_loss": 2.0 + (label == "FL"), "perplexity": exp(2.0), "time_to_target_s": None}

    sweep = load_sweep(
        fabricate_sweep(tmp_path, {UPLINK: ["1 Mbit/s", "4 Mbit/s"]}, formula=trained, task="next_token")
    )
    assert sweep.measure("final_accuracy").name == "token accuracy at the end"
    names = [path.stem for path in write_sweep_figures(sweep)]
    assert names[:3] == ["over_axis_final_loss", "over_axis_perplexity", "over_axis_final_accuracy"]
    assert "pareto_sim_time_s" in names

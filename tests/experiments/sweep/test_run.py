"""A sweep leaves what its format says, does only what is missing, and says what failed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor
from rich.console import Console

from analysis import load_sweep, write_trace
from simulator.experiments.run.tables import summary_of
from simulator.experiments.sweep import run as running
from simulator.experiments.sweep.points import Trial
from simulator.experiments.trial.memory_check import dry_run_that_fits
from simulator.scenario.scenario import load
from simulator.settings.errors import ScenarioError
from tests.helpers.small_sweeps import LEFT, TRIAL, Write, names, swept

RATES = "world.devices.*.uplink.rate"


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "points.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def failing(monkeypatch: pytest.MonkeyPatch, when: Callable[[Trial], bool], error: Exception) -> None:
    real = running.outcome_of

    def broken(trial: Trial, *checkpoints: Any) -> Any:
        if when(trial):
            raise error
        return real(trial, *checkpoints)

    monkeypatch.setattr(running, "outcome_of", broken)


@pytest.mark.usefixtures("pictures")
def test_what_a_sweep_leaves(write: Write) -> None:
    file = write(axes={"algorithms.*.head": [0, 1], RATES: ["1 Mbit/s"]}, seeds=[0, 3])
    folder = swept(file)
    assert names(folder) == sorted([*LEFT, "figures"])
    assert names(folder / "figures")
    table = rows(folder)
    columns = ["trial", "point", "algorithms.*.head", RATES, "label", "algorithm", "seed", "status", "message"]
    assert list(table[0]) == columns
    assert [tuple(row[name] for name in columns[1:]) for row in table[:5]] == [
        ("0", "0", "1 Mbit/s", "FL", "fedavg", "0", "done", ""),
        ("0", "0", "1 Mbit/s", "FL", "fedavg", "3", "done", ""),
        ("0", "0", "1 Mbit/s", "SFL", "splitfed", "0", "done", ""),
        ("0", "0", "1 Mbit/s", "SFL", "splitfed", "3", "done", ""),
        ("1", "1", "1 Mbit/s", "FL", "fedavg", "0", "done", ""),
    ]
    assert names(folder / "trials") == sorted({row["trial"] for row in table})
    for row in table:
        place = folder / "trials" / row["trial"]
        assert names(place) == sorted([*TRIAL, "ledger"])
        assert oct(place.stat().st_mode & 0o777) == "0o755"
        summary = json.loads((place / "summary.json").read_text())
        assert list(summary) == ["scenario", "version", "dry", "task", "trials"]
        assert (summary["trials"][0]["label"], summary["trials"][0]["seed"]) == (row["label"], int(row["seed"]))


def test_a_report_is_of_the_points_that_are_there(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = swept(write(axes={"training.batch_size": [4, 8]}))

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    file = write(axes={"training.batch_size": [4]})
    with monkeypatch.context() as patch:
        patch.setattr("analysis.write_sweep_report", stopped)
        with pytest.raises(KeyboardInterrupt):
            swept(file)
    assert not (folder / "report.html").exists(), "one of two points would be wrong"
    swept(file)
    assert (folder / "report.html").exists(), "though no trial was missing"


def test_figures_are_those_of_a_run_of_the_same_scenario(write: Write) -> None:
    file = write(axes={"algorithms.SFL.head": [2]}, set={"world.server.slots": 3}, seeds=[7])
    row = rows(swept(file, "training.batch_size=4"))[1]
    overrides = ["algorithms.SFL.head=2", "world.server.slots=3", "training.batch_size=4"]
    same = load(file.parent / "tiny.yaml", overrides)
    summary = json.loads((file.parent / "out" / "trials" / row["trial"] / "summary.json").read_text())
    outcome = dry_run_that_fits(same, same.algorithms[1], 7)
    wanted = summary_of(outcome, same)
    assert summary["trials"][0] | {"wall_time_s": 0} == wanted | {"wall_time_s": 0}
    rounds = pd.read_csv(file.parent / "out" / "trials" / row["trial"] / "rounds.csv")
    assert rounds["bytes_up"].iloc[-1] == wanted["bytes_up"]


def test_the_scenario_of_a_trial_is_one(write: Write) -> None:
    folder = swept(write(axes={RATES: ["8 Mbit/s"]}))
    for row in rows(folder):
        scenario = load(folder / "trials" / row["trial"] / "scenario.yaml")
        assert [entry.label for entry in scenario.algorithms] == [row["label"]]
        assert {group.uplink.rate for group in scenario.world.devices} == {1e6}


def test_only_what_is_missing_is_run(write: Write, ran: list[Trial]) -> None:
    file = write(axes={"algorithms.*.head": [0, 1]})
    swept(file)
    assert len(ran) == 3  # FL has no head
    swept(file)
    assert len(ran) == 3
    write(axes={"algorithms.*.head": [0, 1, 2]})
    folder = swept(file)
    assert [trial.scenario.algorithms[0].label for trial in ran[3:]] == ["SFL"]
    swept(write(axes={"algorithms.*.head": [0, 1, 2]}, seeds=[0, 1]))
    assert len(ran) == 8
    assert {trial.scenario.seeds for trial in ran[4:]} == {(1,)}
    assert {row["status"] for row in rows(folder)} == {"done"}


def test_a_failure_is_kept_and_leaves_the_others_alone(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    file, said = write(axes={"training.batch_size": [4, 8, 16]}), io.StringIO()
    with monkeypatch.context() as patch:
        failing(patch, lambda trial: trial.scenario.training.batch_size == 8, ScenarioError("it is too much"))
        with pytest.raises(ScenarioError, match="2 of 6 trials failed: the same command tries them again"):
            swept(file, console=Console(file=said))
    assert "Failed: point 1 (training.batch_size=8), FL, seed 0 (and 1 more): it is too much" in said.getvalue()
    assert "4 of 6 trials are done, 4 of them now" in said.getvalue()
    table = rows(file.parent / "out")
    assert [row["status"] for row in table] == ["done", "done", "failed", "failed", "done", "done"]
    assert table[2]["message"] == "it is too much"
    place = file.parent / "out" / "trials" / table[2]["trial"]
    assert json.loads((place / "failure.json").read_text()) == {"message": "it is too much"}
    folder = swept(file)  # tried again
    assert {row["status"] for row in rows(folder)} == {"done"}
    assert names(place) == sorted([*TRIAL, "ledger"])


def test_points_that_are_no_scenario_leave_the_others_alone_if_that_is_wanted(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(axes={"training.batch_size": [4, 8, 0]})
    failing(monkeypatch, lambda trial: trial.scenario.training.batch_size == 4, ZeroDivisionError("ours"))
    said = io.StringIO()
    folder = swept(file, keep_going=True, console=Console(file=said))
    table = rows(folder)
    assert [row["status"] for row in table] == ["failed"] * 2 + ["done"] * 2 + ["failed"] * 2
    assert table[0]["message"] == "ZeroDivisionError: ours"
    assert (
        "tiny.yaml, with training.batch_size=0: training.batch_size is 0: it must be more than 0" in table[4]["message"]
    )
    assert table[4]["trial"] == ""
    assert "Traceback" in (folder / "trials" / table[0]["trial"] / "failure.json").read_text()
    assert (
        "Failed: point 0 (training.batch_size=4), FL, seed 0 (and 1 more): ZeroDivisionError: ours" in said.getvalue()
    )
    assert "2 of 6 trials are done, 2 of them now" in said.getvalue()


@pytest.mark.parametrize("left", ["", '{"half', "{}", "[]", '{"trial": {}}', '{"trials": []}'])
def test_a_trial_that_is_none_is_run_again(left: str, write: Write, ran: list[Trial]) -> None:
    file = write(axes={"training.batch_size": [8]})
    folder = swept(file)
    broken = folder / "trials" / rows(folder)[1]["trial"] / "summary.json"
    whole = json.loads(broken.read_text())
    broken.write_text(left)
    swept(file)
    assert len(ran) == 3
    healed = json.loads(broken.read_text())
    assert healed["trials"][0] | {"wall_time_s": 0} == whole["trials"][0] | {"wall_time_s": 0}


def test_points_that_are_no_scenario_are_told_before_anything_is_run(write: Write, ran: list[Trial]) -> None:
    file = write(axes={"training.batch_size": [8, 0], "algorithms.*.head": [1, 9]})
    with pytest.raises(ScenarioError) as found:
        swept(file)
    first, *others = str(found.value).splitlines()
    assert first == "5 of 7 trials are not valid; with --keep-going the others are run:"
    starts = [
        "point 1 (training.batch_size=8, algorithms.*.head=9), SFL, seed 0: ",
        "point 2 (training.batch_size=0, algorithms.*.head=1) (and 1 more): ",
    ]
    assert all(line.startswith(start) for line, start in zip(others, starts, strict=True))
    assert not ran
    assert not (file.parent / "out").exists()


def test_a_device_that_is_too_small_is_a_failure(write: Write) -> None:
    file = write(axes={"world.devices.*.memory": ["4 GiB", "1 kB"]})
    folder = swept(file, keep_going=True)
    assert [row["status"] for row in rows(folder)] == ["done"] * 2 + ["failed"] * 2
    assert "FL needs " in rows(folder)[2]["message"]


def test_a_real_trial_is_trained(write: Write) -> None:
    folder = swept(write(axes={"training.batch_size": [8]}), dry=False)
    for row in rows(folder):
        summary = json.loads((folder / "trials" / row["trial"] / "summary.json").read_text())
        assert summary["trials"][0]["final_accuracy"] >= 0


def test_a_trial_is_a_run(write: Write, tmp_path: Path) -> None:
    folder = swept(write(axes={"training.batch_size": [8]}))
    sweep = load_sweep(folder)
    for _, row in sweep.summary.iterrows():
        run = sweep.run(row["trial"])
        assert (run.labels, run.seeds(row["label"]), run.dry) == ([row["label"]], [row["seed"]], True)
        assert run.works(row["label"], row["seed"])["flops"].sum() == row["client_flops"] + row["server_flops"]
        assert write_trace(run.folder, out=tmp_path / "trace.json.gz").path.exists()


def test_no_ledger_is_kept_where_none_is_wanted(write: Write, ran: list[Trial]) -> None:
    file = write(axes={"training.batch_size": [8]})
    folder = swept(file, ledger=False)
    assert [names(folder / "trials" / row["trial"]) for row in rows(folder)] == [TRIAL] * 2
    swept(file)
    assert len(ran) == 4, "they were there without"
    swept(file)
    swept(file, ledger=False)
    assert len(ran) == 4


def test_two_workers_find_what_one_finds(write: Write) -> None:
    file = write(axes={RATES: {"log": ["1 Mbit/s", "100 Mbit/s"], "points": 3}})
    folders = [swept(file, workers=workers, out=file.parent / str(workers)) for workers in (1, 2)]
    one, two = ([(row["trial"], row["status"]) for row in rows(folder)] for folder in folders)
    assert one == two
    for trial, _ in one:
        for name in TRIAL:
            texts = [(folder / "trials" / trial / name).read_text() for folder in folders]
            if name == "summary.json":
                texts = [json.dumps(json.loads(text)["trials"][0] | {"wall_time_s": 0}) for text in texts]
            assert texts[0] == texts[1], name


def test_workers_go_on_after_a_failure_without_a_word_of_their_own(
    write: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    file = write(axes={"world.devices.*.memory": ["1 kB", *(f"{size} GiB" for size in range(4, 12))]})
    get_reusable_executor().shutdown(kill_workers=True)  # those of earlier tests write elsewhere
    with pytest.raises(ScenarioError, match=r"^2 of 18 trials failed: the same command tries them again$"):
        swept(file, workers=2)
    assert capfd.readouterr() == ("", "")
    table = rows(file.parent / "out")
    assert [row["status"] for row in table] == ["failed"] * 2 + ["done"] * 16
    assert not [name for name in names(file.parent / "out" / "trials") if name.startswith(".")]


@pytest.mark.parametrize(("error", "left"), [(ScenarioError("too far"), 0), (RuntimeError("a defect"), 1)])
def test_a_checkpoint_is_kept_as_long_as_it_can_be_used(
    write: Write, monkeypatch: pytest.MonkeyPatch, error: Exception, left: int
) -> None:
    """One that is refused would end there again; one that failed by a defect goes on from it once that is mended."""

    def broken(trial: Trial, checkpoints: Any) -> Any:
        checkpoints.path.parent.mkdir(exist_ok=True)
        checkpoints.path.touch()
        raise error

    monkeypatch.setattr(running, "outcome_of", broken)
    folder = swept(write(axes={"training.batch_size": [8]}), keep_going=True)
    assert [row["status"] for row in rows(folder)] == ["failed"] * 2
    assert len(list((folder / ".checkpoints").glob("*"))) == 2 * left


# Folders.


def test_lines_of_progress_where_there_is_no_terminal(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.experiments.sweep.watch.EVERY", -1.0)
    said = io.StringIO()
    swept(write(axes={"training.batch_size": [8]}), console=Console(file=said))
    assert said.getvalue().splitlines()[:2] == [
        "2 trials to run, 1 at once",
        "2 of 2 trials, 0 running, none failed, about 0 s left",
    ]


def test_brackets_in_an_error_are_printed_as_they_are(write: Write) -> None:
    said = io.StringIO()
    file = write(axes={"world.server.name": ["rtx-4090", "[batch] [/x]"]})
    swept(file, console=Console(file=said), keep_going=True)
    assert "Failed: point 1 (world.server.name=[batch] [/x])" in said.getvalue()


def test_what_is_piped_has_no_blanks_at_the_ends_of_lines(write: Write) -> None:
    said = io.StringIO()
    swept(write(axes={"training.batch_size": [8, 16]}), console=Console(file=said, width=100))
    assert any("16" in line for line in said.getvalue().splitlines())
    assert not [line for line in said.getvalue().splitlines() if line != line.rstrip()]

"""A search finds what there is, runs nothing twice, and goes on after any end as if there had been none."""

from __future__ import annotations

import json
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.search import evaluate
from simulator.experiments.search import search as loop
from simulator.experiments.sweep.points import Trial
from simulator.experiments.trial.identity import identity
from simulator.scenario.scenario import load
from simulator.settings.errors import ScenarioError
from tests.helpers.grids import grid
from tests.helpers.small_searches import HEAD, LEFT, RATE, SPACE, new, searched, table
from tests.helpers.small_sweeps import Write, names, swept

RATES = ["5 Mbit/s", "20 Mbit/s", "80 Mbit/s"]


def costs(row: dict[str, str]) -> tuple[float, float]:
    return float(row["sim_time_s"]), float(row["server_flops"])


def beaten(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(theirs <= ours for ours, theirs in zip(one, other, strict=True))


def test_a_random_search_with_enough_trials_finds_the_true_front(write: Write, tmp_path: Path) -> None:
    """The front of all points, which a sweep enumerates, by the definition: no other is nowhere worse and not equal."""
    folder = searched(write(sampler={"name": "random"}, trials=12))
    rows = new(folder)
    assert {(row[HEAD], row[RATE]) for row in rows} == set(product("0123", RATES))
    everything = write("sweep.yaml", space=None, objectives=None, algorithm=None)
    everything.write_text(f"name: all\nscenario: tiny.yaml\naxes: {json.dumps({HEAD: [0, 1, 2, 3], RATE: RATES})}\n")
    trials = swept(everything, out=tmp_path / "all") / "trials"
    assert {row["trials"] for row in rows} < set(names(trials))
    for row in rows:
        (summary,) = json.loads((trials / row["trials"] / "summary.json").read_text())["trials"]
        assert costs(row) == (summary["sim_time_s"], summary["server_flops"])
    true = {row["suggestion"] for row in rows if not any(beaten(costs(row), costs(other)) for other in rows)}
    assert {row["suggestion"] for row in rows if row["front"]} == true
    assert 1 < len(true) < 12


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_every_point_of_the_front_is_one_that_no_other_found_point_beats(write: Write, sampler: str) -> None:
    rows = new(searched(write(sampler={"name": sampler}, trials=6)))
    for row in rows:
        assert bool(row["front"]) != any(beaten(costs(row), costs(other)) for other in rows)


def drawn(folder: Path) -> list[tuple[str, str, str]]:
    return [point(row) for row in table(folder)]


def point(row: dict[str, str]) -> tuple[str, str, str]:
    return row[HEAD], row[RATE], row["status"]


@pytest.mark.parametrize("sampler", [{"name": "tpe", "first": 3}, {"name": "nsga2", "population": 4}])
def test_the_seed_gives_the_suggestions(write: Write, tmp_path: Path, sampler: dict[str, Any]) -> None:
    one = searched(write(sampler=sampler, trials=8), out=tmp_path / "one")
    assert drawn(searched(write(sampler=sampler, trials=8), out=tmp_path / "two")) == drawn(one)
    assert drawn(searched(write(sampler={**sampler, "seed": 1}, trials=8), out=tmp_path / "three")) != drawn(one)


class Killed(BaseException):
    """The end of a process, as far as the journal can tell."""


SAMPLERS: list[dict[str, Any]] = [{"name": "tpe", "first": 3}, {"name": "nsga2", "population": 4}]


@pytest.mark.parametrize(
    ("sampler", "moment"),
    grid(
        SAMPLERS,
        ("asked", "run", "told"),
        often=lambda sampler, moment: (
            (sampler["name"], moment) in {("tpe", "asked"), ("tpe", "told"), ("nsga2", "run")}
        ),
    ),
)
def test_a_search_that_was_interrupted_ends_as_an_undisturbed_one(
    write: Write, tmp_path: Path, sampler: dict[str, Any], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(sampler=sampler, trials=8)
    undisturbed = searched(file, out=tmp_path / "one")
    for _ in range(3):
        with monkeypatch.context() as patch:
            interrupt(patch, moment, 2)
            with pytest.raises(Killed):
                searched(file, out=tmp_path / "two")
    journal = tmp_path / "two" / "journal.log"
    journal.write_bytes(journal.read_bytes() + b'{"op_code":4,"wor')  # a line that was cut off
    other = searched(file, out=tmp_path / "two")
    assert drawn(other) == drawn(undisturbed)
    assert names(other / "trials") == names(undisturbed / "trials")
    assert names(other) == names(undisturbed)


def interrupt(patch: pytest.MonkeyPatch, moment: str, number: int) -> None:
    """Raise at a moment of a suggestion: one key of it drawn, its trials done but not told, or told in part."""
    import optuna

    owner, name, left = {
        "asked": (optuna.trial.Trial, "_suggest", 2 * number - 1),  # there are two keys
        "run": (loop.Loop, "tell", number),
        "told": (optuna.study.Study, "tell", number),
    }[moment]
    real: Any = getattr(owner, name)
    calls = iter(range(left))

    def watched(*given: Any, **named: Any) -> Any:
        if next(calls, None) is None:
            raise Killed
        return real(*given, **named)

    patch.setattr(owner, name, watched)


def test_what_is_done_is_never_run_again(write: Write, ran: list[Trial]) -> None:
    folder = searched(write(sampler={"name": "random"}, trials=5))
    assert len(ran) == len({trial.hash for trial in ran}) == 5
    journal = (folder / "journal.log").read_bytes()
    assert searched(write(sampler={"name": "random"}, trials=5)) == folder
    assert (folder / "journal.log").read_bytes() == journal
    (folder / "journal.log").unlink()  # trials are found by what they are, however they came there
    searched(write(sampler={"name": "random"}, trials=5))
    assert len(ran) == 5
    searched(write(sampler={"name": "random"}, trials=9))
    assert len(ran) == 9, "more trials go on"


def test_several_seeds_and_algorithms(write: Write, ran: list[Trial]) -> None:
    """A point is as good as the mean over its seeds; the algorithm is one more thing to choose."""
    space = {"training.batch_size": [8, 16]}
    file = write(space=space, seeds=[0, 1], algorithm=None, trials=4, objectives=[{"minimise": "bytes"}])
    rows = new(folder := searched(file))
    assert {(row["training.batch_size"], row["label"]) for row in rows} == set(product(["8", "16"], ["FL", "SFL"]))
    assert len(ran) == 8
    for row in rows:
        summaries = [json.loads((folder / "trials" / key / "summary.json").read_text())["trials"][0]
                     for key in row["trials"].split()]  # fmt: skip
        assert [summary["seed"] for summary in summaries] == [0, 1]
        total = sum(summary["bytes_up"] + summary["bytes_down"] for summary in summaries)
        assert float(row["bytes"]) == total / 2
    assert min(rows, key=lambda row: float(row["bytes"]))["front"] == "1"


def test_the_best_scenario_is_the_one_that_was_tried(write: Write) -> None:
    """Its trial has the hash of a trial in the folder: a run of it gives the same figures."""
    folder = searched(write(sampler={"name": "random"}, trials=12))
    rows = sorted((row for row in new(folder) if row["front"]), key=lambda row: int(row["front"]))
    assert names(folder) == sorted([*LEFT, *(f"front-{place}.yaml" for place in range(1, len(rows) + 1))])
    for row in rows:
        scenario = load(folder / f"front-{row['front']}.yaml")
        assert [entry.label for entry in scenario.algorithms] == ["SFL"]
        assert identity(scenario, 0, 0, dry=True) == row["trials"]
    assert (folder / "best.yaml").read_text() == (folder / "front-1.yaml").read_text()
    searched(write(sampler={"name": "random"}, trials=12, objectives=[{"minimise": "sim_time_s"}]), force=True)
    assert names(folder) == LEFT, "with one objective there is one best point"


def test_points_that_do_not_fit_are_infeasible(write: Write) -> None:
    """The model has so many blocks that a head of 30 leaves none for the server; a memory of 1 kB holds nothing."""
    file = write(space={HEAD: [1, 30], "world.devices.*.memory": ["4 GiB", "1 kB"]}, trials=4)
    with pytest.raises(ScenarioError, match="no such key") as refused:
        searched(write(space={"algorithms.SFL.heat": [1, 30]}))
    assert 'did you mean "head"?' in str(refused.value)
    file = write(
        space={HEAD: [1, 30], "world.devices.*.memory": ["4 GiB", "1 kB"]},
        objectives=[{"minimise": "sim_time_s"}],
        trials=4,
    )
    rows = new(searched(file))
    done = [row for row in rows if row["status"] == "done"]
    assert [(row[HEAD], row["world.devices.*.memory"]) for row in done] == [("1", "4 GiB")]
    assert [row["status"] for row in rows if row not in done] == ["infeasible"] * 3
    assert all(row["message"] and not row["sim_time_s"] for row in rows if row not in done)


def test_bounds_are_kept(write: Write) -> None:
    bounds = {"server_flops": {"at_most": 1e8}}
    rows = new(searched(write(objectives=[{"minimise": "sim_time_s"}], constraints=bounds, trials=12)))
    for row in rows:
        assert (row["status"] == "done") == (float(row["server_flops"]) <= 1e8)
    best = min((row for row in rows if row["status"] == "done"), key=lambda row: float(row["sim_time_s"]))
    assert [row["suggestion"] for row in rows if row["front"]] == [best["suggestion"]]
    assert {row["status"] for row in rows} == {"done", "infeasible"}


def test_where_nothing_keeps_the_bounds_the_closest_is_named(write: Write) -> None:
    file = write(objectives=[{"minimise": "sim_time_s"}], constraints={"sim_time_s": {"at_most": "1 ms"}}, trials=12)
    with pytest.raises(ScenarioError, match="no point keeps all constraints; the closest is head 0, rate 80 Mbit/s: "):
        searched(file)


def test_a_defect_in_one_trial_leaves_the_others_alone(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    real = evaluate.outcome_of

    def breaks(trial: Trial, checkpoints: Any) -> Any:
        if trial.scenario.algorithms[0].algorithm.head == 2:  # type: ignore[attr-defined]
            raise RuntimeError("a defect")
        return real(trial, checkpoints)

    monkeypatch.setattr(evaluate, "outcome_of", breaks)
    rows = new(searched(write(trials=12, sampler={"name": "random"})))
    assert {(row[HEAD], row["status"]) for row in rows} == {
        *((head, "done") for head in "013"),
        ("2", "failed"),
    }
    assert {row["message"] for row in rows if row["status"] == "failed"} == {"RuntimeError: a defect"}


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_what_failed_is_tried_again_and_then_the_search_is_as_if_it_had_not(
    write: Write, tmp_path: Path, sampler: str, monkeypatch: pytest.MonkeyPatch, ran: list[Trial]
) -> None:
    file = write(trials=6, sampler={"name": sampler})
    undisturbed = searched(file, out=tmp_path / "one")
    real = evaluate.outcome_of
    left = iter(range(5))

    def breaks(trial: Trial, checkpoints: Any) -> Any:
        if next(left, None) is None:
            raise RuntimeError("a defect")
        return real(trial, checkpoints)

    for _ in range(2):  # it fails again the second time
        with monkeypatch.context() as patch:
            patch.setattr(evaluate, "outcome_of", breaks)
            rows = new(searched(file))
        assert [row["status"] for row in rows] == ["done"] * 5 + ["failed"]
    ran.clear()
    rows = new(searched(file))
    assert len(ran) == 1
    assert [point(row) for row in rows] == [point(row) for row in new(undisturbed)]
    assert len({row["suggestion"] for row in rows}) == len(rows) == 6
    searched(file)
    assert len(ran) == 1, "now it is known"


def test_trials_that_are_done_elsewhere_end_the_search(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with jobs of Slurm on machines that do not share the folder: after one point, not after all."""
    monkeypatch.setattr(evaluate.Evaluate, "__call__", lambda self, item: evaluate.Evaluated(item.number))
    with pytest.raises(ScenarioError, match="out is not the same folder for all workers"):
        searched(file := write(trials=3))
    assert new(file.parent / "out") == []
    monkeypatch.undo()
    assert len(new(searched(file))) == 3


@pytest.mark.slow
def test_workers(write: Write, tmp_path: Path) -> None:
    """Two workers find what one finds, if they look at everything."""
    one = searched(write(sampler={"name": "random"}, trials=12), out=tmp_path / "one")
    two = searched(write(sampler={"name": "random"}, trials=12), out=tmp_path / "two", workers=2)
    assert names(two / "trials") == names(one / "trials")
    front = [{(row[HEAD], row[RATE], row["front"]) for row in new(folder)} for folder in (one, two)]
    assert front[0] == front[1]


def test_another_search_in_the_folder(write: Write) -> None:
    folder = searched(write(trials=3))
    with pytest.raises(ScenarioError, match=r"space\.algorithms\.SFL\.head\.integers\.1 is 3 there and 2 here"):
        searched(write(trials=3, space={**SPACE, HEAD: {"integers": [0, 2]}}))
    with pytest.raises(ScenarioError, match=r"holds another search: scenario\.training\.rounds is 1 there and 2 here"):
        searched(write(trials=3), "training.rounds=2")
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "mine.txt").touch()
    with pytest.raises(ScenarioError, match="is not empty and holds no search"):
        searched(write(trials=3))

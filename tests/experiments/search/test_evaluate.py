"""A point is evaluated once: from where its trials were, in the search's folder only, and never without an outcome."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.executors import ray_worker
from simulator.experiments.executors.folders import WritesFolders
from simulator.experiments.executors.ray_worker import Worker
from simulator.experiments.search import evaluate
from simulator.experiments.search.evaluate import Curve, Evaluate, Evaluated, Item, Judge
from simulator.experiments.search.measures import curve_of
from simulator.experiments.search.points import points_of
from simulator.experiments.search.pruning.median import Median
from simulator.experiments.search.settings import load
from simulator.experiments.sweep.store import Store
from simulator.settings.errors import ScenarioError
from tests.helpers.small_searches import HEAD
from tests.helpers.small_sweeps import Write, names

SHORT = {"training.rounds": 3, "training.train": "full", "evaluation.samples": 20}
HIGH = {0: 0.0, 1: 0.9, 2: 0.9, 3: 0.9}
LOW = dict.fromkeys(range(4), 0.0)
Make = Callable[..., Item]


@pytest.fixture
def item(write: Write) -> Make:
    """Makes the same point again: real trials of three rounds, with a checkpoint after each."""

    def item(*curves: Curve, dry: bool = False) -> Item:
        said = {"set": SHORT | {"checkpoint": {"every": 1}}, "space": {HEAD: [1, 2]}, "seeds": [0, 1] if dry else [0]}
        points = points_of(load(write(**said)), (), dry)
        trials = points.at(dict.fromkeys(points.distributions(), 0)).trials
        return Item(0, trials, (curves,) * len(trials) if curves else ())

    return item


def evaluates(folder: Path) -> Evaluate:
    return Evaluate(Store(folder), "cpu", ledger=False, pruning=Median(after=0, first=1))


class Killed(BaseException):
    """The end of a process."""


def watched(monkeypatch: pytest.MonkeyPatch, last: int | None = None) -> list[int]:
    """Return the rounds of which judges are told; after one of them the process ends."""
    told: list[int] = []
    real = Judge.__call__

    def call(judge: Judge, round_: int, accuracy: float) -> None:
        told.append(round_)
        real(judge, round_, accuracy)
        if round_ == last:
            raise Killed

    monkeypatch.setattr(Judge, "__call__", call)
    return told


def test_a_trial_that_goes_on_tells_the_judge_its_whole_curve(
    item: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate_, undisturbed = evaluates(tmp_path / "a"), evaluates(tmp_path / "b")
    point = item(LOW)
    checkpoint = evaluate_.store.checkpoint(point.trials[0].hash)
    with monkeypatch.context() as patch:
        watched(patch, last=2)
        with pytest.raises(Killed):
            evaluate_(point)
    assert checkpoint.exists()
    built: list[Any] = []
    real = evaluate.Checkpoints.__init__
    monkeypatch.setattr(
        evaluate.Checkpoints, "__init__", lambda self, *given: (built.append(self), real(self, *given))[1]
    )
    told = watched(monkeypatch)
    assert evaluate_(point) == undisturbed(point) == Evaluated(0)
    assert [each.resumed for each in built] == [2, 0], "or this test tests nothing"
    assert told == [0, 1, 2, 3] * 2
    assert not checkpoint.exists()
    one, other = (curve_of(each.folder_of(point)) for each in (evaluate_, undisturbed))
    assert one == other


def test_the_checkpoint_of_what_is_given_up_is_removed(item: Make, tmp_path: Path) -> None:
    evaluate_ = evaluates(tmp_path)
    assert evaluate_(point := item(HIGH)).status == "pruned"
    assert names(evaluate_.folder_of(point)) == ["pruned.json"]
    assert names(tmp_path / ".checkpoints") == []


@pytest.mark.parametrize(
    ("error", "status", "left"), [(ScenarioError("no"), "infeasible", False), (RuntimeError("oh"), "failed", True)]
)
def test_a_checkpoint_is_kept_as_long_as_it_can_be_used(
    item: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, status: str, left: bool
) -> None:
    def ends(trial: Any, checkpoints: Any) -> Any:
        checkpoints.path.parent.mkdir(parents=True)
        checkpoints.path.touch()
        raise error

    monkeypatch.setattr(evaluate, "outcome_of", ends)
    evaluate_ = evaluates(tmp_path)
    assert evaluate_(point := item()).status == status
    assert evaluate_.store.checkpoint(point.trials[0].hash).exists() == left


def test_a_worker_that_does_not_share_the_folder_refuses_the_first_point(
    item: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is simulated, and by the name of the folder where the search runs."""
    monkeypatch.setattr(ray_worker, "_settle", lambda directory: None)  # it changes the process for good
    function = evaluates(tmp_path / "search")
    assert isinstance(function, WritesFolders)
    sent = (pickle.dumps(item(dry=True)), ())
    function = function.at(function.root.absolute())  # as Ray asks it to
    with pytest.raises(ScenarioError, match=f"{tmp_path / 'search'} is not the same folder for all workers"):
        Worker(function, tmp_path / "nowhere" / "mark", str(tmp_path))(sent)
    (tmp_path / "search").mkdir()
    (mark := tmp_path / "search" / "mark").touch()
    assert Worker(function, mark, str(tmp_path))(sent).result == Evaluated(0)


def test_a_point_whose_worker_is_lost_is_one_failed_point(item: Make, tmp_path: Path) -> None:
    function, point = evaluates(tmp_path), item(dry=True)
    first, second = (trial.hash for trial in point.trials)
    function(Item(0, point.trials[:1]))
    assert function.lost(point, "its worker was lost") == Evaluated(0, "failed", "its worker was lost")
    assert function.store.done(first)
    assert names(tmp_path / "trials" / second) == ["failure.json"]
    function(point)
    assert function.lost(point, "its worker was lost") == Evaluated(0), "it was done all the same"

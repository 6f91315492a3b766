"""The evaluation of a point: its trials, one after the other, in this process or in another one."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.accounting.spill import spilling_into
from simulator.experiments.search.journal import DONE, FAILED, INFEASIBLE, PRUNED
from simulator.experiments.sweep.run import outcome_of
from simulator.experiments.sweep.store import Store
from simulator.experiments.trial.checkpoint import Checkpoints
from simulator.experiments.trial.memory_check import dry_run_that_fits
from simulator.experiments.trial.trial import Trial as Steps
from simulator.settings.disk import CannotWriteError
from simulator.settings.errors import ScenarioError
from simulator.settings.files import whole_folder
from simulator.settings.plugin_files import own_lines

if TYPE_CHECKING:
    from simulator.experiments.search.pruning.base import Pruning
    from simulator.experiments.sweep.points import Trial
    from simulator.experiments.trial.result import TrialResult

Curve = Mapping[int, float]
"""Accuracies by round."""
PRUNED_FILE = "pruned.json"
"""What a trial that was given up leaves in its folder, in place of a result."""


@dataclass(frozen=True)
class Item:
    """A point to evaluate.

    Attributes:
        number: the number of its suggestion.
        trials: its trials, one for each seed.
        curves: for each of them, the curves of earlier trials with the same seed; empty without pruning.
    """

    number: int
    trials: tuple[Trial, ...]
    curves: tuple[tuple[Curve, ...], ...] = ()


@dataclass(frozen=True)
class Evaluated:
    """What became of a point; its figures are read from the folders of its trials.

    Attributes:
        number: the number of its suggestion.
        status: "done", "infeasible", "pruned" or "failed".
        message: why it is not done.
    """

    number: int
    status: str = DONE
    message: str = ""


class GivenUpError(Exception):
    """A trial was pruned; the arguments are its curve so far and the round."""


@dataclass(frozen=True)
class Evaluate:
    """Runs the trials of a point that are not done, and stores their results.

    Attributes:
        store: the folder of the search.
        device: the torch device of the trials.
        ledger: whether the ledgers are stored, too.
        pruning: which trials are given up.
        home: the folder of the search on the machine that suggests points, if this machine does not share it.
    """

    store: Store
    device: str
    ledger: bool
    pruning: Pruning
    home: Path | None = None

    @property
    def root(self) -> Path:
        """The folder of the search."""
        return self.store.folder

    def at(self, root: Path) -> Evaluate:
        """Return the same function for another folder; it evaluates nothing there, for points come back in no other."""
        return replace(self, store=Store(root), home=self.home if root == self.root.absolute() else self.root)

    def folder_of(self, item: Item) -> Path:
        """Return the folder of the last trial of a point: once it is seen, so are the others beside it."""
        return self.store.trials / item.trials[-1].hash

    def lost(self, item: Item, problem: str) -> Evaluated:
        """Store why a point was given up, unless its trials have been done all the same."""
        for trial in item.trials:
            if not self.store.done(trial.hash, self.ledger):
                self.store.fail(trial.hash, problem)
                return Evaluated(item.number, FAILED, problem)
        return Evaluated(item.number)

    def __call__(self, item: Item) -> Evaluated:
        """Evaluate a point.

        Raises:
            ScenarioError: the folder of the search is not shared with this machine.
        """
        if self.home is not None:
            raise ScenarioError(not_shared(self.home))
        for place, trial in enumerate(item.trials):
            if self.store.done(trial.hash, self.ledger):
                continue
            checkpoints = Checkpoints(self.store.checkpoint(trial.hash), trial.scenario.checkpoint, trial.hash)
            try:
                curves = item.curves[place] if item.curves else ()
                with spilling_into(self.store.folder):
                    self.store.keep(trial, self._outcome(trial, curves, checkpoints), self.device, self.ledger)
                checkpoints.remove()
            except GivenUpError as stop:
                curve, last = stop.args
                self._record(trial.hash, curve)
                checkpoints.remove()
                return Evaluated(item.number, PRUNED, f"given up after round {last}, at {curve[last]:.1%}")
            except ScenarioError as error:
                checkpoints.remove()  # the trial would end there again; after any other end it goes on from it
                self.store.fail(trial.hash, str(error))
                return Evaluated(item.number, INFEASIBLE, str(error))
            except CannotWriteError:  # nor could others be: the search ends
                raise
            except Exception as error:  # a defect, or too little memory: the search must go on
                problem = own_lines(error) or f"{type(error).__name__}: {error}"
                self.store.fail(trial.hash, problem, traceback=traceback.format_exc())
                return Evaluated(item.number, FAILED, problem)
        return Evaluated(item.number)

    def _outcome(self, trial: Trial, curves: tuple[Curve, ...], checkpoints: Checkpoints) -> TrialResult:
        judge = None if trial.dry else Judge.of(self.pruning, curves)
        if judge is None:
            return outcome_of(trial, checkpoints)
        return _watched(trial, judge, checkpoints)

    def _record(self, key: str, curve: Curve) -> None:
        with whole_folder(self.store.trials / key) as place:
            (place / PRUNED_FILE).write_text(json.dumps({"accuracy_by_round": curve}, indent=2) + "\n")


class Judge:
    """Says after each evaluation whether a trial is given up, with a pruner of Optuna's and the curves of others.

    Args:
        pruner: the pruner.
        curves: the curves of earlier trials that are complete.
    """

    def __init__(self, pruner: Any, curves: tuple[Curve, ...]) -> None:
        from optuna import create_study
        from optuna.trial import create_trial

        self.curve: dict[int, float] = {}
        study = create_study(direction="maximize", pruner=pruner)
        for curve in curves:
            study.add_trial(create_trial(value=[*curve.values()][-1], intermediate_values=dict(curve)))
        self._trial = study.ask()

    @classmethod
    def of(cls, pruning: Pruning, curves: tuple[Curve, ...]) -> Judge | None:
        """Return a judge; None where nothing is ever given up, or there is nothing to compare with."""
        pruner = pruning.make() if curves else None
        return None if pruner is None else cls(pruner, curves)

    def __call__(self, round_: int, accuracy: float) -> None:
        """Take in an evaluation.

        Raises:
            GivenUpError: the trial is pruned.
        """
        if round_ in self.curve:  # the same round again, at the end of a budget
            return
        self.curve[round_] = accuracy
        self._trial.report(accuracy, round_)
        if self._trial.should_prune():
            raise GivenUpError(self.curve, round_)


def not_shared(folder: Path) -> str:
    """Return what is told of a folder of a search that workers do not see."""
    return f"{folder} is not the same folder for all workers: a search needs one that all machines share (--out)"


def _watched(trial: Trial, judge: Judge, checkpoints: Checkpoints) -> TrialResult:
    """Run a trial as ``outcome_of`` does, and give it up when a judge says so.

    A trial that goes on from a checkpoint tells of all rounds before it again, so that the judge sees the whole curve.
    """
    scenario, entry, seed = trial.scenario, trial.scenario.algorithms[0], trial.scenario.seeds[0]
    without = frozenset[str]()
    if not entry.algorithm.needs_values:
        without = dry_run_that_fits(scenario, entry, seed).without
    steps = Steps(scenario, entry, seed, without=without, checkpoints=checkpoints)
    rounds = steps.rounds()
    try:
        return steps.run(lambda point: judge(point.round, point.score.accuracy) if point.score else None)
    finally:
        rounds.close()  # type: ignore[attr-defined]  # stops what still runs in the simulated world

"""The suggestions of a search, kept by Optuna in a journal in the search's folder.

The search alone writes the journal, under the lock of its folder, so that Optuna's own lock, which a killed process
leaves behind, is not needed. A line that was cut off is removed before the journal is read.

Each suggestion has a turn. Its sampler is made anew, with a seed of the turn, and what was lost with a process that
died has its turn again: the sequence is that of an undisturbed search.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.settings.errors import ScenarioError
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import JournalStorage
    from optuna.trial import FrozenTrial

    from simulator.experiments.search.settings import Search

JOURNAL = "journal.log"
DONE, INFEASIBLE, PRUNED, FAILED = "done", "infeasible", "pruned", "failed"
"""What can become of a suggestion."""
_OUTCOME, _AGAIN = "outcome", "again"


@dataclass(frozen=True)
class Outcome:
    """What became of a suggestion.

    Attributes:
        status: "done", "infeasible", "pruned" or "failed".
        label: the label of its algorithm.
        values: the values of the space, as tables show them, by key.
        trials: the hashes of its trials.
        figures: the means of the objectives and of the constrained figures over the seeds, where there are such.
        violations: by how much it violates each constraint, and the first for being no valid point; at most 0 each if
            it violates none.
        message: why it is infeasible, when it was pruned, or why it failed.
        repeats: the number of the suggestion that was the same point before; None of a new point.
    """

    status: str
    label: str
    values: Mapping[str, str]
    trials: Sequence[str] = ()
    figures: Mapping[str, float | None] = field(default_factory=dict)
    violations: Sequence[float] = (0.0,)
    message: str = ""
    repeats: int | None = None


@dataclass(frozen=True)
class Suggestion:
    """A suggestion: what a sampler drew, and what became of it.

    Attributes:
        number: its number in the journal.
        drawn: what was drawn, by key.
        outcome: what became of it; None as long as nobody knows.
    """

    number: int
    drawn: Mapping[str, Any]
    outcome: Outcome | None = None


def need_optuna() -> None:
    """Check that Optuna is installed, and make it silent.

    Raises:
        ScenarioError: it is not.
    """
    try:
        import optuna
    except ImportError:
        raise ScenarioError("a search needs Optuna, which is not installed: pip install 'sfsim[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)


class Journal:
    """The suggestions of a search.

    Args:
        folder: the folder of the search, which is locked.
        search: the search.
        distributions: what is drawn, by key.
    """

    def __init__(self, folder: Path, search: Search, distributions: Mapping[str, BaseDistribution]) -> None:
        from optuna import create_study, load_study

        self._search, self._distributions = search, dict(distributions)
        self._storage = _storage(folder / JOURNAL)
        with _quiet():
            known = [study.study_name for study in self._storage.get_all_studies()]
            sampler = self._sampler(0)
            if search.name in known:
                self._study: Study = load_study(study_name=search.name, storage=self._storage, sampler=sampler)
            else:
                directions = [objective.direction for objective in search.objectives]
                self._study = create_study(
                    storage=self._storage, study_name=search.name, directions=directions, sampler=sampler
                )

    def suggestions(self) -> list[Suggestion]:
        """Return all suggestions in their order.

        Those that were lost before they were complete are left out, and so are those that failed and were made again,
        with what came back to them.
        """
        trials = self._study.get_trials(deepcopy=False)
        replaced = {trial.user_attrs.get(_AGAIN) for trial in trials} - {None}
        return [
            found
            for trial in trials
            if (found := self._suggestion(trial))
            and found.number not in replaced
            and not (found.outcome and found.outcome.repeats in replaced)
        ]

    def ask(self) -> Suggestion:
        """Return a new suggestion."""
        from optuna.trial import TrialState

        turn = 0
        for trial in self._study.get_trials(deepcopy=False):
            if self._suggestion(trial):
                turn += _AGAIN not in trial.user_attrs  # what is made again has had its turn
            elif not trial.state.is_finished():
                self._study.tell(trial.number, state=TrialState.FAIL)  # lost while it was drawn
        with _quiet():
            self._study.sampler = self._sampler(turn)
            asked = self._study.ask(fixed_distributions=self._distributions)
        return Suggestion(asked.number, dict(asked.params))

    def again(self, failed: Suggestion) -> Suggestion:
        """Make a suggestion that failed once more, in place of it."""
        from optuna.trial import TrialState, create_trial

        like = self._study.get_trials(deepcopy=False)[failed.number]
        with _quiet():
            self._study.add_trial(
                create_trial(
                    state=TrialState.RUNNING,
                    params=dict(failed.drawn),
                    distributions=self._distributions,
                    user_attrs={_AGAIN: failed.number},
                    system_attrs=like.system_attrs,  # such as its generation
                )
            )
        number = self._study.get_trials(deepcopy=False)[-1].number
        return Suggestion(number, failed.drawn)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Record what became of a suggestion."""
        from optuna.trial import TrialState

        trial_id = self._study.get_trials(deepcopy=False)[number]._trial_id
        self._storage.set_trial_user_attr(trial_id, _OUTCOME, vars(outcome))
        with _quiet():
            if outcome.status in (PRUNED, FAILED):
                state = TrialState.PRUNED if outcome.status == PRUNED else TrialState.FAIL
                self._study.tell(number, state=state)
            else:
                self._study.tell(number, self._values(outcome), state=TrialState.COMPLETE)

    def _values(self, outcome: Outcome) -> list[float]:
        """Return what Optuna is told of the objectives: of what has no value the worst that there was."""
        values = []
        for place, objective in enumerate(self._search.objectives):
            value = outcome.figures.get(objective.figure)
            if value is None:
                told = [trial.values[place] for trial in self._study.get_trials(deepcopy=False) if trial.values]
                value = objective.sign * max((objective.sign * other for other in told), default=0.0)
            values.append(value)
        return values

    def _suggestion(self, trial: FrozenTrial) -> Suggestion | None:
        """Return a suggestion; None if it was lost while it was drawn."""
        if not trial.state.is_finished():
            complete = trial.params.keys() == self._distributions.keys()
            return Suggestion(trial.number, trial.params) if complete else None
        outcome = trial.user_attrs.get(_OUTCOME)
        return Suggestion(trial.number, trial.params, Outcome(**outcome)) if outcome else None

    def _sampler(self, turn: int) -> Any:
        settings = self._search.sampler
        return settings.make(Seeds(settings.seed).integer("search", turn) % 2**32, _violations)


def _violations(trial: FrozenTrial) -> Sequence[float]:
    violations: Sequence[float] = trial.user_attrs[_OUTCOME]["violations"]
    return violations


def _storage(path: Path) -> JournalStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    class NoLock(JournalFileOpenLock):
        """The folder is locked already."""

        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    _trim(path)
    try:
        with _quiet():
            return JournalStorage(JournalFileBackend(str(path), lock_obj=NoLock(str(path))))
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError):
        how = "remove it, and the search begins anew; trials that are done are kept"
        raise ScenarioError(f"{path} is no journal of Optuna that can be read: {how}") from None


def _trim(path: Path) -> None:
    """Remove what a process that died has written of a line."""
    if path.is_file():
        text = path.read_bytes()
        if not text.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(text.rfind(b"\n") + 1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop Optuna's warnings on what is experimental, or told otherwise in other versions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

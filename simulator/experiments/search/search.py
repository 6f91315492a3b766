"""The loop of a search: points are suggested as workers get free, and told to the sampler as they are evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.goal import Target
from analysis.quantities import kind_of
from simulator.experiments.executors.folders import look_again
from simulator.experiments.search.evaluate import Evaluated, Item, not_shared
from simulator.experiments.search.journal import DONE, FAILED, INFEASIBLE, Journal, Outcome, Suggestion
from simulator.experiments.search.measures import TO_TARGET, curve_of, figures_of
from simulator.experiments.search.points import Point, Points
from simulator.experiments.search.space import number_of
from simulator.experiments.sweep.points import written
from simulator.settings.errors import ScenarioError
from simulator.settings.humanize import human

if TYPE_CHECKING:
    from simulator.experiments.sweep.store import Store

INVALID = 1e9
"""The violation of a point that is no valid scenario, or does not fit: more than any bound can be violated by."""


@dataclass
class Loop:
    """Suggests points and tells what became of them.

    A sampler may come back to a point: that costs nothing, and does not count. The search ends when so many different
    points as wanted have been looked at, or all that there are, or when the sampler has come back to known ones so
    often in a row that nothing new is to be expected.

    Attributes:
        points: makes the points.
        journal: the suggestions.
        store: the trials.
        ledger: whether a trial is done only with its ledger.
        running: the suggestions that are being evaluated, by number, each with its point.
    """

    points: Points
    journal: Journal
    store: Store
    ledger: bool
    running: dict[int, Point] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known: dict[tuple[str, ...], tuple[int, Outcome]] = {}
        self._waiting: dict[tuple[str, ...], list[tuple[int, Point]]] = {}
        self._left: list[Suggestion] = []
        self._in_a_row = self.found = 0
        for suggestion in self.journal.suggestions():
            if suggestion.outcome is None:
                self._left.append(suggestion)  # of a process that died
            elif suggestion.outcome.status == FAILED:  # by a defect, or for lack of memory, which may be mended
                if suggestion.outcome.repeats is None:
                    self._left.append(suggestion)
            elif suggestion.outcome.repeats is None:
                self._known[self.points.at(suggestion.drawn).key] = suggestion.number, suggestion.outcome
                self.found, self._in_a_row = self.found + 1, 0
            else:
                self._in_a_row += 1
        self.before = self.found

    @property
    def wanted(self) -> int:
        """How many different points there are to look at."""
        size = self.points.size
        return min(self.points.search.trials, size) if size else self.points.search.trials

    @property
    def patience(self) -> int:
        """After how many known points in a row the search ends."""
        return max(50, 5 * self.wanted)

    @property
    def gave_up(self) -> bool:
        """Whether the search ended because the sampler kept coming back to known points."""
        return self._in_a_row >= self.patience

    def items(self) -> Iterator[Item]:
        """Yield the points to evaluate. The next one is suggested only when it is asked for."""
        while self._left or (self.found < self.wanted and not self.gave_up):
            left = self._left.pop(0) if self._left else None
            suggestion = self.journal.ask() if left is None else left
            if suggestion.outcome is not None:
                suggestion = self.journal.again(suggestion)
            point = self.points.at(suggestion.drawn)
            if point.key in self._known:
                self._in_a_row += 1
                number, outcome = self._known[point.key]
                self.journal.tell(suggestion.number, replace(outcome, repeats=number))
                continue
            if point.key in self._waiting:  # it is under way already
                self._in_a_row += 1
                self._waiting[point.key].append((suggestion.number, point))
                continue
            self._in_a_row = 0
            self.found += 1
            if point.problem:
                self._tell(suggestion.number, point, self._infeasible(point, point.problem))
                continue
            self.running[suggestion.number] = point
            self._waiting[point.key] = []
            if all(self.store.done(trial.hash, self.ledger) for trial in point.trials):
                self.tell(Evaluated(suggestion.number))
                continue
            yield Item(suggestion.number, point.trials, self._curves(point))

    def tell(self, evaluated: Evaluated) -> Outcome:
        """Take in what became of a point, and return it.

        Raises:
            ScenarioError: its trials are done, but not in this folder.
        """
        point = self.running.pop(evaluated.number)
        if evaluated.status == DONE:
            for trial in point.trials:
                look_again(self.store.trials / trial.hash)
                if not self.store.done(trial.hash):
                    raise ScenarioError(not_shared(self.store.folder))
            outcome = self._judged(point)
        elif evaluated.status == INFEASIBLE:
            outcome = self._infeasible(point, evaluated.message)
        else:
            outcome = self._outcome(point, evaluated.status, message=evaluated.message)
        return self._tell(evaluated.number, point, outcome)

    def _tell(self, number: int, point: Point, outcome: Outcome) -> Outcome:
        self.journal.tell(number, outcome)
        self._known[point.key] = number, outcome
        for other, _ in self._waiting.pop(point.key, ()):
            self.journal.tell(other, replace(outcome, repeats=number))
        return outcome

    def _curves(self, point: Point) -> tuple[tuple[dict[int, float], ...], ...]:
        """Return for each trial of a point the curves of done ones with the same seed; empty without pruning."""
        if self.points.dry or self.points.search.pruning.make() is None:
            return ()
        done = [outcome.trials for _, outcome in self._known.values() if outcome.trials and not self._lacks(outcome)]
        return tuple(
            tuple(curve for trials in done if (curve := curve_of(self.store.trials / trials[place])))
            for place in range(len(point.trials))
        )

    def _lacks(self, outcome: Outcome) -> bool:
        """Return whether trials of a point have no result."""
        return not all(self.store.done(key) for key in outcome.trials)

    def _judged(self, point: Point) -> Outcome:
        """Return the outcome of a point whose trials are done: infeasible if an objective or a bound is not met."""
        search = self.points.search
        objectives = [objective.figure for objective in search.objectives]
        names = list(dict.fromkeys([*objectives, *search.constraints]))
        folders = [self.store.trials / trial.hash for trial in point.trials]
        figures = figures_of(folders, [name for name in names if name not in search.space])
        figures |= {name: number_of(point.values[name]) for name in names if name in search.space}
        violations = [bound.violation(name, figures[name]) for name, bound in search.constraints.items()]
        wrong = [
            f"{name} is {human(kind_of(name), figures[name])}, not {bound.said(name)}"
            for (name, bound), violation in zip(search.constraints.items(), violations, strict=True)
            if violation > 0
        ]
        lacking = [name for name in objectives if figures[name] is None]
        if any(name in TO_TARGET for name in lacking):
            short, said = self._short_of_target(folders)
            violations.append(short)
            wrong.append(said)
        elif lacking:
            violations.append(1.0)
            wrong.append(f"it has no {lacking[0]}")
        else:
            violations.append(0.0)
        return self._outcome(point, INFEASIBLE if wrong else DONE, figures, (0.0, *violations), "; ".join(wrong))

    def _short_of_target(self, folders: Sequence[Path]) -> tuple[float, str]:
        """Return by how much, as a share, trials fall short of the target, and say so."""
        base = self.points.base
        target = Target.of(base.target_accuracy or None, base.target_loss) or Target(1.0)
        said = f"with at least one seed the target of {target.said} is not reached"
        if target.goal == "loss":
            loss = figures_of(folders, ["final_loss"])["final_loss"]
            if len(folders) == 1:
                said = f"the target of {target.said} is not reached: the loss at the end is {human('count', loss)}"
            return max(INVALID if loss is None else (loss - target.value) / target.value, 1e-3), said
        best = figures_of(folders, ["best_accuracy"])["best_accuracy"] or 0.0
        if len(folders) == 1:
            said = f"the target of {target.said} is not reached: the best accuracy is {best:.1%}"
        return max((target.value - best) / target.value, 1e-3), said

    def _infeasible(self, point: Point, message: str) -> Outcome:
        return self._outcome(point, INFEASIBLE, violations=(INVALID,), message=message)

    def _outcome(
        self,
        point: Point,
        status: str,
        figures: dict[str, float | None] | None = None,
        violations: tuple[float, ...] = (0.0,),
        message: str = "",
    ) -> Outcome:
        values = {key: written(value) for key, value in point.values.items()}
        trials = tuple(trial.hash for trial in point.trials)
        # The sampler expects as many constraints of each suggestion.
        violations += (0.0,) * (len(self.points.search.constraints) + 2 - len(violations))
        return Outcome(status, point.label, values, trials, figures or {}, violations, message)

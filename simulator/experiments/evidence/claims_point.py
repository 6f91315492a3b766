"""A point of a claim: its scenario with the values of a condition, which remembers its dry runs and its trainings."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from simulator.experiments.plan.rounds import Planner, Round
from simulator.experiments.sweep.points import Values, resolved
from simulator.experiments.trial.trial import run
from simulator.settings.sources import Source

if TYPE_CHECKING:
    from simulator.learning.evaluation import Score
    from simulator.scenario.scenario import Entry, Scenario


class Point:
    """A claim's scenario with the values of one condition and of one figure; or these values alone, to select rows.

    Attributes:
        values: the values that were set, by dotted key or column.
    """

    def __init__(self, source: Source | None, values: Values) -> None:
        self._source, self.values = source, values
        self._scores: dict[str, list[Score]] = {}

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario.

        Raises:
            ScenarioError: it is not valid.
        """
        assert self._source is not None
        return resolved(self._source, self.values)

    @cached_property
    def planner(self) -> Planner:
        """What runs its first rounds dry, and remembers them."""
        return Planner(self.scenario)

    def entry(self, label: str) -> Entry:
        """Return the algorithm with this label, with its cuts chosen."""
        entries = self.planner.scenario.algorithms
        return self.planner.settled(next(entry for entry in entries if entry.label == label))

    def round(self, label: str) -> Round:
        """Return the costs of an algorithm's first round, from a dry run."""
        return self.planner.round(self.entry(label))

    def scores(self, label: str) -> list[Score]:
        """Return the last score of an algorithm after real training, for each seed of the scenario."""
        if label not in self._scores:
            entry = next(entry for entry in self.scenario.algorithms if entry.label == label)
            trials = (run(self.scenario, entry, seed) for seed in self.scenario.seeds)
            self._scores[label] = [score for trial in trials if (score := trial.rounds[-1].score)]
        return self._scores[label]

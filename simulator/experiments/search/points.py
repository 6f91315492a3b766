"""The points of a search: what is drawn for each key, as scenarios and trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.tasks import CLASSIFICATION
from simulator.experiments.search.measures import missing
from simulator.experiments.sweep.points import Trial, check_apart, put, resolved, written
from simulator.experiments.trial.identity import identity
from simulator.experiments.trial.validate import check
from simulator.scenario.scenario import Scenario
from simulator.settings.base import NO_SUCH_KEY
from simulator.settings.errors import ScenarioError
from simulator.settings.loading import validated
from simulator.settings.sources import Source
from simulator.settings.wording import listed, near_miss
from simulator.settings.yamlfile import KeyPath

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from simulator.experiments.search.settings import Search

ALGORITHM = "algorithm"
"""What the choice among several algorithms is called beside the keys of the space."""


@dataclass(frozen=True)
class Point:
    """A point of a search.

    Attributes:
        values: the value of each key of the space, as a sweep has it.
        label: the label of the algorithm.
        trials: its trials, one for each seed; none if the point is no valid scenario.
        scenario: the scenario with all its algorithms and seeds; None if it is not valid.
        problem: why it is no valid scenario; else empty.
    """

    values: Mapping[str, Any]
    label: str
    trials: tuple[Trial, ...] = ()
    scenario: Scenario | None = None
    problem: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What only the same points share, however they were drawn."""
        if self.trials:
            return tuple(trial.hash for trial in self.trials)
        return self.label, *(f"{key}={written(value)}" for key, value in self.values.items())


@dataclass(frozen=True)
class Points:
    """Makes points of a search.

    Attributes:
        search: the search.
        base: its base scenario.
        dry: whether the trials are dry runs.
    """

    search: Search
    base: Scenario
    dry: bool

    @cached_property
    def labels(self) -> list[str]:
        """The labels among which the search chooses."""
        return list(self.search.algorithm or [entry.label for entry in self.base.algorithms])

    @property
    def size(self) -> int | None:
        """How many points there are; None if there is no end of them."""
        return None if self.search.size is None else self.search.size * len(self.labels)

    @cached_property
    def task(self) -> str:
        """What models of the base scenario learn; to classify, where only points have data that can be used."""
        from simulator.experiments.trial.learned_task import task_of

        with suppress(ScenarioError):
            return task_of(self.base)
        return CLASSIFICATION

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return what Optuna draws for each key of the space, and for the algorithm if there are several."""
        from optuna.distributions import CategoricalDistribution

        drawn = {key: dimension.distribution() for key, dimension in self.search.space.items()}
        if len(self.labels) > 1:
            drawn[ALGORITHM] = CategoricalDistribution(range(len(self.labels)))
        return drawn

    def at(self, drawn: Mapping[str, Any]) -> Point:
        """Return the point of what Optuna drew."""
        values = {key: dimension.value(drawn[key]) for key, dimension in self.search.space.items()}
        label = self.labels[int(drawn.get(ALGORITHM, 0))]
        source = self.base._source
        assert source is not None
        try:
            scenario = resolved(source, values)
            labels = [entry.label for entry in scenario.algorithms]
            if label not in labels:
                return Point(values, label, problem=f"there is no algorithm {label}")
            index = labels.index(label)
            data = scenario.model_dump(mode="json")
            trials = []
            for seed in scenario.seeds:
                alone = scenario.only(index, seed)
                check(alone, self.dry)
                trials.append(Trial(identity(scenario, index, seed, self.dry, data), alone, self.dry))
        except ScenarioError as error:
            return Point(values, label, problem=str(error))
        return Point(values, label, tuple(trials), scenario)


def points_of(search: Search, overrides: Sequence[str], dry: bool) -> Points:
    """Return the points of a search.

    Raises:
        ScenarioError: there is no base scenario, or it is not valid; the search names what it does not have; or no
            trial of it can have a figure of the search.
    """
    points = Points(search, _base(search, overrides), dry)
    source = points.base._source
    assert source is not None
    set_by: dict[KeyPath, str] = {}
    for key in search.space:
        try:
            _check_key(source, key, search.space[key].ends)
            check_apart(source, key, set_by, what="")
        except ScenarioError as error:
            raise search.error(("space", key), None, str(error)) from None
    labels = [entry.label for entry in points.base.algorithms]
    for label in search.algorithm or ():
        if label not in labels:
            raise search.error(
                (ALGORITHM,), label, f"the scenario has no such label{near_miss(label, labels)}", listed(labels)
            )
    wanted: list[tuple[KeyPath, str]] = [
        (("objectives", place), objective.figure) for place, objective in enumerate(search.objectives)
    ]
    for place, figure in [*wanted, *((("constraints", figure), figure) for figure in search.constraints)]:
        if why := missing(figure, points.base, dry):  # of a key of the space there is no reason
            raise search.error(place, None, f"no trial has {figure}: {why}")
    return points


def _base(search: Search, overrides: Sequence[str]) -> Scenario:
    """Return the base scenario, with what the search and ``overrides`` set at every point."""
    if not Path(search.scenario).is_file():
        raise search.error(("scenario",), None, f"there is no file {search.scenario}")
    source = Source(search.scenario)
    if search.seeds:
        source.put(("seeds",), list(search.seeds), "seeds of the search")
    put(source, search.set)
    overridden = {path: override for override in overrides for path in source.override(override)}
    searched: list[KeyPath] = []
    for key in search.space:
        with suppress(ScenarioError):  # a key that names nothing is reported later
            searched += source.paths(key)
    for path in searched:
        if path in overridden:
            raise ScenarioError(f"--set {overridden[path]}: this is in the space, which sets it in every point")
    return validated(Scenario, source)


def _check_key(source: Source, key: str, ends: tuple[Any, Any]) -> None:
    """Check that a key is one of the scenario's: a value that does not fit is for the search to find out.

    Raises:
        ScenarioError: it is not; the text says what is near.
    """
    source.paths(key)
    for end in ends:
        try:
            resolved(source, {key: end})
            return
        except ScenarioError as error:
            for problem in str(error).splitlines():
                if NO_SUCH_KEY in problem and f"with {key}=" in problem:
                    raise ScenarioError(problem[problem.index(NO_SUCH_KEY) :]) from None
                if not problem.startswith(source.path) and problem.startswith(key):  # a change of what is no number
                    raise ScenarioError(problem) from None

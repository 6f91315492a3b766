"""The points of a sweep and their trials, all of which are validated before any is run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from simulator.experiments.sweep.relative import Relative, change
from simulator.experiments.sweep.settings import Sweep
from simulator.experiments.trial.identity import identity
from simulator.scenario.scenario import Entry, Scenario
from simulator.scheduling.drivers.deadline import Deadline
from simulator.settings.base import NO_SUCH_KEY
from simulator.settings.errors import ScenarioError
from simulator.settings.loading import validated
from simulator.settings.seeds import Seeds
from simulator.settings.sources import Source
from simulator.settings.yamlfile import KeyPath

Values = dict[str, Any]
"""The values of the axes at one point, by key, as written in the sweep file; relative ones as ``Relative``."""


@dataclass(frozen=True)
class Trial:
    """One algorithm at one point with one seed.

    Attributes:
        hash: the hash of the scenario, ``dry``, the version of sfsim and the files of its plug-ins; the name of the
            trial's folder.
        scenario: the scenario with this algorithm and this seed alone.
        dry: whether the trial is simulated without training.
    """

    hash: str
    scenario: Scenario
    dry: bool


@dataclass(frozen=True)
class Row:
    """A row of the table of points: a point, an algorithm and a seed.

    Attributes:
        trial: the hash of the trial; empty if the point is not a valid scenario.
        point: the number of the point.
        values: the values of the axes at the point.
        label: the label of the algorithm's entry.
        algorithm: the name of the algorithm.
        seed: the seed.
    """

    trial: str
    point: int
    values: Values
    label: str
    algorithm: str
    seed: int


@dataclass
class Plan:
    """All rows and trials of a sweep.

    Attributes:
        rows: the rows, in the order of points, algorithms and seeds.
        trials: the valid trials by hash, in the same order; several rows may share one.
        problems: what is wrong with points that are not valid scenarios, by number, and with invalid trials, by hash.
    """

    rows: list[Row] = field(default_factory=list)
    trials: dict[str, Trial] = field(default_factory=dict)
    problems: dict[int | str, str] = field(default_factory=dict)

    def problem(self, row: Row) -> str | None:
        """Return what is wrong with a row's point or trial; None if it is valid."""
        return self.problems.get(row.trial or row.point)

    @cached_property
    def count(self) -> int:
        """The number of trials, invalid ones included; an invalid point counts as many as the base scenario has."""
        return len({row.trial for row in self.rows if row.trial}) + sum(not row.trial for row in self.rows)

    @cached_property
    def first(self) -> dict[str, Row]:
        """The first row of each trial, by hash."""
        return {row.trial: row for row in reversed(self.rows)}


def base(sweep: Sweep, overrides: Sequence[str] = ()) -> Scenario:
    """Return the base scenario, with what the sweep and ``overrides`` set at every point.

    Raises:
        ScenarioError: there is no such file, it is not a valid scenario, or an override sets an axis.
    """
    if not Path(sweep.scenario).is_file():
        raise sweep.error(("scenario",), None, f"there is no file {sweep.scenario}")
    source = Source(sweep.scenario)
    if sweep.seeds:
        source.put(("seeds",), list(sweep.seeds), "seeds of the sweep")
    put(source, sweep.set)
    overridden = {path: override for override in overrides for path in source.override(override)}
    swept: list[KeyPath] = []
    for key in sweep.absolute:
        with suppress(ScenarioError):  # a key that names nothing is for ``plan`` to report
            swept += source.paths(key)
    for path in swept:
        if path in overridden:
            raise ScenarioError(f"--set {overridden[path]}: this is an axis, which sets it in every point")
    return validated(Scenario, source)


def points(sweep: Sweep) -> Iterator[Values]:
    """Yield the points of a sweep: the whole grid, its last dimension fastest, or a random sample in the same order."""
    numbers: Any = range(sweep.grid_points)
    if sweep.sample:
        chosen = random.Random(Seeds(sweep.sample.seed).integer("sweep"))
        numbers = sorted(chosen.sample(numbers, sweep.sample.points))
    for number in numbers:
        values: Values = {}
        for dimension in reversed(sweep.dimensions):
            number, place = divmod(number, len(next(iter(dimension.values()))))
            values |= {key: axis[place] for key, axis in dimension.items()}
        yield {key: values[key] for key in sweep.keys}


def plan(sweep: Sweep, base: Scenario, dry: bool) -> Plan:
    """Resolve all points and check every trial as ``sfsim validate`` does, except for its memory.

    Args:
        sweep: the sweep.
        base: its base scenario, as ``base`` returns it.
        dry: whether the trials are to be dry runs.

    Raises:
        ScenarioError: an axis is not a key of the scenario, two set the same place, or no point is a valid scenario.
    """
    source = _checked_source(sweep, base)
    planned, checked, number = Plan(), set[str](), 0
    for number, values in enumerate(points(sweep)):
        try:
            scenario = resolved(source, values)
        except ScenarioError as error:
            planned.problems[number] = str(error)
            rows = ((entry, seed) for entry in base.algorithms for seed in base.seeds)
            planned.rows += (Row("", number, values, entry.label, entry.name, seed) for entry, seed in rows)
            continue
        for index, entry, seed, key, aspects in _trials(scenario, dry):
            planned.rows.append(Row(key, number, values, entry.label, entry.name, seed))
            if key in planned.trials or key in planned.problems:
                continue
            trial = Trial(key, scenario.only(index, seed), dry)
            try:
                if aspects not in checked:
                    _check(scenario, index, seed, dry)
                    checked.add(aspects)
                planned.trials[key] = trial
            except ScenarioError as error:
                planned.problems[key] = str(error)
    if len(planned.problems) == number + 1 and not any(row.trial for row in planned.rows):
        raise ScenarioError(f"{named(planned.rows[0])}: {planned.problems[0]}")
    return planned


def _checked_source(sweep: Sweep, base: Scenario) -> Source:
    """Return the source of a base scenario, of which all axes are keys; raise ``ScenarioError`` if one is not."""
    source = base._source
    assert source is not None
    set_by: dict[KeyPath, str] = {}
    for key in sweep.keys:
        try:
            for path in source.paths(key):
                _check_known(source, path)
            if key not in sweep.absolute:
                change(source.copy(), {key: sweep.values(key)[0]})
            else:
                check_apart(source, key, set_by)
        except ScenarioError as error:
            raise sweep.error(sweep.place(key), None, str(error)) from None
    return source


def scenarios(sweep: Sweep, base: Scenario) -> Iterator[tuple[Values, Scenario]]:
    """Yield the values and the scenario of each point.

    Args:
        sweep: the sweep.
        base: its base scenario, as ``base`` returns it.

    Raises:
        ScenarioError: an axis is not a key of the scenario, two set the same place, or a point is no valid scenario.
    """
    source = _checked_source(sweep, base)
    for values in points(sweep):
        yield values, resolved(source, values)


def named(row: Row, trial: bool = False) -> str:
    """Return a point in words, and with ``trial`` also the row's algorithm and seed."""
    values = ", ".join(f"{key}={written(value)}" for key, value in row.values.items())
    return f"point {row.point} ({values})" + (f", {row.label}, seed {row.seed}" if trial else "")


def written(value: Any) -> str:
    """Format a value as a file would write it, and one relative to the scenario as tables show it."""
    return str(value) if isinstance(value, str | Relative) else json.dumps(value, ensure_ascii=False)


def _shortened(value: Any) -> str:
    """Format a value for a message, which a list of algorithms would bury."""
    text = written(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def resolved(source: Source, values: Values) -> Scenario:
    """Return the scenario of a source, which is not changed, with other values of some dotted keys.

    Raises:
        ScenarioError: a key names nothing that can be set, or the scenario is not valid.
    """
    source = source.copy()
    relative = {key: value for key, value in values.items() if isinstance(value, Relative)}
    put(source, {key: value for key, value in values.items() if key not in relative})
    change(source, relative)
    return validated(Scenario, source)


def put(source: Source, values: Values) -> None:
    """Set dotted keys of a source, everywhere that they stand for.

    Raises:
        ScenarioError: a key names nothing that can be set.
    """
    for key, value in values.items():
        try:
            paths = source.paths(key)
        except ScenarioError as error:
            raise ScenarioError(f"{key}: {error}") from None
        for path in paths:
            source.put(path, value, f"with {source.key(path)}={_shortened(value)}")


def _check_known(source: Source, path: KeyPath) -> None:
    """Raise ``ScenarioError`` if a scenario has no key at a place; its text says that and what is near."""
    source, name = source.copy(), source.key(path)
    source.put(path, None, name)
    try:
        validated(Scenario, source)
    except ScenarioError as error:
        for problem in str(error).splitlines():  # other lines are about the value, which is a placeholder here
            if f", {name}: " in problem and f"{path[-1]}: {NO_SUCH_KEY}" in problem:
                raise ScenarioError(problem[problem.index(NO_SUCH_KEY) :]) from None


def check_apart(source: Source, key: str, set_by: dict[KeyPath, str], what: str = "the axis ") -> None:
    """Check that a key sets nothing that another sets, too, or that lies within it; add its places to ``set_by``.

    Args:
        source: the scenario.
        key: the key.
        set_by: the keys before it, by the places that they set.
        what: what goes before the name of a key in the message.

    Raises:
        ScenarioError: it does.
    """
    for path in source.paths(key):
        for other, name in set_by.items():
            shorter = min(len(path), len(other))
            if path[:shorter] == other[:shorter]:
                raise ScenarioError(
                    f"{what}{name} sets {source.key(path[:shorter])}, too: one of {name} and {key} would be lost"
                )
    set_by.update(dict.fromkeys(source.paths(key), key))


def _trials(scenario: Scenario, dry: bool) -> Iterator[tuple[int, Entry, int, str, str]]:
    """Yield for each entry and seed: the entry's index, the entry, the seed, the trial's hash, and a key of its check.

    The key has everything on which the result of ``check`` depends, so that trials with the same key are checked once.
    """
    data = scenario.model_dump(mode="json", exclude={"checkpoint"})
    for index, entry in enumerate(scenario.algorithms):
        for seed in scenario.seeds:
            settings = data | {"algorithms": [data["algorithms"][index]], "seeds": [seed]}
            aspects = json.dumps(settings | {"world": _checked(scenario, entry, data), "prices": None}, sort_keys=True)
            yield index, entry, seed, identity(scenario, index, seed, dry, data), aspects


def _checked(scenario: Scenario, entry: Entry, data: Values) -> Any:
    """Return what ``check`` looks at in the world: all of it where an entry is checked by dry runs of its devices.

    Args:
        scenario: the scenario.
        entry: one of its algorithms.
        data: the scenario as plain data.
    """
    world = scenario.world
    if entry.training.driver.name == Deadline.name or any(group.battery for group in world.devices):
        return data["world"]
    presences = [(group["name"], group["count"], group.get("presence")) for group in data["world"]["devices"]]
    present = presences if any(group.presence for group in world.devices) else None
    signals = [(where, signal.model_dump(mode="json")) for where, signal in world.signals()]
    return world.clients, bool(world.edges), signals, present


def _check(scenario: Scenario, index: int, seed: int, dry: bool) -> None:
    from simulator.experiments.trial.validate import check

    check(scenario.only(index, seed), dry)

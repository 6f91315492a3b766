"""From the points of a sweep to its trials, all of them validated before any is run."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from simulator.experiments.sweep.settings import Sweep
from simulator.scenario.scenario import Entry, Scenario
from simulator.settings.base import NO_SUCH_KEY
from simulator.settings.errors import ScenarioError
from simulator.settings.loading import validated
from simulator.settings.plugins import ALGORITHMS
from simulator.settings.seeds import Seeds
from simulator.settings.sources import Source
from simulator.settings.wording import near_miss

_STAR = re.compile(r"\.\*(?=\.|$)")
BESIDE = ("name", *(key for key in Entry.model_fields if key != "algorithm"))
"""Keys that every algorithm has."""

Values = dict[str, Any]
"""What the axes are at one point, by key, as written."""


@dataclass(frozen=True)
class Trial:
    """One algorithm at one point with one seed."""

    hash: str
    scenario: Scenario
    """Of this algorithm and this seed alone."""
    dry: bool


@dataclass(frozen=True)
class Row:
    """A point, an algorithm and a seed; ``trial`` is a hash, empty where the point is no scenario at all."""

    trial: str
    point: int
    values: Values
    label: str
    algorithm: str
    seed: int


@dataclass
class Plan:
    """What a sweep is made of.

    Attributes:
        rows: in the order of points, algorithms and seeds.
        trials: by hash, in that order; rows may share one. Only those that are valid.
        problems: of points that are no scenario, by number, and of trials that cannot be, by hash: why.
    """

    rows: list[Row] = field(default_factory=list)
    trials: dict[str, Trial] = field(default_factory=dict)
    problems: dict[int | str, str] = field(default_factory=dict)

    def problem(self, row: Row) -> str | None:
        return self.problems.get(row.trial or row.point)

    @cached_property
    def count(self) -> int:
        """Of all trials, those that cannot be included; at a point that is no scenario, each that it would have."""
        return len({row.trial for row in self.rows if row.trial}) + sum(not row.trial for row in self.rows)

    @cached_property
    def first(self) -> dict[str, Row]:
        """The first row of each trial."""
        return {row.trial: row for row in reversed(self.rows)}


def base(sweep: Sweep, overrides: Sequence[str] = ()) -> Scenario:
    """The base scenario, with what the sweep and ``overrides`` set in every point.

    Raises:
        ScenarioError: it is none.
    """
    if not Path(sweep.scenario).is_file():
        raise sweep.error(("scenario",), None, f"there is no file {sweep.scenario}")
    source = Source(sweep.scenario)
    if sweep.seeds:
        source.put("seeds", list(sweep.seeds), "seeds of the sweep")
    _put(source, sweep.set)
    for override in overrides:
        if override.partition("=")[0].strip() in sweep.keys:
            raise ScenarioError(f"--set {override}: this is an axis, which sets it in every point")
        source.override(override)
    return validated(Scenario, source)


def points(sweep: Sweep) -> Iterator[Values]:
    """The points of a sweep: all of its grid, the last dimension changing fastest, or a random sample in that order."""
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


def places(source: Source, key: str) -> list[str]:
    """The dotted keys that a key with ``*`` stands for: those of every item that can have it.

    Raises:
        ScenarioError: of no item, or ``*`` stands for the items of what is no list.
    """
    star = _STAR.search(key)
    if not star:
        return [key]
    before, after = key[: star.start()], key[star.end() + 1 :]
    items = source.at(before)
    if not isinstance(items, list):
        raise ScenarioError(f"{key}: {before} is no list, and * stands for the items of one")
    having = list(range(len(items)))
    if before == "algorithms" and after:
        wanted, known = after.partition(".")[0], [_keys(item) for item in items]
        having = [number for number in having if wanted in known[number]]
        if not having:
            near = near_miss(wanted, {key: None for keys in known for key in keys})
            raise ScenarioError(f'{key}: no algorithm of the scenario has a key "{wanted}"{near}')
    return [
        place
        for number in having
        for place in places(source, f"{before}.{number}.{after}" if after else f"{before}.{number}")
    ]


def plan(sweep: Sweep, base: Scenario, dry: bool) -> Plan:
    """Resolve all points and look at every trial as `sfsim validate` would, but for its memory.

    Raises:
        ScenarioError: an axis names nothing, or no point at all is a scenario.
    """
    source = base._source
    assert source is not None
    for key in sweep.keys:
        try:
            for place in places(source, key):
                _check_known(source, place)
        except ScenarioError as error:
            raise sweep.error(sweep.place(key), None, str(error).partition(": ")[2]) from None
    found, checked, ours, number = Plan(), set[str](), version("sfsim"), 0
    for number, values in enumerate(points(sweep)):
        try:
            scenario = _resolved(source, values)
        except ScenarioError as error:
            found.problems[number] = str(error)
            rows = ((entry, seed) for entry in base.algorithms for seed in base.seeds)
            found.rows += (Row("", number, values, entry.label, entry.name, seed) for entry, seed in rows)
            continue
        for index, entry, seed, key, aspects in _trials(scenario, dry, ours):
            found.rows.append(Row(key, number, values, entry.label, entry.name, seed))
            if key in found.trials or key in found.problems:
                continue
            trial = Trial(key, scenario.only(index, seed), dry)
            try:
                if aspects not in checked:
                    _check(scenario, index, seed, dry)
                    checked.add(aspects)
                found.trials[key] = trial
            except ScenarioError as error:
                found.problems[key] = str(error)
    if len(found.problems) == number + 1 and not any(row.trial for row in found.rows):
        raise ScenarioError(f"{named(found.rows[0])}: {found.problems[0]}")
    return found


def named(row: Row, trial: bool = False) -> str:
    """A point, and perhaps which of its trials, in words."""
    values = ", ".join(f"{key}={written(value)}" for key, value in row.values.items())
    return f"point {row.point} ({values})" + (f", {row.label}, seed {row.seed}" if trial else "")


def written(value: Any) -> str:
    """A value as a file would have it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _keys(item: Any) -> tuple[str, ...]:
    """The keys that an algorithm's entry may have."""
    name = item.get("name") if isinstance(item, dict) else None
    return (*BESIDE, *ALGORITHMS.find(name).model_fields) if name in ALGORITHMS.names() else BESIDE


def _resolved(source: Source, values: Values) -> Scenario:
    source = source.copy()
    _put(source, values)
    return validated(Scenario, source)


def _put(source: Source, values: Values) -> None:
    for key, value in values.items():
        for place in places(source, key):
            source.put(place, deepcopy(value), f"with {place}={written(value)}")


def _check_known(source: Source, place: str) -> None:
    """Raise ``ScenarioError`` if a dotted key is none of a scenario's."""
    source = source.copy()
    source.put(place, None, place)
    try:
        validated(Scenario, source)
    except ScenarioError as error:
        for problem in str(error).splitlines():  # of the value there are others
            if f", {place}: " in problem and f"{place.rpartition('.')[2]}: {NO_SUCH_KEY}" in problem:
                raise ScenarioError(f"{place}: {problem[problem.index(NO_SUCH_KEY) :]}") from None


def _trials(scenario: Scenario, dry: bool, version: str) -> Iterator[tuple[int, Entry, int, str, str]]:
    """Of each entry and seed its index, itself, the seed, the hash, and all of it that a check depends on."""
    data = scenario.model_dump(mode="json")
    for index, entry in enumerate(scenario.algorithms):
        for seed in scenario.seeds:
            whole = data | {"algorithms": [data["algorithms"][index]], "seeds": [seed]}
            text = json.dumps([whole, dry, version], sort_keys=True)
            aspects = json.dumps(whole | {"world": scenario.world.clients}, sort_keys=True)
            yield index, entry, seed, hashlib.sha256(text.encode()).hexdigest()[:16], aspects


def _check(scenario: Scenario, index: int, seed: int, dry: bool) -> None:
    from simulator.experiments.trial.validate import check

    check(scenario.only(index, seed), dry)

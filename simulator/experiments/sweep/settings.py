"""The settings in a sweep file."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, PlainValidator, model_validator

from simulator.experiments.sweep.axes import axis_values
from simulator.experiments.sweep.options import with_axes
from simulator.experiments.sweep.relative import is_relative, values_of
from simulator.settings.base import FolderName, LocalPath, Many, Settings, invalid
from simulator.settings.bounds import Count, Seed
from simulator.settings.errors import ScenarioError
from simulator.settings.loading import FileSettings, validated
from simulator.settings.sources import Source
from simulator.settings.wording import listed
from simulator.settings.yamlfile import KeyPath

MOST_POINTS = 100_000
"""The largest grid that is allowed without a sample."""

Axes = dict[str, Annotated[list[Any], PlainValidator(axis_values)]]
"""The values of each axis, by the dotted key of a scenario; `*` stands for every item of a list."""
RelativeAxes = dict[str, Annotated[list[Any], PlainValidator(values_of)]]
"""The same, with values that may be relative to the scenario."""


class Sample(Settings):
    """A random sample of the grid's points, in place of all of them.

    Attributes:
        points: the number of points.
        seed: the seed of the choice.
    """

    points: Count
    seed: Seed = 0


class Sweep(FileSettings):
    """A base scenario, and the values of its keys at many points."""

    kind_of_file = "sweep"
    name: FolderName
    """What the folder of the sweep is called after."""
    scenario: LocalPath
    """The file of the base scenario."""
    set: dict[str, Any] = Field(default={})
    """Values of dotted keys that are changed at every point."""
    seeds: Annotated[Many[Seed], Field(min_length=1)] | None = None
    """Seeds in place of the scenario's; null: the scenario's own."""
    axes: RelativeAxes = Field(default={})
    """The values of each axis, by the dotted key of the scenario: a list, a range or a logarithmic range, or changes
    relative to the scenario."""
    zip: Many[RelativeAxes] = ()
    """Axes that move together: one more dimension of the grid for each group."""
    sample: Sample | None = None
    """A random sample of the points, in place of all; null: all of them."""

    @property
    def dimensions(self) -> list[dict[str, list[Any]]]:
        """The dimensions of the grid: for each, its keys with the values that they take together."""
        return [{key: values} for key, values in self.axes.items()] + list(self.zip)

    @property
    def keys(self) -> list[str]:
        """The keys of all axes, in the order of the dimensions."""
        return [key for dimension in self.dimensions for key in dimension]

    @property
    def absolute(self) -> list[str]:
        """The keys of the axes whose values are not relative to the scenario."""
        return [key for key in self.keys if not is_relative(self.values(key))]

    def values(self, key: str) -> list[Any]:
        """Return the values of an axis."""
        return next(dimension[key] for dimension in self.dimensions if key in dimension)

    @property
    def grid_points(self) -> int:
        """The number of points in the whole grid, whatever the sample."""
        return prod(len(next(iter(dimension.values()))) for dimension in self.dimensions)

    @model_validator(mode="after")
    def _makes_a_grid(self) -> Self:
        problems: list[tuple[tuple[str | int, ...], Any, str, str | None]] = []
        for number, group in enumerate(self.zip):
            if len({len(values) for values in group.values()}) != 1:
                lengths = listed(f"{key}: {len(values)}" for key, values in group.items())
                problems.append((("zip", number), None, f"axes that move together are equally long ({lengths})", None))
        if problems:
            raise invalid(problems)
        if not self.keys:
            problems.append((("axes",), None, "there is no axis: name at least one key of the scenario", None))
        for key in dict.fromkeys(self.keys):
            if self.keys.count(key) > 1:
                problems.append((("axes", key), None, "it is an axis twice", None))
            if key in self.set and key in self.absolute:
                problems.append((("set", key), None, "it is an axis, which sets it in every point", None))
            if key == "seeds":
                problems.append((("axes", key), None, "seeds are not an axis: say seeds: [0, 1] beside the axes", None))
        if self.sample and self.sample.points > self.grid_points:
            problem = "the grid has fewer points"
            problems.append((("sample", "points"), self.sample.points, problem, f"1 to {self.grid_points}"))
        if not self.sample and self.grid_points > MOST_POINTS:
            problem = f"the grid has {self.grid_points} points: take some with sample: {{points: 1000}}"
            problems.append((("axes",), None, problem, f"up to {MOST_POINTS}"))
        if problems:
            raise invalid(problems)
        return self

    def place(self, key: str) -> KeyPath:
        """Return where an axis, or another key, stands in the file."""
        group = next((number for number, group in enumerate(self.zip) if key in group), None)
        return ("zip", group, key) if group is not None else ("axes", key) if key in self.axes else (key,)


def load(path: Path | str, axes: Sequence[str] = ()) -> Sweep:
    """Read a sweep file, or make a sweep of a scenario.

    Args:
        path: the sweep file; with ``axes``, it may be a scenario.
        axes: each "KEY=VALUES": an axis to add, or to put in the place of that with the same key.

    Raises:
        ScenarioError: the file is not a valid sweep; the message has a line for each problem.
    """
    source = Source(path)
    if source.kind != "scenario":
        source.check_kind("sweep")
    if axes:
        source = with_axes(source, axes)
    elif source.kind == "scenario":
        hint = "say what to vary, such as --axis training.rounds=5,10; as it is, `sfsim run` takes it"
        raise ScenarioError(f"{path} is a scenario, not a sweep: {hint}")
    return validated(Sweep, source)

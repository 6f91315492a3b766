"""The settings in a search file."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PlainValidator, PositiveInt, model_validator

from simulator.experiments.search.measures import known
from simulator.experiments.search.objectives import Bound, Figure, Objective
from simulator.experiments.search.pruning.base import PRUNING, Pruning
from simulator.experiments.search.samplers.base import SAMPLERS, Sampler
from simulator.experiments.search.space import dimension_of
from simulator.settings.base import FolderName, LocalPath, Many, invalid
from simulator.settings.errors import ScenarioError
from simulator.settings.loading import FileSettings, validated
from simulator.settings.sources import Source

Space = dict[str, Annotated[Any, PlainValidator(dimension_of)]]
"""What each key of the scenario may be; a ``Dimension`` for each."""
MOST_TRIALS = 100_000


def _several(said: Any) -> Any:
    return [said] if isinstance(said, str) else said


class Search(FileSettings):
    """A base scenario, what may be varied of it, and which figures of its trials are to be small or large."""

    kind_of_file = "search"
    name: FolderName
    """What the folder of the search is called after."""
    scenario: LocalPath
    """The file of the base scenario."""
    set: dict[str, Any] = Field(default={})
    """Values of dotted keys that are changed at every point."""
    seeds: Annotated[Many[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = None
    """Seeds in place of the scenario's; null: the scenario's own. The figures of a point are means over them."""
    space: Space = Field(default={})
    """What each dotted key of the scenario may be: `{integers: [1, 8], step: 1}`, `{floats: [1e-4, 1e-1], log: true}`,
    or what an axis of a sweep takes: a list, a range, or changes relative to the scenario."""
    objectives: Annotated[Many[Objective], Field(min_length=1)]
    """What is looked for, the most important first: `{minimise: FIGURE}` or `{maximise: FIGURE}`, with a key of
    `summary.json`, one of `bytes`, `bytes_to_target` and `client_energy_to_target_j`, or a key of the space."""
    constraints: dict[Figure, Bound] = Field(default={})
    """Bounds of figures; points that violate one are not on the front."""
    algorithm: Annotated[Many[str], BeforeValidator(_several), Field(min_length=1)] | None = None
    """The label of the algorithm that is searched, or several, among which the search chooses, too; null: all of the
    scenario."""
    sampler: Annotated[Sampler, SAMPLERS] = Field(default={"name": "tpe"}, validate_default=True)
    """What suggests points."""
    trials: Annotated[PositiveInt, Field(le=MOST_TRIALS)] = 40
    """How many different points are looked at."""
    pruning: Annotated[Pruning, PRUNING] = Field(default={"name": "none"}, validate_default=True)
    """Which real trials are given up by their curves."""

    @property
    def size(self) -> int | None:
        """How many points there are for each algorithm; None if there is no end of them."""
        sizes = [dimension.size for dimension in self.space.values()]
        return None if None in sizes else prod(size for size in sizes if size)

    @model_validator(mode="after")
    def _is_a_search(self) -> Self:
        problems: list[tuple[tuple[str | int, ...], Any, str, str | None]] = []
        if not self.space:
            problems.append((("space",), None, "it is empty: name at least one key of the scenario", None))
        for key in self.space:
            if key in self.set:
                problems.append((("set", key), None, "it is in the space, which sets it in every point", None))
            if key == "seeds":
                problems.append((("space", key), None, "seeds are not searched: say seeds: [0, 1] beside it", None))
        figures = [objective.figure for objective in self.objectives]
        for place, figure in enumerate(figures):
            if figure in figures[:place]:
                problems.append((("objectives", place), None, f"{figure} is an objective already", None))
            if figure in self.space and self.space[figure].unit is None:
                problems.append((("objectives", place), None, f"{figure} has values that are no numbers", None))
            try:
                known(figure, self.space)
            except ValueError as error:
                problems.append((("objectives", place), None, str(error), None))
        for figure, bound in self.constraints.items():
            try:
                bound.ends(figure)
            except ValueError as error:
                problems.append((("constraints", figure), None, str(error), None))
        if problems:
            raise invalid(problems)
        return self


def load(path: Path | str) -> Search:
    """Read a search file.

    Raises:
        ScenarioError: the file is not a valid search; the message has a line for each problem.
    """
    source = Source(path)
    if source.kind == "scenario":
        raise ScenarioError(f"{path} is a scenario, not a search: `sfsim run` takes it")
    source.check_kind("search")
    return validated(Search, source)

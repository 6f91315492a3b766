"""The part of a scenario that describes a population: distributions of figures, drawn for each device of a group."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from simulator.settings import units
from simulator.settings.base import LocalPath, Settings, invalid
from simulator.settings.bounds import MOST_SAMPLES
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import DISTRIBUTIONS
from simulator.settings.seeds import Seeds
from simulator.settings.wording import listed
from simulator.settings.yamlfile import KeyPath
from simulator.world.distributions.base import Distribution, Draw
from simulator.world.distributions.measure import Measure
from simulator.world.distributions.table import DeviceTable

Problem = tuple[KeyPath, Any, str, str | None]
"""What ``settings.base.invalid`` takes: keys in the world, the value, what is wrong, and what is allowed."""
MEASURES = {
    "rate": Measure(units.RATE),
    "memory_bandwidth": Measure(units.MEMORY_BANDWIDTH),
    "memory": Measure(units.MEMORY),
    "uplink": Measure(units.BANDWIDTH),
    "downlink": Measure(units.BANDWIDTH),
    "latency": Measure(units.DURATION),
    "power": Measure(most=1e6, least=1e-6),
    "samples": Measure(most=MOST_SAMPLES, least=0.5),
}
"""What each figure is measured in; what is drawn for `samples` is rounded, and at least 1."""


class PopulationSettings(Settings):
    """Distributions from which figures are drawn for each device of a group, instead of the group's own.

    What is left out is the group's own figure for all. Each figure has random streams of its own, by the seed, the name
    of the group and the number of the device: it does not depend on other figures, nor on how many devices there are.
    """

    table: LocalPath | None = None
    """A CSV file with a row for each device that may be drawn, for distributions that take a column of it."""
    rate: Annotated[Distribution, DISTRIBUTIONS] | None = None
    """The peak FLOP/s at the group's precision; the group's utilisation is reached of it."""
    memory_bandwidth: Annotated[Distribution, DISTRIBUTIONS] | None = None
    """The bandwidth that memory-bound operations reach."""
    memory: Annotated[Distribution, DISTRIBUTIONS] | None = None
    """What models, activations and optimizer state must fit into."""
    uplink: Annotated[Distribution, DISTRIBUTIONS] | None = None
    """The rate of the link by which a device sends."""
    downlink: Annotated[Distribution, DISTRIBUTIONS] | None = None
    """The rate of the link by which it receives."""
    latency: Annotated[Distribution, DISTRIBUTIONS] | None = None
    """The latency of a device's link, the same in both directions."""
    power: Annotated[Distribution, DISTRIBUTIONS] | None = None
    """A factor on all that the group's devices draw: 1.2 is a fifth more in each state."""
    samples: Annotated[Distribution, DISTRIBUTIONS] | None = None
    """How many training samples a device has: rounded, and at least 1."""

    @property
    def figures(self) -> dict[str, Distribution]:
        """The distributions, by what they replace."""
        given = {figure: getattr(self, figure) for figure in MEASURES}
        return {figure: distribution for figure, distribution in given.items() if distribution is not None}

    def draw(self, group: str, count: int, seed: int, figures: Collection[str] = MEASURES) -> dict[str, np.ndarray]:
        """Draw figures of the devices of a group in SI units: float64 [count] each, of ``samples`` int64.

        Args:
            group: the name of the group, by which random streams are keyed.
            count: how many devices it has.
            seed: the seed of the trial.
            figures: those that are asked for; what the population does not draw is left out.

        Raises:
            UnfitError: a value that makes no sense was drawn; the key is that of the figure.
        """
        seeds, table, rows = Seeds(seed), self._table(), np.empty(0, np.int64)
        if table is not None:
            rows = (seeds.stream("population", group, "table").random(count) * len(table)).astype(np.int64)
        drawn = {}
        for figure, distribution in self.figures.items():
            if figure in figures:
                measure, stream = MEASURES[figure], seeds.stream("population", group, figure)
                values = np.asarray(distribution.sample(Draw(count, stream, measure, table, rows)), dtype=np.float64)
                _check(figure, distribution, measure, values, count)
                drawn[figure] = np.maximum(np.rint(values), 1).astype(np.int64) if figure == "samples" else values
        return drawn

    def with_links(self, factor: float) -> Self:
        """Return the same population with links that are so many times as fast."""
        links = {key: getattr(self, key) for key in ("uplink", "downlink")}
        scaled = {key: Scaled(of=link, factor=factor) for key, link in links.items() if link is not None}
        return self.model_copy(update=scaled) if factor != 1 else self

    def _table(self) -> DeviceTable | None:
        return None if self.table is None else DeviceTable(self.table)

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        problems: list[Problem] = []
        if not self.figures:
            problems.append(((), None, "it draws no figure", listed(MEASURES)))
        try:
            table = self._table()
        except UnfitError as error:
            raise invalid([(error.path, error.value, error.problem, error.allowed)]) from None
        for figure, distribution in self.figures.items():
            try:
                distribution.check(MEASURES[figure], table)
            except UnfitError as error:
                problems.append(((figure, *error.path), error.value, error.problem, error.allowed))
        if table is not None and self.figures and not any(each.from_table for each in self.figures.values()):
            allowed = "a figure such as uplink: {name: column, column: kbps, unit: kbit/s}, or no table"
            problems.append((("table",), self.table, "no figure is taken from it", allowed))
        if problems:
            raise invalid(problems)
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the figures that are not drawn."""
        data: dict[str, Any] = write(self)
        return {key: value for key, value in data.items() if value is not None}


class Scaled(Distribution):
    """A multiple of what another distribution gives; no scenario names it.

    Attributes:
        of: the other distribution.
        factor: the multiple.
    """

    name: ClassVar[str] = "scaled"
    of: Annotated[Distribution, DISTRIBUTIONS]
    factor: float

    def sample(self, draw: Draw) -> np.ndarray:
        values: np.ndarray = self.factor * self.of.sample(draw)
        return values


def _check(figure: str, distribution: Distribution, measure: Measure, values: np.ndarray, count: int) -> None:
    """Raise ``UnfitError`` if there is not one value for each device, or if one makes no sense."""
    if values.shape != (count,):
        problem = f"{distribution.name} gave values of shape {values.shape}, and one for each device is needed: {count}"
        raise UnfitError(figure, None, problem)
    for value in (float(values.min()), float(values.max())):
        try:
            if not (figure == "samples" and 0 < value < measure.least):
                measure.check(value)
        except ValueError as error:
            problem = f"{measure.written(value)} was drawn for a device: {error}"
            allowed = "a narrower distribution, such as one with least and most"
            raise UnfitError(figure, None, problem, allowed) from None

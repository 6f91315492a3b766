"""The devices of a population: the figures drawn for each of them, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simulator.settings.errors import located

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario
    from simulator.scenario.sites import DeviceSettings


class Figures(NamedTuple):
    """The figures of a device, in SI units.

    Attributes:
        rate: its peak, in FLOP/s at its precision.
        memory_bandwidth: bytes/s.
        memory: bytes.
        uplink, downlink: the rates of its links, in bytes/s.
        uplink_latency, downlink_latency: seconds.
        power: the factor on what its group draws.
    """

    rate: float
    memory_bandwidth: float
    memory: float
    uplink: float
    downlink: float
    uplink_latency: float
    downlink_latency: float
    power: float = 1.0


class Population:
    """The devices of a group, with the figures drawn for each of them; those that are not drawn are the group's.

    Args:
        group: the group.
        seed: the seed of the trial.

    Attributes:
        group: as given.
        columns: what was drawn, by figure: float64 [devices] in SI units, of ``samples`` int64. Empty if the group has
            no population.

    Raises:
        UnfitError: a value that makes no sense was drawn; the key is that of the figure.
    """

    def __init__(self, group: DeviceSettings, seed: int) -> None:
        self.group = group
        self.columns: dict[str, np.ndarray] = {}
        if group.population is not None:
            self.columns = group.population.draw(group.name, group.count, seed)

    def __len__(self) -> int:
        return self.group.count

    @property
    def nominal(self) -> Figures:
        """The group's own figures."""
        group, up, down = self.group, self.group.uplink, self.group.downlink
        links = up.rate, down.rate, up.latency, down.latency
        return Figures(group.rate[group.precision], group.memory_bandwidth, group.memory, *links)

    def __getitem__(self, device: int) -> Figures:
        """Return the figures of the device with this number in its group."""
        return self.nominal._replace(**{key: float(values[device]) for key, values in self._drawn()})

    def __iter__(self) -> Iterator[Figures]:
        """Yield the figures of each device in turn."""
        nominal, drawn = self.nominal, dict(self._drawn())
        if not drawn:
            yield from (nominal for _ in range(len(self)))
            return
        columns = [
            drawn[key].tolist() if key in drawn else [value] * len(self) for key, value in nominal._asdict().items()
        ]
        yield from map(Figures._make, zip(*columns, strict=True))

    def classes(self, *figures: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the classes of devices that are equal in some of the columns.

        Args:
            figures: the columns that count, such as "memory" and "samples"; all of them if none are given.

        Returns:
            A device of each class, int64 [classes], and the class of each device, int64 [devices].
        """
        columns = [values for figure, values in self.columns.items() if not figures or figure in figures]
        if not columns:
            return np.zeros(1, np.int64), np.zeros(len(self), np.int64)
        table = np.stack([values.astype(np.float64) for values in columns], axis=1)
        _, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
        return first, inverse.reshape(-1)

    def least(self, figure: str) -> float:
        """Return the smallest value of a field of ``Figures`` among the devices."""
        values = dict(self._drawn()).get(figure)
        return float(getattr(self.nominal, figure) if values is None else values.min())

    def most(self, figure: str) -> float:
        """Return the largest value of a field of ``Figures`` among the devices."""
        values = dict(self._drawn()).get(figure)
        return float(getattr(self.nominal, figure) if values is None else values.max())

    def _drawn(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the columns by the fields of ``Figures``."""
        for figure, values in self.columns.items():
            if figure == "latency":
                yield "uplink_latency", values
                yield "downlink_latency", values
            elif figure != "samples":
                yield figure, values


def populations(scenario: Scenario, seed: int) -> list[Population]:
    """Draw the devices of each group of a scenario.

    Args:
        scenario: the scenario.
        seed: the seed of the trial.

    Raises:
        ScenarioError: a value that makes no sense was drawn; the message names the line.
    """
    drawn = []
    for index, group in enumerate(scenario.world.devices):
        with located(scenario, "world", "devices", index, "population"):
            drawn.append(Population(group, seed))
    return drawn


def with_figures(group: DeviceSettings, figures: Figures) -> DeviceSettings:
    """Return a group without a population, whose devices all have these figures."""
    update: dict[str, Any] = {
        "population": None,
        "rate": {**group.rate, group.precision: figures.rate},
        "memory_bandwidth": figures.memory_bandwidth,
        "memory": figures.memory,
        "uplink": group.uplink.model_copy(update={"rate": figures.uplink, "latency": figures.uplink_latency}),
        "downlink": group.downlink.model_copy(update={"rate": figures.downlink, "latency": figures.downlink_latency}),
        "power": group.power.model_copy(
            update={state: figures.power * getattr(group.power, state) for state in type(group.power).model_fields}
        ),
    }
    return group.model_copy(update=update)

"""One algorithm's cost for a device and a round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from simulator.experiments.evidence.measures.base import Measure, Quantity, cost

if TYPE_CHECKING:
    from simulator.experiments.evidence.claims_point import Point

UNITS = {"": 1, "MB": 10**6, "MiB": 2**20}
"""The size of each unit in SI units."""


class Amount(Measure):
    """The cost of an algorithm's first round for each device that takes part, from a dry run, without frozen weights.

    Attributes:
        of: the label of the algorithm.
        quantity: the cost; that of the server is divided by the number of devices, too.
        in_unit: the unit of the figure; empty for SI units.
    """

    name: ClassVar[str] = "amount"
    of: str
    quantity: Quantity
    in_unit: Literal["", "MB", "MiB"] = ""

    @property
    def unit(self) -> str:
        return f" {self.in_unit}" if self.in_unit else ""

    def labels(self) -> Iterator[tuple[str, str]]:
        yield "of", self.of

    def values(self, point: Point) -> tuple[float, ...]:
        devices = point.entry(self.of).training.clients_per_round
        return (cost(point.round(self.of), self.quantity) / devices / UNITS[self.in_unit],)

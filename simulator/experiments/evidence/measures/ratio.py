"""One algorithm's cost over another's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from simulator.experiments.evidence.measures.base import Measure, Quantity, cost, plain
from simulator.settings.errors import UnfitError

if TYPE_CHECKING:
    from simulator.experiments.evidence.claims_point import Point


class Ratio(Measure):
    """The cost of one algorithm's first round over that of another's, from dry runs; frozen weights are there already.

    Attributes:
        of, over: labels of two algorithms.
        quantity: the cost that is compared.
        percent: whether the figure is written in per cent; it is a fraction all the same.
    """

    name: ClassVar[str] = "ratio"
    of: str
    over: str
    quantity: Quantity
    percent: bool = False

    @property
    def unit(self) -> str:
        return " %" if self.percent else ""

    def number(self, value: float) -> str:
        return plain(100 * value if self.percent else value)

    def labels(self) -> Iterator[tuple[str, str]]:
        yield from (("of", self.of), ("over", self.over))

    def values(self, point: Point) -> tuple[float, ...]:
        over = cost(point.round(self.over), self.quantity)
        if not over:
            raise UnfitError("over", self.over, f"it has no {self.quantity}, so there is no ratio")
        return (cost(point.round(self.of), self.quantity) / over,)

"""The share of a cost that one algorithm saves against another."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.experiments.evidence.measures.ratio import Ratio

if TYPE_CHECKING:
    from simulator.experiments.evidence.claims_point import Point


class Saving(Ratio):
    """One minus the ratio of two algorithms' costs in their first rounds, from dry runs.

    Attributes:
        of: the label of the algorithm that saves.
        over: the label of the one that it is compared with.
        quantity: the cost that is compared.
        percent: whether the figure is written in per cent.
    """

    name: ClassVar[str] = "saving"
    percent: bool = True

    def values(self, point: Point) -> tuple[float, ...]:
        return tuple(1 - ratio for ratio in super().values(point))

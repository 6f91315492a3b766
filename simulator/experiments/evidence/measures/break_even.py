"""The number of samples at which a split algorithm sends as much as another."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, ClassVar

from simulator.experiments.evidence.measures.base import Measure, plain
from simulator.experiments.plan.break_even import MOST_SAMPLES, meeting

if TYPE_CHECKING:
    from simulator.experiments.evidence.claims_point import Point


class BreakEven(Measure):
    """The fewest samples on a device with which a split algorithm sends no fewer bytes than another, from dry runs.

    It is infinite where the split algorithm sends fewer bytes with up to ``MOST_SAMPLES`` samples.

    Attributes:
        of: the label of the split algorithm.
        over: the label of the algorithm that sends its model.
    """

    name: ClassVar[str] = "break_even"
    of: str
    over: str

    def labels(self) -> Iterator[tuple[str, str]]:
        yield from (("of", self.of), ("over", self.over))

    def values(self, point: Point) -> tuple[float, ...]:
        samples = meeting(point.planner, point.entry(self.of), point.entry(self.over)).samples
        return (inf if samples is None else float(samples),)

    @property
    def unit(self) -> str:
        return " samples"

    def number(self, value: float) -> str:
        return f"more than {MOST_SAMPLES:,}" if value == inf else plain(value)

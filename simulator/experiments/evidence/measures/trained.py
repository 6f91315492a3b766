"""What one algorithm learns, minus what another learns, with the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from simulator.experiments.evidence.measures.base import Measure, plain

if TYPE_CHECKING:
    from simulator.experiments.evidence.claims_point import Point


class Trained(Measure):
    """The difference between two algorithms after real training, for each seed of the scenario.

    Attributes:
        of, minus: labels of two algorithms.
        quantity: ``accuracy``, a fraction, or ``loss``, of the last evaluation.
    """

    name: ClassVar[str] = "trained"
    trains: ClassVar[bool] = True
    of: str
    minus: str
    quantity: Literal["accuracy", "loss"] = "accuracy"

    def labels(self) -> Iterator[tuple[str, str]]:
        yield from (("of", self.of), ("minus", self.minus))

    def values(self, point: Point) -> tuple[float, ...]:
        ours, theirs = ([getattr(score, self.quantity) for score in point.scores(x)] for x in (self.of, self.minus))
        return tuple(one - other for one, other in zip(ours, theirs, strict=True))

    @property
    def unit(self) -> str:
        return " points" if self.quantity == "accuracy" else ""

    def number(self, value: float) -> str:
        return in_points(value) if self.quantity == "accuracy" else f"{value:+.1g}"

    def distance(self, value: float) -> str:
        return plain(100 * value if self.quantity == "accuracy" else value)


def in_points(difference: float) -> str:
    """Return a difference of accuracies as a number of percentage points, such as "+1.2"."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"  # a zero has no minus

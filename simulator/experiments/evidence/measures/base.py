"""The contract of a measure, and what several share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from simulator.settings.base import Settings

if TYPE_CHECKING:
    from simulator.experiments.evidence.claims_point import Point
    from simulator.experiments.plan.rounds import Round

Quantity = Literal[
    "bytes", "bytes_up", "bytes_down", "smashed", "seconds", "client_flops", "server_flops", "client_energy_j"
]
"""A cost of a round: what ``plan.rounds.Round`` has, and ``smashed``, the bytes of smashed data that devices send."""


class Measure(Settings):
    """A way to compute a figure at one point of a claim."""

    name: ClassVar[str]
    reads_scenario: ClassVar[bool] = True
    """Whether the figure is simulated; otherwise it is read from a file of results."""
    trains: ClassVar[bool] = False
    """Whether the figure takes real training; otherwise dry runs suffice."""

    def labels(self) -> Iterator[tuple[str, str]]:
        """Yield each key of this measure that names an algorithm of the scenario, with the label that it gives."""
        yield from ()

    def values(self, point: Point) -> tuple[float, ...]:
        """Return the figure at a point: one value, or one for each seed.

        Args:
            point: the scenario at one of the claim's conditions, or the rows to read.

        Raises:
            ScenarioError: the figure cannot be computed; the message names the file and the key.
        """
        raise NotImplementedError

    @property
    def missing(self) -> str | None:
        """The file of results that this figure needs and that is not there; None if nothing is missing."""
        return None

    @property
    def unit(self) -> str:
        """The unit behind a number, with the space before it; empty if there is none."""
        return ""

    def number(self, value: float) -> str:
        """Return a value as a number in the unit, to three significant digits."""
        return plain(value)

    def distance(self, value: float) -> str:
        """Return the distance between two values as a number in the unit."""
        return self.number(value)

    def text(self, *values: float) -> str:
        """Return a value in words; of several, one for each seed, their mean and their range."""
        if len(values) == 1:
            return f"{self.number(values[0])}{self.unit}"
        mean, low, high = map(self.number, (sum(values) / len(values), min(values), max(values)))
        return f"{mean}{self.unit} ({low} to {high})"


def plain(value: float) -> str:
    """Return a number to three significant digits, such as "0.0461" or "1,140"; whole numbers from 100 on in full."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cost(taken: Round, quantity: Quantity) -> float:
    """Return a cost of a round in SI units: sums over the cohort, but for ``seconds`` and ``server_flops``."""
    if quantity == "smashed":
        return float(sum(total for total, _ in taken.smashed.values()))
    return float(getattr(taken, quantity))

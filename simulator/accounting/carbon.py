"""The carbon emissions of a trial: the energy of each stretch of time, times the intensity of the grid at that time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from simulator.accounting.prices import PAYERS

if TYPE_CHECKING:
    from simulator.accounting.ledger import Ledger
    from simulator.accounting.usage import Use

Span = tuple[float, float]
"""A begin and an end, in seconds of the clock."""


class Varying(Protocol):
    """A value that varies in time: constant from each change to the next."""

    def at(self, t: float) -> float:
        """Return the value at a moment, in seconds of the clock."""

    def next_change(self, t: float) -> float:
        """Return the first moment after ``t`` at which the value changes, in seconds; infinity if it never does."""


@dataclass(frozen=True)
class Grid:
    """The electricity grids that sites draw from.

    Attributes:
        intensity: kg of CO2 equivalent for a joule, by the role of the site: ``server``, ``edge`` or ``device``.
        factor: a factor on all intensities that varies in time; None if they are constant.
    """

    intensity: Mapping[str, float]
    factor: Varying | None = None


class Emission(NamedTuple):
    """The emissions of the energy that sites drew.

    Attributes:
        payer, group, phase, round: those of the electricity, as ``prices.Charge`` has them.
        kg: kg of CO2 equivalent.
    """

    payer: str
    group: str
    phase: str
    round: int
    kg: float


def emissions(ledger: Ledger, uses: Sequence[Use], grid: Grid, start: float, end: float) -> list[Emission]:
    """Return the emissions of a trial, one row for each payer, group, phase and round, without those of 0 kg.

    Energy is spread evenly over the time in which it was drawn. With a constant intensity, emissions are the energy
    times the intensity.

    Args:
        ledger: the ledger of the trial.
        uses: its uses, as ``usage.uses`` returns them.
        grid: the intensities.
        start, end: the clock at the beginning and at the end of the trial, in seconds.
    """
    from simulator.accounting.columns.energies import energies  # NumPy is of no use before a trial is over
    from simulator.accounting.columns.varying import Means

    means = None if grid.factor is None else Means(ledger, Integral(grid.factor, start, end)).of
    emitted = energies(ledger, uses, lambda site: grid.intensity.get(site.role, 0.0), means)
    return [Emission(PAYERS[role], group, phase, round, kg) for (role, group, phase, round), kg in emitted.items()]


class Integral:
    """The integral of a value that varies in time, between any two moments of a trial.

    Args:
        varying: the value.
        start, end: the beginning and the end of the trial, in seconds of the clock; after it, the last value holds.
    """

    def __init__(self, varying: Varying, start: float, end: float) -> None:
        self._moments, self._values, self._sums = [start], [varying.at(start)], [0.0]
        while (moment := varying.next_change(self._moments[-1])) < end:
            self._sums.append(self._sums[-1] + self._values[-1] * (moment - self._moments[-1]))
            self._moments.append(moment)
            self._values.append(varying.at(moment))

    @property
    def steps(self) -> tuple[list[float], list[float], list[float]]:
        """The moments at which the value changes, from the start on; the value from each on, and the integral to it."""
        return self._moments, self._values, self._sums

    def between(self, begin: float, end: float) -> float:
        """Return the integral from one moment to another."""
        first, last = self._at(begin), self._at(end)
        if first == last:
            return self._values[first] * (end - begin)
        inside = self._sums[last] - self._sums[first + 1]
        before = self._values[first] * (self._moments[first + 1] - begin)
        return before + inside + self._values[last] * (end - self._moments[last])

    def mean(self, spans: Iterable[Span]) -> float:
        """Return the mean of the value over spans; the value at the beginning of the first if they last no time."""
        spans = list(spans)
        first, last = self._at(spans[0][0]), self._at(spans[-1][1])
        if first == last:
            return self._values[first]
        seconds = fsum(end - begin for begin, end in spans)
        return fsum(self.between(*span) for span in spans) / seconds if seconds > 0 else self._values[first]

    def _at(self, moment: float) -> int:
        return max(0, bisect_right(self._moments, moment) - 1)

"""The carbon emissions of a trial: the energy of each stretch of time, times the intensity of the grid at that time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from simulator.accounting.integral import Integral, Varying
from simulator.accounting.prices import PAYERS

if TYPE_CHECKING:
    from simulator.accounting.ledger import Ledger
    from simulator.accounting.usage import Use


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

"""The contract of signals: what varies in time, and is the same for all algorithms of a scenario.

A signal is settings. It is *sampled* once for each thing that varies (a link, for example), and what is sampled, a
``Varying``, answers two questions about any moment of the clock, in any order of the moments.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol

from pydantic import AfterValidator, Field

from simulator.settings.base import Settings
from simulator.settings.units import DURATION, Duration

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds

LEAST_FACTOR = 1e-9
"""On the rate of a link; 0 is a pause."""
SHORTEST = 1e-3
"""Seconds: a state that lasts less, on average, is refused, because each change is an event of every running flow."""


class Varying(Protocol):
    """A value that varies in time: constant from each change to the next.

    The same questions always have the same answers, whatever was asked before.
    """

    def at(self, t: float) -> float:
        """Return the value at a moment, in seconds of the clock; at the moment of a change, it is the new one."""

    def next_change(self, t: float) -> float:
        """Return the first moment after ``t`` at which the value changes, in seconds; infinity if it never does."""


class Signal(Settings):
    """How the rate of a link varies: a factor of at least 0 on its nominal rate, at any moment."""

    name: ClassVar[str]

    def sample(self, seeds: Seeds, link: str, rate: float) -> Varying:
        """Return the factor on the rate of one link.

        Random draws are keyed by the link and by their own number, never by what was asked or sampled before.

        Args:
            seeds: the random streams of the trial.
            link: the name of the link.
            rate: the nominal rate of the link, in bytes/s, to which rates in absolute figures are related.
        """
        raise NotImplementedError

    def check(self) -> None:
        """Check what only a look at a file can tell.

        Raises:
            UnfitError: the signal cannot be sampled.
        """

    def notices(self) -> Iterator[str]:
        """Yield what a user should know of these settings, in sentences without a full stop."""
        yield from ()


def pause_or_sense(factor: float) -> float:
    """Return a factor on a rate; raise ``ValueError`` if it is so small that nothing would ever arrive."""
    if 0 < factor < LEAST_FACTOR:
        raise ValueError(f"it must be 0, a pause, or at least {LEAST_FACTOR:g}")
    return factor


def _long_enough(seconds: float) -> float:
    if seconds < SHORTEST:
        raise ValueError(f"it is shorter than {DURATION.format(SHORTEST)}, the shortest that is simulated")
    return seconds


Factor = Annotated[float, Field(ge=0, le=1e9), AfterValidator(pause_or_sense)]
"""A factor on the rate of a link; 0 is a pause."""
Sojourn = Annotated[Duration, AfterValidator(_long_enough)]
"""Seconds for which a state lasts, at least ``SHORTEST``."""

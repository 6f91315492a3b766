"""The part of a scenario that says how much carbon its electricity emits, and when."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, Strict, model_validator

from simulator.accounting.carbon import Grid
from simulator.scenario.prices import ROLES, by_name, by_role
from simulator.settings.base import Many, Settings, invalid
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import SIGNALS, Plugins
from simulator.settings.units import CARBON_INTENSITY, DURATION, Duration
from simulator.world.signals.base import Signal
from simulator.world.signals.trace import Absolute, Trace, level

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds

INTENSITIES = Absolute("intensity", CARBON_INTENSITY, 3.6e9, "the intensity, or an intensity")
MISSING = "it is missing: the signal is a factor on it"
IMPLAUSIBLE = 20.0
"""No grid varies by such a factor: a number of this size is meant as an intensity."""


class IntensityTrace(Trace):
    """A recorded carbon intensity, from a file or from a list of points: each value holds until the next.

    A file has the columns `seconds,intensity` or `seconds,factor`, with this as its first line. Seconds are those of
    the simulated clock. An intensity is in g/kWh, or has a unit, and takes the place of the scenario's; a factor is on
    the scenario's. A trace gives intensities or factors, not both.

    Attributes:
        file: a CSV file, relative to the folder of the scenario.
        points: the trace in place of a file, such as [[0 s, 420 g/kWh], [1 h, 0.5]]: a moment, and an intensity or a
            factor.
        after: what holds after the end of the trace: its last value, or the trace again from its beginning; null if
            nothing is known of it, so that no trial may last longer.
        end: when the trace ends, after its last point; null: at its last point. Not for `hold`.
    """

    absolute: ClassVar[Absolute] = INTENSITIES
    points: (
        Annotated[
            Many[Annotated[tuple[Duration, Annotated[float | str, *level(INTENSITIES)]], Strict(False)]],
            Field(min_length=1),
        ]
        | None
    ) = None
    after: Literal["hold", "repeat"] | None = None  # type: ignore[assignment]

    @property
    def known_until(self) -> float:
        """The moment until which the intensity is known, in seconds of the clock."""
        if self.after is not None:
            return math.inf
        return self.columns(1.0).last if self.end is None else self.end

    @property
    def stands_alone(self) -> bool:
        """Whether it gives intensities, so that it needs none of the scenario."""
        return isinstance(self.points[0][1], str) if self.points else self.columns(1.0).absolute

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        for index, (_, value) in enumerate(self.points or ()):
            if isinstance(value, str) != self.stands_alone:
                problem = "a trace gives intensities or factors, not both, and the point at 0 s is of the other kind"
                raise invalid([(("points", index), value, problem, None)])
        return self

    @model_validator(mode="after")
    def _plausible_factors(self) -> Self:
        for index, (_, value) in enumerate(self.points or ()):
            if not isinstance(value, str) and value >= IMPLAUSIBLE:
                problem = f"a number without a unit is a factor on the intensity: did you mean {value:g} g/kWh?"
                raise invalid([(("points", index), value, problem, f"an intensity, or a factor below {IMPLAUSIBLE:g}")])
        return self

    def notices(self) -> Iterator[str]:
        if self.known_until < math.inf:
            yield f"the trace ends at {DURATION.format(self.known_until)}: a trial that lasts longer is refused"


class _CarbonSignals(Plugins):
    """The signals, of which a trace is one of carbon intensities."""

    def find(self, name: str) -> type[Settings]:
        return IntensityTrace if name == Trace.name else super().find(name)


CARBON_SIGNALS = _CarbonSignals(SIGNALS.where, SIGNALS.base, SIGNALS.group)


class CarbonSettings(Settings):
    """How much carbon the electricity of the sites emits."""

    intensity: Annotated[float | dict[str, float], *by_name(CARBON_INTENSITY, ROLES)] | None = None
    """The carbon intensity: one for all, or those of the server, the edges and the devices. Edges that are not named
    have that of the server. Null only if the signal is a trace of intensities."""
    signal: Annotated[Signal, CARBON_SIGNALS] | None = None
    """How the intensity varies in time: a factor on it, or a trace of intensities in its place; null: not at all."""

    @property
    def known_until(self) -> float:
        """The moment until which the intensity is known, in seconds of the clock; infinity if it always is."""
        return self.signal.known_until if isinstance(self.signal, IntensityTrace) else math.inf

    def grid(self, seeds: Seeds) -> Grid:
        """Return the grids as the accounting of a trial needs them.

        Args:
            seeds: the random streams of the trial.
        """
        intensity = by_role(1.0 if self.intensity is None or self._replaces_intensity() else self.intensity)
        intensity.setdefault("edge", intensity["server"])
        return Grid(intensity, None if self.signal is None else self.signal.sample(seeds, "carbon", 1.0))

    def check(self) -> None:
        """Check what only a look at a file can tell.

        Raises:
            UnfitError: the trace cannot be read, or is one of factors and there is no intensity.
        """
        if self.signal is None:
            return
        try:
            self.signal.check()
            alone = isinstance(self.signal, IntensityTrace) and self.signal.stands_alone
        except UnfitError as error:
            raise error.below("signal") from error
        if self.intensity is None and not alone:
            raise UnfitError("intensity", None, MISSING, "an intensity such as 400 g/kWh")

    def notices(self) -> Iterator[str]:
        """Yield what a user should know of these settings, in sentences without a full stop."""
        if self.intensity is not None and self._replaces_intensity():
            yield "intensity is not used: the signal is a trace of intensities"
        if self.signal is not None:
            yield from self.signal.notices()

    def _replaces_intensity(self) -> bool:
        return isinstance(self.signal, IntensityTrace) and self.signal.stands_alone

    @model_validator(mode="after")
    def _some_intensity(self) -> Self:
        if self.intensity is None and not isinstance(self.signal, IntensityTrace):
            problem = MISSING if self.signal else "it is missing"
            raise UnfitError("intensity", None, problem, "an intensity such as 400 g/kWh")
        if self.intensity is None and isinstance(self.signal, IntensityTrace) and self.signal.points is not None:
            self.check()
        if isinstance(self.intensity, dict):
            for place in ("server", "devices"):
                if place not in self.intensity:
                    raise UnfitError(("intensity", place), None, "it is missing", "an intensity such as 400 g/kWh")
        return self

"""A link that is fast and slow in turn, as by day and by night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, model_validator

from simulator.settings.base import invalid
from simulator.settings.units import DURATION, Duration
from simulator.world.signals.base import SHORTEST, Factor, Signal, Sojourn, Varying
from simulator.world.signals.sampled import Repeating

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds


class Periodic(Signal):
    """A square wave: a high rate for a share of each period, then a low one.

    A wave with more steps is a trace that repeats.

    Attributes:
        period: how long a period is.
        share: the share of each period in which the rate is high.
        high, low: the factor on the rate in each part.
        phase: a moment at which a period begins, and with it the high rate.
    """

    name: ClassVar[str] = "periodic"
    period: Sojourn
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    high: Factor = 1.0
    low: Factor = 0.1
    phase: Duration = 0.0

    @model_validator(mode="after")
    def _two_states(self) -> Self:
        if self.high == self.low:
            raise invalid([(("low",), self.low, "both parts are equal, so that nothing would vary", None)])
        if min(self.share, 1 - self.share) * self.period < SHORTEST:
            problem = (
                f"a part of the period is shorter than {DURATION.format(SHORTEST)}, the shortest that is simulated"
            )
            raise invalid([(("share",), self.share, problem, None)])
        return self

    def sample(self, seeds: Seeds, link: str, rate: float) -> Varying:
        return Repeating(self.period, (0.0, self.share * self.period), (self.high, self.low), self.phase)

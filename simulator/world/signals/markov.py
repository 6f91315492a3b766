"""A link that is good or bad, for random times."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from simulator.settings.base import invalid
from simulator.world.signals.base import Factor, Signal, Sojourn, Varying
from simulator.world.signals.sampled import Alternating

if TYPE_CHECKING:
    from simulator.settings.seeds import Seeds


class Markov(Signal):
    """A good and a bad state in turn, each for an exponentially distributed time.

    It is the two-state chain of Gilbert (1960) and Elliott (1963), from memory, with a rate in place of an error rate.
    A link starts in one of its states at random, with the chances that it has later too.

    Attributes:
        mean_good, mean_bad: how long each state lasts, on average; at least 1 ms.
        good, bad: the factor on the rate in each state.
    """

    name: ClassVar[str] = "markov"
    mean_good: Sojourn
    mean_bad: Sojourn
    good: Factor = 1.0
    bad: Factor = 0.1

    @model_validator(mode="after")
    def _two_states(self) -> Self:
        if self.good == self.bad:
            raise invalid([(("bad",), self.bad, "both states are equal, so that nothing would vary", None)])
        return self

    def sample(self, seeds: Seeds, link: str, rate: float) -> Varying:
        return Alternating((self.good, self.bad), (self.mean_good, self.mean_bad), seeds, "signal", link)

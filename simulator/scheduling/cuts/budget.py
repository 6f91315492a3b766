"""As much of the model on a device as some limits allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import PlainValidator, WithJsonSchema, model_validator

from simulator.scheduling.cuts.base import Candidate, CutPolicy
from simulator.settings.units import MEMORY, Duration, Energy


def _memory(said: Any) -> float | str | None:
    """A share of what the device has, or a size as text; None for no limit."""
    if said is None:
        return None
    if isinstance(said, str):
        return MEMORY.format(MEMORY.parse(said))
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 < said <= 1:
        raise ValueError(
            f"it must be a share of the device's memory, above 0 and at most 1, or a size such as {MEMORY.example}"
        )
    return float(said)


_SHARE = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
MemoryLimit = Annotated[
    float | str | None,
    PlainValidator(_memory),
    WithJsonSchema({"anyOf": [_SHARE, MEMORY.json_schema(), {"type": "null"}]}),
]


class Budget(CutPolicy):
    """The largest portion that fits the device's memory and keeps within these limits, of which one must be said.

    Attributes:
        seconds: of the device's round, alone in it: the mean over its rounds, frozen weights sent in the first.
        energy: of the device in a round, likewise, its waiting included.
        memory: at its fullest: a size, or a share of what the device has.
    """

    name: ClassVar[str] = "budget"
    seconds: Duration | None = None
    energy: Energy | None = None
    memory: MemoryLimit = None

    @model_validator(mode="after")
    def _some_limit(self) -> Self:
        if self.seconds is self.energy is self.memory is None:
            raise ValueError("a budget needs a limit: seconds, energy or memory, such as {name: budget, seconds: 20 s}")
        return self

    def choose(self, candidates: Sequence[Candidate]) -> Candidate | None:
        return next((each for each in reversed(candidates) if each.fits and self._within(each)), None)

    def _within(self, one: Candidate) -> bool:
        limits = ((one.seconds, self.seconds), (one.energy_j, self.energy), (one.peak_bytes, self._bytes(one.memory)))
        return all(limit is None or asked <= limit for asked, limit in limits)

    def _bytes(self, there: float) -> float | None:
        """The limit of memory where there is so much."""
        if isinstance(self.memory, str):
            return MEMORY.parse(self.memory)
        return None if self.memory is None else self.memory * there

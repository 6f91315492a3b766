"""The budget policy: as much of the model on a device as its limits allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import PlainValidator, WithJsonSchema, model_validator

from simulator.scheduling.cuts.base import Candidate, CutPolicy
from simulator.settings.units import MEMORY, Duration, Energy


def _memory(value: Any) -> float | str | None:
    """Validate a memory limit: a share of the device's memory, a size as text, or None for no limit."""
    if value is None:
        return None
    if isinstance(value, str):
        return MEMORY.format(MEMORY.parse(value))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ValueError(
            f"it must be a share of the device's memory, above 0 and at most 1, or a size such as {MEMORY.example}"
        )
    return float(value)


_SHARE = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
MemoryLimit = Annotated[
    float | str | None,
    PlainValidator(_memory),
    WithJsonSchema({"anyOf": [_SHARE, MEMORY.json_schema(), {"type": "null"}]}),
]


class Budget(CutPolicy):
    """The largest portion that fits the device's memory and stays within these limits, of which at least one must be
    set.

    Attributes:
        seconds: limit on the duration of a round in which only this device takes part: the mean over its rounds, of
            which the first also sends frozen weights.
        energy: limit on the energy of the device in such a round, likewise a mean, including while it waits.
        memory: limit on the device's peak memory: a size, or a share of the device's memory.
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
        return next((cut for cut in reversed(candidates) if cut.fits and self._is_within_limits(cut)), None)

    def _is_within_limits(self, cut: Candidate) -> bool:
        pairs = (
            (cut.seconds, self.seconds),
            (cut.energy_j, self.energy),
            (cut.peak_bytes, self._memory_limit(cut.memory)),
        )
        return all(limit is None or value <= limit for value, limit in pairs)

    def _memory_limit(self, memory: float) -> float | None:
        """Return the limit in bytes for a device with this much memory (bytes); None for no limit."""
        if isinstance(self.memory, str):
            return MEMORY.parse(self.memory)
        return None if self.memory is None else self.memory * memory

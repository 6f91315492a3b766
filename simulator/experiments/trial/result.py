"""What a trial leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from simulator.accounting.ledger import Ledger
    from simulator.accounting.power import Power
    from simulator.accounting.usage import Use
    from simulator.learning.evaluation import Score
    from simulator.scenario.scenario import Entry


@dataclass(frozen=True)
class RoundResult:
    """The state after a round: the clock, and how good it is where it was evaluated."""

    round: int
    sim_time_s: float
    score: Score | None


class MemoryPeak(NamedTuple):
    """A site when its memory was at its fullest: bytes in use and there, the work that was done then, its round."""

    site: str
    bytes: int
    available: float
    doing: str
    round: int


class ClassCount(NamedTuple):
    """How many samples of one class one client has; a row of ``clients.csv``."""

    client: str
    device: str
    number: int
    class_name: str
    samples: int


@dataclass(frozen=True)
class TrialResult:
    """What a trial leaves: its ledger, what was used, and how accuracy went."""

    entry: Entry
    seed: int
    rounds: list[RoundResult]
    ledger: Ledger
    uses: list[Use]
    power: dict[str, Power]
    client_peaks: list[MemoryPeak]
    server_peak: MemoryPeak
    without: frozenset[str]
    """Devices that were never chosen, as their memory is too small."""
    trainable_parameters: int
    wall_time_s: float
    class_counts: list[ClassCount]

    @property
    def peak_client_memory_bytes(self) -> int:
        """Of the device that had most in use."""
        return max(peak.bytes for peak in self.client_peaks)

    @property
    def peak_server_memory_bytes(self) -> int:
        return self.server_peak.bytes

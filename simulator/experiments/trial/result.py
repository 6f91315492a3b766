"""The result of a trial, and its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

from simulator.accounting.carbon import Emission, Grid, emissions
from simulator.accounting.critical_path import Segment, critical_paths
from simulator.accounting.prices import Charge, Prices, charges
from simulator.accounting.queues import QueueUse, queue_uses
from simulator.accounting.waste import waste_by_reason
from simulator.settings.moved import former

if TYPE_CHECKING:
    from simulator.accounting.columns.totals import Totals
    from simulator.accounting.ledger import Ledger
    from simulator.accounting.power import Power
    from simulator.accounting.usage import Use
    from simulator.accounting.waste import Waste
    from simulator.experiments.trial.class_counts import ClassCounts
    from simulator.learning.evaluation import Score
    from simulator.scenario.scenario import Entry

__getattr__ = former(__name__, "simulator.experiments.trial.class_counts")


@dataclass(frozen=True)
class RoundResult:
    """The state of a trial after a round.

    Attributes:
        round: the number of aggregations so far; 0 before training.
        sim_time_s: simulated seconds since the start.
        score: the score of the models; None where they were not evaluated.
        done: the share of the rounds, or of the budget, that is done; 1 or more at the end.
    """

    round: int
    sim_time_s: float
    score: Score | None
    done: float = 1.0


class MemoryPeak(NamedTuple):
    """The moment at which the memory of a site was at its fullest.

    Attributes:
        site: the name of the device, server or edge.
        bytes: bytes in use.
        available: bytes that the site has.
        doing: the work that was done then, in words.
        round: the round of this work.
    """

    site: str
    bytes: int
    available: float
    doing: str
    round: int


@dataclass(frozen=True)
class Bill:
    """By what the costs and the emissions of a trial are computed.

    Attributes:
        start, end: the clock at the beginning and at the end of the trial, in seconds.
        prices: the prices; None if the scenario has none.
        grid: the carbon intensities; None if the scenario has none.
    """

    start: float
    end: float
    prices: Prices | None = None
    grid: Grid | None = None


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial: its ledger, the resources used, and the score after each round.

    Attributes:
        entry: the algorithm, with its cuts chosen.
        seed: the seed.
        rounds: the state before training and after each round; where a budget of time ended the trial, the last is the
            state at that moment, which may be in the middle of a round.
        ledger: everything that happened, as tables.
        uses: the resources used, from the ledger; of a large trial, only their ``totals`` are quick.
        power: the power of each site, by its name.
        client_peaks: the memory peak of each device, in the world's order.
        server_peak: the memory peak of the server.
        without: names of devices that were never chosen because their memory is too small.
        trainable_parameters: how many parameters are trained.
        wall_time_s: wall-clock seconds that the trial took.
        class_counts: the classes in each client's shard.
        standstill: who waited for what when nothing more could happen before the time was up; else empty.
        bill: by what its costs and emissions are computed.
        edge_peaks: the memory peak of each edge, in the world's order.
        evaluated_samples: the number of test samples on which models were evaluated; 0 in a dry run.
    """

    entry: Entry
    seed: int
    rounds: list[RoundResult]
    ledger: Ledger
    uses: Sequence[Use]
    power: dict[str, Power]
    client_peaks: list[MemoryPeak]
    server_peak: MemoryPeak
    without: frozenset[str]
    trainable_parameters: int
    wall_time_s: float
    class_counts: ClassCounts
    standstill: str = ""
    bill: Bill = Bill(0.0, 0.0)
    edge_peaks: list[MemoryPeak] = field(default_factory=list)
    evaluated_samples: int = 0

    @property
    def peak_client_memory_bytes(self) -> int:
        """Peak bytes of the device that had the most memory in use."""
        return max(peak.bytes for peak in self.client_peaks)

    @property
    def peak_server_memory_bytes(self) -> int:
        """Peak bytes of the server."""
        return self.server_peak.bytes

    @cached_property
    def totals(self) -> Totals:
        """The sums of what was used, by side, phase, activity and round."""
        from simulator.accounting.columns.uses import totals_of

        return totals_of(self.uses)

    @cached_property
    def waste(self) -> dict[str, Waste]:
        """What was spent in vain, by reason; empty if nothing was."""
        return waste_by_reason(self.ledger, self.power, (peak.site for peak in self.client_peaks))

    @cached_property
    def queues(self) -> list[QueueUse]:
        """The use of the queue of the server, and of every other site that is no device."""
        return queue_uses(self.ledger, 0.0, self.rounds[-1].sim_time_s)

    @cached_property
    def critical_paths(self) -> list[Segment]:
        """The segments of the critical paths of all rounds."""
        return critical_paths(self.ledger)

    @cached_property
    def charges(self) -> list[Charge]:
        """What is paid for; empty without prices."""
        bill = self.bill
        if bill.prices is None:
            return []
        return charges(self.ledger, self.uses, bill.prices, bill.start, bill.end)

    @cached_property
    def emissions(self) -> list[Emission]:
        """The carbon emissions; empty without carbon intensities."""
        bill = self.bill
        return [] if bill.grid is None else emissions(self.ledger, self.uses, bill.grid, bill.start, bill.end)

    @property
    def cost_usd(self) -> float | None:
        """What the trial costs, for all payers, in USD; None without prices."""
        return None if self.bill.prices is None else fsum(charge.usd for charge in self.charges)

    @property
    def carbon_kg(self) -> float | None:
        """What the trial emits, in kg of CO2 equivalent; None without carbon intensities."""
        return None if self.bill.grid is None else fsum(emission.kg for emission in self.emissions)

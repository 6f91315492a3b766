"""What a site is made of, and how long a work takes there."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.accounting.costs import Cost
from simulator.accounting.power import Power
from simulator.accounting.seconds import Table, interpolated


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a site is made of: FLOP/s it sustains per slot, memory bandwidth (B/s), memory (B), slots and watts."""

    flops_per_s: float
    memory_bandwidth: float = float("inf")
    memory: float = float("inf")
    slots: int = 1
    power: Power = field(default_factory=Power)

    def seconds(self, cost: Cost) -> float:
        """The roofline: whichever takes longer, the arithmetic or the memory traffic."""
        return max(cost.flops / self.flops_per_s, cost.bytes_touched / self.memory_bandwidth)


@dataclass(frozen=True, slots=True)
class Measured(Hardware):
    """Hardware with a table: what it knows takes the seconds it says, the rest of a work those of the roofline."""

    table: Table = field(default_factory=dict)

    def seconds(self, cost: Cost) -> float:
        """Of the pieces in the table, their sum; of what is left of the cost, arithmetic or memory traffic."""
        known, flops, touched = 0.0, cost.flops, cost.bytes_touched
        for piece in cost.made_of:
            rows = self.table.get(piece.what)
            if rows is not None:
                known += interpolated(rows, piece.samples)
                flops -= piece.flops
                touched -= piece.bytes_touched
        return known + Hardware.seconds(self, Cost(flops, touched))

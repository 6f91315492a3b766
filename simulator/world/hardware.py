"""The hardware of a site, and how long a work takes on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.accounting.costs import Cost
from simulator.accounting.power import Power
from simulator.accounting.seconds import Table, interpolated


@dataclass(frozen=True, slots=True)
class Hardware:
    """The hardware of a site.

    Attributes:
        flops_per_s: the rate that each slot sustains, in FLOP/s.
        memory_bandwidth: bytes/s.
        memory: bytes.
        slots: how many works each GPU serves at once.
        power: what it draws in each state, in watts; with one slot that computes.
        gpus: how many GPUs (or processors, of a device) it has.
    """

    flops_per_s: float
    memory_bandwidth: float = float("inf")
    memory: float = float("inf")
    slots: int = 1
    power: Power = field(default_factory=Power)
    gpus: int = 1

    def seconds(self, cost: Cost) -> float:
        """Return the seconds by the roofline model: the longer of arithmetic and memory traffic."""
        return max(cost.flops / self.flops_per_s, cost.bytes_touched / self.memory_bandwidth)


@dataclass(frozen=True, slots=True)
class Measured(Hardware):
    """Hardware with a table of measured times; what the table lacks takes the seconds of the roofline model.

    Attributes:
        table: measured seconds, by the name of the piece and the number of samples.
    """

    table: Table = field(default_factory=dict)

    def seconds(self, cost: Cost) -> float:
        """Return the measured seconds of the pieces in the table, plus the roofline seconds of the rest of the cost."""
        measured, flops, touched = 0.0, cost.flops, cost.bytes_touched
        for piece in cost.made_of:
            rows = self.table.get(piece.what)
            if rows is not None:
                measured += interpolated(rows, piece.samples)
                flops -= piece.flops
                touched -= piece.bytes_touched
        return measured + Hardware.seconds(self, Cost(flops, touched))

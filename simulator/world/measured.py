"""A machine whose seconds were measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.accounting.costs import Cost
from simulator.accounting.seconds import Table, interpolated
from simulator.world.sites import Hardware


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

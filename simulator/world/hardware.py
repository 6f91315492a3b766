"""The hardware of a site, and how long a work takes on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import NamedTuple

from simulator.accounting.costs import Cost, Piece
from simulator.accounting.power import Power
from simulator.accounting.seconds import Rows, Table, interpolated, interpolated_within

MOST_KNOWN = 256
"""Of how many costs the distinct pieces are remembered; with more, all are forgotten."""
MOST_SECONDS = 16_384
"""How many costs are remembered in seconds, each on some hardware: those of few devices, and not those of very many."""


class Distinct(NamedTuple):
    """The pieces of a cost, each once.

    Attributes:
        pieces: the distinct ones.
        order: all of them in their order, by their places among the distinct ones.
        flops, bytes_touched: what of the cost is in no piece.
    """

    pieces: tuple[Piece, ...]
    order: list[int]
    flops: int
    bytes_touched: int


_seconds: dict[tuple[int, int], tuple[Hardware, float, Cost]] = {}
"""The seconds of costs on hardware, by the identities of both, which the values keep valid."""
_known: dict[int, tuple[Cost, Distinct]] = {}
"""The distinct pieces of costs, by their identities, which the values keep valid."""


def _sorted_out(cost: Cost) -> Distinct:
    """Return the distinct pieces of a cost, of which the blocks of a model have many in common.

    They are the same for all devices that do equal works, of which each takes seconds of its own.
    """
    known = _known.get(id(cost))
    if known is None:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        places: dict[Piece, int] = {}
        order = [places.setdefault(piece, len(places)) for piece in cost.made_of]
        flops = cost.flops - sum([piece.flops for piece in cost.made_of])
        touched = cost.bytes_touched - sum([piece.bytes_touched for piece in cost.made_of])
        known = _known[id(cost)] = cost, Distinct(tuple(places), order, flops, touched)
    return known[1]


@dataclass(frozen=True, slots=True)
class Hardware:
    """The hardware of a site.

    Attributes:
        flops_per_s: the rate that each slot sustains in products, in FLOP/s.
        memory_bandwidth: what operations sustain that are bound by memory, in bytes/s.
        memory: bytes.
        slots: how many works each GPU serves at once.
        power: what it draws in each state, in watts; with one slot that computes.
        gpus: how many GPUs (or processors, of a device) it has.
        batch_efficiency: the share of its best rate that it reaches, by the number of samples in a pass. It says what
            works gain that share a pass; a work alone takes the seconds of its operations, whatever its samples.
        copies: whether convolutions copy their operands first, as they do on processors.
        width: the bytes of a number at the site's precision, over the four that costs are counted with.
    """

    flops_per_s: float
    memory_bandwidth: float = float("inf")
    memory: float = float("inf")
    slots: int = 1
    power: Power = field(default_factory=Power)
    gpus: int = 1
    batch_efficiency: Rows = ()
    copies: bool = False
    width: float = 1.0

    def seconds(self, cost: Cost) -> float:
        """Return the sum over all operations of the longer of their arithmetic and their memory traffic."""
        key = id(self), id(cost)
        known = _seconds.get(key)
        if known is None:
            if len(_seconds) >= MOST_SECONDS:  # of costs that are made anew for each work, none is asked for again
                _seconds.clear()
            known = _seconds[key] = self, self._summed(cost), cost
        return known[1]

    def _summed(self, cost: Cost) -> float:
        pieces, order, flops, touched = _sorted_out(cost)
        each = [self.seconds_of(piece) for piece in pieces]
        seconds = 0.0
        for place in order:
            seconds += each[place]
        if flops or touched:
            seconds += self._alone(flops, touched)
        return seconds

    def seconds_of(self, piece: Piece) -> float:
        """Return the seconds of one piece of work."""
        if piece.operations is None:
            return self._alone(piece.flops, piece.bytes_touched)
        return piece.operations.seconds(self.flops_per_s, self.memory_bandwidth / self.width, self.copies)

    def _alone(self, flops: int, touched: int) -> float:
        """Return the seconds of one operation."""
        return max(flops / self.flops_per_s, self.width * touched / self.memory_bandwidth)

    def together(self, costs: Sequence[Cost]) -> float:
        """Return the seconds of one pass that does equal works for several clients.

        It is the sum of what each takes alone, times the efficiency that it has alone, divided by that of the pass;
        without a table of efficiencies, the sum. It is never less than what one of them takes alone.

        Args:
            costs: the cost of each work.
        """
        if not self.batch_efficiency:
            return fsum(map(self.seconds, costs))
        sizes = [cost.samples for cost in costs]
        alone = [self.seconds(cost) for cost in costs]
        best = fsum(
            seconds * interpolated_within(self.batch_efficiency, size)
            for seconds, size in zip(alone, sizes, strict=True)
        )
        return max(*alone, best / interpolated_within(self.batch_efficiency, sum(sizes)))


@dataclass(frozen=True, slots=True)
class Measured(Hardware):
    """Hardware with a table of measured times; what the table lacks takes the seconds of its operations.

    Attributes:
        table: measured seconds, by the name of the piece and the number of samples.
    """

    table: Table = field(default_factory=dict)

    def seconds_of(self, piece: Piece) -> float:
        """Return the measured seconds of a piece, or what its operations take if the table lacks it."""
        rows = self.table.get(piece.what)
        return Hardware.seconds_of(self, piece) if rows is None else interpolated(rows, piece.samples)

    def together(self, costs: Sequence[Cost]) -> float:
        """Return the measured seconds of the pieces, each for all samples of the pass; the rest as each takes it alone.

        A table of efficiencies is not looked at: the table of seconds says what a larger batch gains. A pass takes no
        less than any smaller batch in the table, nor than one of its works alone, whatever the line between rows says:
        where times hardly grow, noise alone decides where that line goes.
        """
        first, samples = costs[0], sum(cost.samples for cost in costs)
        known = [piece.what for piece in first.made_of if piece.what in self.table]
        alone = [self.seconds(cost) for cost in costs]
        apart = fsum(interpolated(self.table[what], cost.samples) for cost in costs for what in known)
        rest = max(0.0, fsum(alone) - apart)
        return max(*alone, rest + fsum(_of_a_pass(self.table[what], samples) for what in known))


def _of_a_pass(rows: Rows, samples: int) -> float:
    """Return the seconds for the samples of a pass: no less than those of any smaller batch in the table."""
    return max([interpolated(rows, samples), *(seconds for size, seconds in rows if size <= samples)])

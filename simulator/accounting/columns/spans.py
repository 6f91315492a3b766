"""The times of a ledger's works, transfers and waits by their ends, in columns, and the rows of a few of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from simulator.accounting.columns.reading import Codes, Floats, Ints, Names, Numbers, codes, floats, ints, joined
from simulator.accounting.ledger import SET_ASIDE, Ledger, Table, TransferRow, WaitRow, WorkRow

_FEW = 8
"""Up to how many spans are looked at one by one, which is quicker."""


@dataclass(frozen=True)
class Spans:
    """Spans of time in the order of their ends; of those that end together, in the order of their beginnings.

    Attributes:
        ends, begins: when each ended, and when it began or was asked for, in seconds of the clock.
        places: its place among all rows: works, transfers and waits, one after another.
        rounds: its round.
        clients: the number of its client.
    """

    ends: Floats
    begins: Floats
    places: Codes
    rounds: Codes
    clients: Codes

    def earliest_ending(self, moment: float, slack: float, round: int | None = None) -> int | None:
        """Return the place of the one that began first, of those that end at a moment; None if none does.

        Args:
            moment: the moment, give or take ``slack``; it must have begun before (seconds of the clock).
            slack: the resolution of the clock at this moment.
            round: those of this round come before all others; None: no round does.
        """
        low = bisect_left(self.ends, moment - slack)
        high = bisect_right(self.ends, moment + slack, low)
        if high - low <= _FEW:
            some = (at for at in range(low, high) if self.begins[at] < moment - slack)
            keys = ((round is not None and self.rounds[at] != round, self.begins[at], self.places[at]) for at in some)
            first = min(keys, default=None)
            return None if first is None else int(first[2])
        found = low + np.flatnonzero(self.begins[low:high] < moment - slack)
        if round is not None and (own := found[self.rounds[found] == round]).size:
            found = own
        if not found.size:
            return None
        found = found[self.begins[found] == self.begins[found].min()]
        return int(self.places[found].min())

    def last_before(self, moment: float, since: float) -> int | None:
        """Return the place of the one that ended last before a moment, but after ``since``; None if none did."""
        at = bisect_left(self.ends, moment) - 1
        return int(self.places[at]) if at >= 0 and self.ends[at] > since else None

    def at(self, rows: Any) -> Spans:
        """Return those in some rows of the columns, in this order; rows must ascend, or the ends are not in order."""
        columns = self.ends, self.begins, self.places, self.rounds, self.clients
        return Spans(*(column[rows] for column in columns))


class LedgerSpans:
    """The spans of all rows of a ledger that took some time."""

    def __init__(self, ledger: Ledger) -> None:
        self._tables: list[Table[Any]] = [ledger.works, ledger.transfers, ledger.waits]
        self._firsts = np.cumsum([0, *map(len, self._tables)]).tolist()
        self._clients = Numbers([name for (names,) in ledger.sites.lists("name") for name in names])
        self._of: dict[str, Spans] = {}
        self.all = self._spans()

    def of(self, client: str) -> Spans:
        """Return the spans of a client."""
        if client not in self._of:
            number = self._clients.get(client)
            low, high = (0, 0) if number is None else self._bounds[number : number + 2]
            self._of[client] = self.all.at(self._by_client[low:high])
        return self._of[client]

    def row(self, place: int) -> tuple[float, WorkRow | TransferRow | WaitRow]:
        """Return when a row ended, in seconds of the clock, and the row, from its place among all rows."""
        table = next(number for number in (2, 1, 0) if place >= self._firsts[number])
        row: Any = self._tables[table][place - self._firsts[table]]
        return row.start + row.seconds, row

    @cached_property
    def _by_client(self) -> Codes:
        """The rows of the spans, client by client; those of a client ascend."""
        return np.argsort(self.all.clients, kind="stable").astype(np.int32)

    @cached_property
    def _bounds(self) -> Ints:
        """Where in ``_by_client`` the rows of each client begin, and where those of the last end."""
        return np.searchsorted(self.all.clients, np.arange(len(self._clients) + 1), sorter=self._by_client)

    def _spans(self) -> Spans:
        kinds = np.float64, np.float64, np.int32, np.int32, np.int32
        chunks: list[tuple[Any, ...]] = [tuple(np.zeros(0, kind) for kind in kinds)]
        for table, first, start in zip(self._tables, self._firsts, ("asked", "start", "start"), strict=False):
            for client, round, begin, since, seconds, *reason in table.chunks(
                *("client", "round", start, "start", "seconds", *(["reason"] if table.row is WaitRow else [])),
                at_once=self._clients.at_once,
            ):
                begins, length = floats(begin), floats(seconds)
                ends = floats(since) + length
                some = ends > begins if table.row is WorkRow else length != 0
                if reason:
                    known = Names()
                    some &= codes(reason[0], known) != known[SET_ASIDE]
                rows = np.flatnonzero(some)
                numbers = ints(round)[rows].astype(np.int32)
                own = codes(client, self._clients)[rows]
                chunks.append((ends[rows], begins[rows], (first + rows).astype(np.int32), numbers, own))
                first += len(begins)
        columns = joined(chunks)
        ends, begins = next(columns), next(columns)
        order = np.lexsort((begins, ends)).astype(np.int32)
        ends = ends[order]  # each by itself, for memory has room for few such columns
        begins = begins[order]
        places, rounds, clients = (column[order] for column in columns)
        return Spans(ends, begins, places, rounds, clients)

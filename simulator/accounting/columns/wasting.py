"""What works and transfers in vain cost, by reason, in columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np

from simulator.accounting.columns import stretches
from simulator.accounting.columns.block import COMPUTE, DOWNLOAD, UPLOAD, Sites
from simulator.accounting.columns.exact import float_sums, int_sums, rounded
from simulator.accounting.columns.reading import Names, codes, floats, ints
from simulator.accounting.columns.standing import AT_ONCE
from simulator.accounting.ledger import Table, TransferRow, WorkRow
from simulator.accounting.power import Power

Columns = Sequence[Any]
"""Stretches: the number of the site, the engine, start and end in seconds, and the number of the reason."""
_TYPES = (np.int32, np.int8, np.float64, np.float64, np.int32)


class Wasting:
    """Adds up waste by reason.

    Args:
        power: what each site draws, by its name.
        clients: the names of the sites that are devices.
        none: the reasons that are no waste.
        again: the reason of what was sent again.
    """

    def __init__(self, power: Mapping[str, Power], clients: Sequence[str], none: Set[str], again: str) -> None:
        self._sites, self._reasons, self._none, self._again = Sites(power, clients), Names(), none, again
        self._sums: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._met: set[int] = set()
        self._works: list[Columns] = []
        self._links: list[Columns] = []

    def found(self, works: Table[WorkRow], transfers: Table[TransferRow]) -> dict[str, tuple[float, int, int, float]]:
        """Return device-seconds, bytes, FLOPs and joules by reason.

        Args:
            works, transfers: the tables, as ``waste.marked`` returns them.
        """
        self._add_works(works)
        self._add_transfers(transfers)
        ranks = self._reasons.ranks
        links, devices = _joined(self._links), _joined([*self._works, *self._links])
        for (site, engine, _, _, reason), seconds in _covered(
            2 * links[0] + (links[1] == DOWNLOAD), links, ranks[links[4]]
        ):
            self._add_floats("joules", reason, self._sites.above[site, engine] * seconds)
        own = self._sites.is_client[devices[0]]
        devices = [column[own] for column in devices]
        for (site, _, _, _, reason), seconds in _covered(devices[0], devices, ranks[devices[4]]):
            self._add_floats("seconds", reason, seconds)
            self._add_floats("joules", reason, self._sites.idle[site] * seconds)
        sums = self._sums
        return {
            name: (rounded(sums["seconds"][n]), sums["bytes"][n], sums["flops"][n], rounded(sums["joules"][n]))
            for name, n in self._reasons.items()
            if n in self._met
        }

    def _add_works(self, works: Table[WorkRow]) -> None:
        for chunk in works.chunks("reason", "site", "start", "seconds", "share", "flops"):
            reason, rows = self._wasted(chunk[0])
            if len(rows):
                site, start, seconds = (
                    codes(chunk[1], self._sites.numbers)[rows],
                    *(floats(c)[rows] for c in chunk[2:4]),
                )
                joules = self._sites.above[site, COMPUTE] * seconds * floats(chunk[4])[rows]
                self._add_ints("flops", reason, ints(chunk[5])[rows])
                self._add_floats("joules", reason, joules)
                self._works.append((site, np.full(len(rows), COMPUTE, np.int8), start, start + seconds, reason))

    def _add_transfers(self, transfers: Table[TransferRow]) -> None:
        names = "reason", "source", "target", "start", "seconds", "latency", "bytes", "lost"
        again = 0
        for chunk in transfers.chunks(*names):
            reason, rows = self._wasted(chunk[0])
            lost = ints(chunk[7])
            if lost.any():
                number = self._reasons[""]
                again += int(lost[codes(chunk[0], self._reasons) == number].sum())
            if len(rows):
                self._add_ints("bytes", reason, ints(chunk[6])[rows])
                began, seconds, latency = (floats(column)[rows] for column in chunk[3:6])
                for column, engine in ((chunk[1], UPLOAD), (chunk[2], DOWNLOAD)):
                    site, engines = codes(column, self._sites.numbers)[rows], np.full(len(rows), engine, np.int8)
                    self._links.append((site, engines, began + latency, began + seconds, reason))
        if again:  # it arrived all the same
            number = self._reasons[self._again]
            self._met.add(number)
            self._sums["bytes"][number] += again
            self._links.extend(self._sent_again(transfers, number))

    def _sent_again(self, transfers: Table[TransferRow], reason: int) -> Iterator[Columns]:
        """Yield the stretches in which bytes were sent again, of the transfers that were of use.

        On a link that several transfers share, each has the time that ``covered`` gives it, so that their sum is no
        more than the link was busy.
        """
        shares, kept = [], []
        for chunk in transfers.chunks("reason", "source", "target", "start", "seconds", "latency", "bytes", "lost"):
            rows = np.flatnonzero(codes(chunk[0], self._reasons) == self._reasons[""])
            source, target = (codes(column, self._sites.numbers)[rows] for column in chunk[1:3])
            began, seconds, latency = (floats(column)[rows] for column in chunk[3:6])
            sent, lost = (ints(column)[rows] for column in chunk[6:8])
            shares.append(np.where(sent > 0, lost / np.maximum(sent, 1), 0.0).astype(np.float64))
            kept.append((source, target, began + latency, began + seconds))
        share = np.concatenate(shares)
        source, target, start, end = (np.concatenate(column) for column in zip(*kept, strict=True))
        place = np.arange(len(share))
        for site, engine in ((source, UPLOAD), (target, DOWNLOAD)):
            columns = site, np.full(len(site), engine, np.int8), start, end, place
            for (at, engines, _, ends, places), seconds in _covered(site, columns, place):
                again = share[places] > 0
                begins = (ends - share[places] * seconds)[again]
                yield at[again], engines[again], begins, ends[again], np.full(len(begins), reason, np.int32)

    def _wasted(self, column: Any) -> tuple[Any, Any]:
        """Return the numbers of the reasons of rows that are waste, and the places of these rows."""
        reasons = codes(column, self._reasons)
        none = [number for name, number in self._reasons.items() if name in self._none]
        rows = np.flatnonzero(~np.isin(reasons, none))
        self._met.update(np.unique(reasons[rows]).tolist())
        return reasons[rows], rows

    def _add_ints(self, what: str, reasons: Any, values: Any) -> None:
        for number, total in enumerate(int_sums(reasons, values, len(self._reasons))):
            self._sums[what][number] += total

    def _add_floats(self, what: str, reasons: Any, values: Any) -> None:
        for number, total in enumerate(float_sums(reasons, values, len(self._reasons))):
            self._sums[what][number] += total


def _joined(columns: Sequence[Columns]) -> list[Any]:
    none = [np.zeros(0, kind) for kind in _TYPES]
    return [np.concatenate(parts) for parts in zip(none, *columns, strict=True)]


def _covered(keys: Any, columns: Columns, ties: Any) -> Iterator[tuple[list[Any], Any]]:
    """Yield the columns of parts that do not overlap, with the same key, and their seconds: some keys at a time.

    Args:
        keys: what each stretch belongs to.
        columns: the stretches, with start and end in the third and the fourth column.
        ties: what tells those apart that begin and end together.
    """
    count = int(keys.max(initial=-1)) + 1
    for _, _, (rows,) in stretches.batches([keys], count, AT_ONCE):
        own = [column[rows] for column in columns]
        parts = stretches.covered(keys[rows], own[2], own[3], ties[rows])
        yield [column[parts.places] for column in own], parts.seconds

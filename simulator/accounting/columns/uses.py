"""All uses of a trial, computed from its ledger chunk by chunk whenever they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import eq
from typing import Any, overload

import numpy as np

from simulator.accounting.columns import stretches
from simulator.accounting.columns.block import COMPUTE, DOWNLOAD, IDLE, UPLOAD, WAIT, Block, Sites, block_of
from simulator.accounting.columns.reading import Names, codes, floats, ints, joined
from simulator.accounting.columns.standing import AT_ONCE, Busy, Engagements, Presence, compare_activity
from simulator.accounting.columns.totals import Totals
from simulator.accounting.ledger import Ledger
from simulator.accounting.power import Power
from simulator.accounting.use import Use

BLOCK = 65_536
"""How many rows a block has at most where it is cut from long columns."""


SMALL = 10_000
"""Up to how many rows of a ledger its uses are kept, rather than computed again."""


class Uses(Sequence[Use]):
    """The uses of a trial: a sequence of ``Use``, of which only some thousands are in memory at any moment.

    Sums come from ``totals``; what needs each use takes ``blocks``. Single uses are for small trials.

    Args:
        ledger: the ledger of one trial, which is over.
        power: what each site draws, by its name.
        clients: the names of the sites that are clients.
        start, end: the clock at the beginning and at the end of the trial, in seconds.
    """

    def __init__(
        self, ledger: Ledger, power: Mapping[str, Power], clients: Iterable[str], start: float, end: float
    ) -> None:
        self.ledger, self.power, self.clients = ledger, power, list(clients)
        self.start, self.end = start, end
        self._kept: list[Block] | None = None

    @cached_property
    def totals(self) -> Totals:
        """The sums by side, phase, activity and round."""
        return Totals(self.blocks())

    def blocks(self) -> Iterator[Block]:
        """Yield the uses in columns, in order."""
        if self._kept is None and sum(map(len, self.ledger.tables().values())) <= SMALL:
            self._kept = list(_Making(self).blocks())
        yield from _Making(self).blocks() if self._kept is None else self._kept

    def __iter__(self) -> Iterator[Use]:
        for block in self.blocks():
            yield from block.rows()

    def __len__(self) -> int:
        return sum(map(len, self.blocks()))

    @overload
    def __getitem__(self, index: int) -> Use: ...
    @overload
    def __getitem__(self, index: slice) -> list[Use]: ...
    def __getitem__(self, index: int | slice) -> Use | list[Use]:
        return list(self)[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


def blocks_of(uses: Sequence[Use]) -> Iterator[Block]:
    """Yield uses in columns, however they are given."""
    yield from uses.blocks() if isinstance(uses, Uses) else [block_of(uses)]


def totals_of(uses: Sequence[Use]) -> Totals:
    """Return the sums of uses, however they are given; without what depends on watts, if not as ``Uses``."""
    return uses.totals if isinstance(uses, Uses) else Totals(blocks_of(uses))


class _Making:
    """Makes the blocks of a trial: works, the bytes of clients, the time of links, and who stood by."""

    def __init__(self, trial: Uses) -> None:
        self.trial, self.ledger = trial, trial.ledger
        self.sites, self.phases = Sites(trial.power, trial.clients), Names()
        self.busy: list[Busy] = []
        self.sent: list[tuple[Any, ...]] = []
        self.turns = np.full(2 * len(self.sites.names), -1, np.int32)
        self.links = 0

    def blocks(self) -> Iterator[Block]:
        yield from self._works()
        yield from self._bytes()
        yield from self._links()
        yield from self._devices()
        yield from self._servers()

    def _block(self, site: Any, phase: Any, activity: Any, round: Any, start: Any, seconds: Any, **more: Any) -> Block:
        count = len(site)
        sent, flops = (more.get(name, np.zeros(count, np.int64)) for name in ("bytes", "flops"))
        activity = activity if isinstance(activity, np.ndarray) else np.full(count, activity, np.int8)
        phase = phase if isinstance(phase, np.ndarray) else np.full(count, self.phases[phase], np.int32)
        client, energy = self.sites.is_client[site], more.get("energy_j", np.zeros(count))
        kinds = site, phase, activity, round, client
        return Block(self.sites, self.phases, *kinds, start, seconds, sent, flops, energy, more.get("lasted"))

    def _works(self) -> Iterator[Block]:
        names = "site", "phase", "round", "start", "seconds", "share", "flops"
        for chunk in self.ledger.works.chunks(*names, at_once=self.sites.numbers.at_once):
            site, phase = codes(chunk[0], self.sites.numbers), codes(chunk[1], self.phases)
            round, start, lasted = ints(chunk[2]), floats(chunk[3]), floats(chunk[4])
            seconds = lasted * floats(chunk[5])
            energy = self.sites.above[site, COMPUTE] * seconds
            own = self.sites.is_client[site]
            if own.any():
                self.busy.append(
                    Busy(site[own], start[own], (start + lasted)[own], round[own].astype(np.int32, copy=False))
                )
            more = {"flops": ints(chunk[6]), "energy_j": energy, "lasted": lasted}
            yield self._block(site, phase, COMPUTE, round, start, seconds, **more)

    def _bytes(self) -> Iterator[Block]:
        """Yield what clients sent and received; note when links were busy."""
        names = "source", "target", "phase", "round", "start", "seconds", "latency", "bytes"
        for chunk in self.ledger.transfers.chunks(*names, at_once=self.sites.numbers.at_once):
            ends = np.empty((len(chunk[0]), 2), np.int32)
            ends[:, 0], ends[:, 1] = (codes(column, self.sites.numbers) for column in chunk[:2])
            phase, round = codes(chunk[2], self.phases), ints(chunk[3])
            began, seconds, latency = map(floats, chunk[4:7])
            start, end = began + latency, began + seconds
            self._number((2 * ends + np.arange(2)).ravel())
            self.sent.append((ends[:, 0], ends[:, 1], start, end, round.astype(np.int32), phase))
            site = ends.ravel()
            own = self.sites.is_client[site]
            twice = (np.repeat(column, 2)[own] for column in (phase, round, start, ints(chunk[7])))
            phase, round, start, size = twice
            way = np.tile(np.array([UPLOAD, DOWNLOAD], np.int8), len(ends))[own]
            yield self._block(site[own], phase, way, round, start, np.zeros(len(start)), bytes=size)

    def _number(self, links: Any) -> None:
        """Give each link that is new the next number; a link is twice its site, and one more where it receives."""
        new = links[self.turns[links] < 0]
        if len(new):
            distinct, first = np.unique(new, return_index=True)
            self.turns[distinct[np.argsort(first)]] = self.links + np.arange(len(distinct))
            self.links += len(distinct)

    def _links(self) -> Iterator[Block]:
        """Yield the times for which links were busy, link by link."""
        if not self.sent:
            return
        source, target, start, end, round, phase = joined(self.sent)
        ranks = self.phases.ranks
        sides = self.turns[2 * source], self.turns[2 * target + 1]
        for _, _, rows in stretches.batches(sides, self.links, AT_ONCE):
            key = np.concatenate([side[own] for side, own in zip(sides, rows, strict=True)])
            site = np.concatenate([source[rows[0]], target[rows[1]]])
            way = np.repeat(np.array([UPLOAD, DOWNLOAD], np.int8), [len(own) for own in rows])
            taken = np.concatenate(rows)
            number, kind = round[taken], phase[taken]
            parts = stretches.covered(key, start[taken], end[taken], number, ranks[kind])
            del key, taken, rows  # the server's link may have all transfers
            for begin in range(0, len(parts.places), BLOCK):
                cut = slice(begin, begin + BLOCK)
                at, seconds = parts.places[cut], parts.seconds[cut]
                energy = self.sites.above[site[at], way[at]] * seconds
                rest = number[at], parts.begins[cut], seconds
                yield self._block(site[at], kind[at], way[at], *rest, energy_j=energy)
        for site in (source, target):
            own = self.sites.is_client[site]
            self.busy.append(Busy(site[own], start[own], end[own], round[own]))

    def _devices(self) -> Iterator[Block]:
        """Yield for how long devices were there, engaged or not, and for how long they waited."""
        presence = Presence(self.ledger, self.sites.numbers)
        engaged = Engagements(self.ledger, self.sites.numbers)
        devices = sorted(np.flatnonzero(self.sites.is_client).tolist(), key=self.sites.names.__getitem__)
        pieces = list(compare_activity(engaged, self.busy, np.array(devices, np.int32)))
        self.busy.clear()
        idle, waiting = self.phases["idle"], self.phases["waiting"]
        for begin in range(0, len(engaged.sites), BLOCK):
            cut = slice(begin, begin + BLOCK)
            site, start = engaged.sites[cut], engaged.starts[cut]
            seconds = presence.seconds(site, start, engaged.seconds[cut])
            energy = np.zeros((len(site), 2))
            energy[:, 0] = self.sites.idle[site] * seconds
            both = np.stack([seconds, np.maximum(0.0, seconds - engaged.active[cut])], axis=1).ravel()
            phase = np.tile(np.array([idle, waiting], np.int32), len(site))
            way = np.tile(np.array([IDLE, WAIT], np.int8), len(site))
            site, round, start = (np.repeat(column, 2) for column in (site, engaged.rounds[cut], start))
            yield self._block(site, phase, way, round, start, both, energy_j=energy.ravel())
        for piece in pieces:
            seconds = piece.ends - piece.starts
            energy = self.sites.idle[piece.sites] * seconds
            yield self._block(piece.sites, "idle", IDLE, piece.rounds, piece.starts, seconds, energy_j=energy)

    def _servers(self) -> Iterator[Block]:
        """Yield for how long the other sites were there: in each round, and outside of rounds."""
        presence = Presence(self.ledger, self.sites.numbers)
        start, end = self.trial.start, self.trial.end
        rows = [(row.round, row.start, row.seconds) for row in self.ledger.rounds]
        turns = np.array([(began, lasted) for _, began, lasted in rows], np.float64).reshape(-1, 2)
        numbers = np.array([number for number, _, _ in rows], np.int64)
        for site in np.flatnonzero(~self.sites.is_client).tolist():
            own = np.full(len(rows), site, np.int32)
            inside = presence.seconds(own, turns[:, 0], turns[:, 1])
            whole = presence.seconds(own[:1] if rows else np.array([site]), np.array([start]), np.array([end - start]))
            counted = float(np.add.accumulate(inside)[-1]) if rows else 0.0
            rest = float(whole[0]) - counted
            found = [*zip(numbers.tolist(), turns[:, 0].tolist(), inside.tolist(), strict=True)]
            if rest > 1e-9 * (end - start):  # the time outside of rounds
                found.append((0, start, rest))
            if found:
                round, begin, seconds = (np.array(column) for column in zip(*found, strict=True))
                energy = self.sites.idle[site] * seconds
                yield self._block(np.full(len(found), site), "idle", IDLE, round, begin, seconds, energy_j=energy)

"""Uses in columns: what was used, some thousands of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.accounting.columns.reading import Codes, Floats, Mask, Names, Numbers, codes, floats, ints
from simulator.accounting.power import Power
from simulator.accounting.use import Use

ACTIVITIES = ("compute", "upload", "download", "idle", "wait")
"""The activities, by their numbers; the first three are the engines of a site."""
COMPUTE, UPLOAD, DOWNLOAD, IDLE, WAIT = range(5)
SIDES = ("server", "client")
"""The sides, by whether the site is a client."""


class Sites:
    """The sites of a trial, by number, and what each draws.

    Args:
        power: what each site draws, by its name.
        clients: the names of the sites that are clients.

    Attributes:
        names: the names of the sites, by their numbers.
        numbers: the number of each site.
        is_client: for each site, whether it is a client.
        idle: the idle watts of each site.
        above: the watts above idle of each site (first axis) in each of the three engines' states (second axis).
    """

    def __init__(self, power: Mapping[str, Power], clients: Sequence[str]) -> None:
        self.names = list(power)
        self.numbers = Numbers(self.names)
        self.is_client = np.fromiter(map(set(clients).__contains__, self.names), np.bool_, len(power))
        own = list(power.values())
        kinds = {id(one): one for one in own}  # most devices of a group share one
        places = dict(zip(kinds, range(len(kinds)), strict=True))
        drawn = np.array([(w.idle, w.compute, w.upload, w.download) for w in kinds.values()], np.float64).reshape(-1, 4)
        watts = drawn[np.fromiter(map(places.__getitem__, map(id, own)), np.int64, len(own))]
        self.idle = watts[:, 0].copy()
        self.above = watts[:, 1:] - watts[:, :1]


@dataclass(slots=True)
class Block:
    """Some uses, in order, in columns of one length.

    Attributes:
        sites: the sites of the trial.
        phases: the phases that were met so far.
        site, phase, activity, round: the number of the site, of the phase and of the activity, and the round.
        client: whether the site is a client.
        start, seconds, bytes, flops, energy_j: as in ``Use``.
        lasted: how long it lasted on the clock, where that is not ``seconds``: for works, which may share a slot.
    """

    sites: Sites
    phases: Names
    site: Codes
    phase: Codes
    activity: Any
    round: Any
    client: Mask
    start: Floats
    seconds: Floats
    bytes: Any
    flops: Any
    energy_j: Floats
    lasted: Floats | None = None

    def __len__(self) -> int:
        return len(self.site)

    def rows(self) -> Iterator[Use]:
        """Yield the uses one by one."""
        names, phases = self.sites.names, self.phases.names
        columns = (self.round, self.start, self.seconds, self.bytes, self.flops, self.energy_j)
        known = (self.client, self.site, self.phase, self.activity)
        for client, site, phase, activity, *numbers in zip(*(c.tolist() for c in (*known, *columns)), strict=True):
            yield Use(SIDES[client], names[site], phases[phase], ACTIVITIES[activity], *numbers)


def block_of(uses: Sequence[Use]) -> Block:
    """Return uses that are given one by one as a block; their sites draw nothing."""
    columns: list[list[Any]] = [list(column) for column in zip(*uses, strict=True)] or [[] for _ in Use._fields]
    side, site, phase, activity, round, start, seconds, sent, flops, energy = columns
    sites, phases, known = Sites({name: Power() for name in site}, ()), Names(), Names()
    numbers = {name: number for number, name in enumerate(ACTIVITIES)}
    client = np.array([name == "client" for name in side], np.bool_)
    kinds = codes(site, sites.numbers), codes(phase, phases), codes(activity, numbers | known), ints(round)
    return Block(sites, phases, *kinds, client, floats(start), floats(seconds), ints(sent), ints(flops), floats(energy))

"""Devices and the server leave and come back at random, in mid-transfer and mid-work, and deadlines cut rounds off.

Afterwards, from the ledger alone: the bytes of every transfer are the integral of a max-min fluid over its own time;
bytes are received or lost; no site was used while it was away; slots were never over-booked; works that were cut short
are charged pro rata; joules are power integrated over time; and nothing is left running.

usage: python -m tests.audits.check_chaos [SEEDS]
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from simulator.accounting.costs import Cost, Work
from simulator.accounting.power import Power
from simulator.accounting.usage import active_energy, uses
from simulator.world.clients import Client
from simulator.world.hardware import Hardware
from simulator.world.network import Link
from simulator.world.sites import Site
from simulator.world.world import World
from tests.audits.physics import Span, filling, integrate, most_at_once

FLOPS = 1e3
STATES = ("idle", "compute", "upload", "download")
MOST_APART = 1e-6
"""Relative, of joules."""
Steps = Generator[Any, Any, Any]


class Scale:
    """A payload is the number of its bytes."""

    def carry(self, payload: int) -> tuple[int, int]:
        return payload, payload


@dataclass
class Totals:
    """What all seeds together came to."""

    transfers: int = 0
    transfers_cut: int = 0
    works: int = 0
    works_cut: int = 0
    worst_bytes: float = 0.0
    worst_joules: float = 0.0


class Chaos:
    """One world at random.

    Attributes:
        received: the bytes of every payload that reached whoever waited for it.
    """

    def __init__(self, seed: int, start: float, devices: int = 25) -> None:
        self.rng = rng = random.Random(seed)
        self.world = world = World(Scale(), start)
        self.received: list[int] = []
        self.shared: list[Any] = []
        hardware = Hardware(FLOPS, slots=rng.choice([1, 2, 5]))
        world.server = Site(
            world, "server", hardware, self._link("server up", 5e2, 5e4), self._link("server down", 5e2, 5e4)
        )
        for number in range(devices):
            name = f"d{number}"
            hardware = Hardware(FLOPS * rng.uniform(0.2, 3))
            site = Site(world, name, hardware, self._link(f"{name} up", 50, 5e3), self._link(f"{name} down", 50, 5e3))
            Client(site, None, world.server)
        world.run(self._drive(list(world.clients)))

    def _link(self, name: str, least: float, most: float) -> Link:
        return Link(name, self.rng.uniform(least, most), self.rng.choice([0, 0, 0.1, 0.7]))

    def _work(self) -> Work:
        """A work named by its FLOPs; some write an object that is common to all."""
        flops = self.rng.randint(0, 4000)
        written = self.shared if self.rng.random() < 0.3 else None
        return Work(lambda *_: None, lambda *_: Cost(flops), writes=lambda *_: written, name=f"{flops}")

    def _turn(self, client: Client) -> Steps:
        rng = self.rng
        for _ in range(rng.randint(1, 4)):
            self.received.append((yield from client.download(rng.randint(0, 5000), "x")))
            yield from client.compute(self._work())
            if rng.random() < 0.3:
                uploads = [unless_away(client.upload(rng.randint(least, 5000), "x"), 0) for least in (0, 1)]
                sent = yield from self.world.together(*uploads, within=rng.choice([None, 1.5]))
                self.received.extend(sent)
            self.received.append((yield from client.upload(rng.randint(0, 5000), "x")))
            yield from client.server.compute(self._work())
        return client.name

    def _come_and_go(self, site: Site, here: float, away: float) -> Steps:
        while True:
            yield self.world.env.timeout(self.rng.expovariate(1 / here))
            site.leave()
            yield self.world.env.timeout(self.rng.expovariate(1 / away))
            site.come_back()

    def _drive(self, clients: list[Client]) -> Steps:
        world = self.world
        for client in clients[: len(clients) // 2]:
            world.start(self._come_and_go(client.site, 8, 3))
        world.start(self._come_and_go(world.server, 40, 2))
        for number in range(6):
            while world.server.away_since is not None:
                yield world.env.timeout(0.5)
            here = [client for client in clients if client.site.away_since is None]
            with world.round(number, here):
                turns = [world.start(unless_away(self._turn(client)), client) for client in here]
                yield from world.together(*turns, within=self.rng.choice([None, 20.0]))


def unless_away(steps: Steps, otherwise: Any = None) -> Steps:
    """These steps, or something else if a site they need is away."""
    try:
        return (yield from steps)
    except RuntimeError as error:
        if "is away" not in str(error):
            raise
        return otherwise


def check_transfers(chaos: Chaos, totals: Totals, late: bool) -> None:
    world, rows = chaos.world, list(chaos.world.ledger.transfers)
    sites = {site.name: site for site in world.sites}
    capacity = {link.name: link.bytes_per_s for site in world.sites for link in (site.uplink, site.downlink)}
    paths = [(sites[row.source].uplink, sites[row.target].downlink) for row in rows]
    flowing: list[Span] = []
    for row, path in zip(rows, paths, strict=True):
        latency = sum(link.latency for link in path)
        flowing.append((row.start + latency, row.start + row.seconds))
        assert abs(row.latency - min(latency, row.seconds)) < 1e-7
    marks = sorted({moment for start, end in flowing if end > start for moment in (start, end)})
    crossed = [0.0] * len(rows)
    for begin, end in pairwise(marks):
        here = {
            number: tuple(link.name for link in paths[number])
            for number, (first, last) in enumerate(flowing)
            if first <= begin and last >= end and last > first
        }
        for number, rate in filling(capacity, here).items():
            crossed[number] += rate * (end - begin)
    most = 0.5 + 1e-6 + (1e-3 if late else 0)  # half a byte is rounding
    for row, flowed in zip(rows, crossed, strict=True):
        totals.worst_bytes = max(totals.worst_bytes, abs(flowed - row.bytes))
        assert abs(flowed - row.bytes) <= most, (row, flowed)
        assert row.lost in (0, row.bytes)
        totals.transfers += 1
        totals.transfers_cut += row.lost > 0
    assert sum(chaos.received) <= sum(row.bytes - row.lost for row in rows)


def check_works(chaos: Chaos, totals: Totals, late: bool) -> None:
    world, rate = chaos.world, {site.name: site.hardware.flops_per_s for site in chaos.world.sites}
    tick = 1e-6 if late else 1e-9
    away = absences(world)

    def check_there(site: str, row: Any) -> None:
        for gone, back in away[site]:
            assert row.start + row.seconds <= gone + tick or row.start >= back - tick, (site, row, gone, back)

    for row in world.ledger.transfers:
        check_there(row.source, row)
        check_there(row.target, row)
    for row in world.ledger.works:
        check_there(row.site, row)
        totals.works += 1
        totals.works_cut += row.flops < int(row.work)
        assert row.asked <= row.start <= row.start + row.seconds <= world.now + tick
        assert abs(row.flops - row.seconds * rate[row.site]) <= 0.5 + 1e-3, row
        assert row.flops <= int(row.work)
    for site in world.sites:
        spans = [(row.start, row.start + row.seconds) for row in world.ledger.works if row.site == site.name]
        served = most_at_once(span for span in spans if span[1] > span[0])
        assert served <= site.hardware.slots + late, site.name
        assert site.memory.bytes == 0
        assert not site._serving
        assert site._free == site.hardware.slots
    assert not world.network.flows
    assert not world.processes


def check_joules(chaos: Chaos, totals: Totals, seed: int) -> None:
    world, rows = chaos.world, list(chaos.world.ledger.transfers)
    rng = random.Random(seed)
    watts = {
        site.name: Power(*(rng.uniform(least, most) for least, most in ((1, 3), (5, 9), (3, 5), (3, 5))))
        for site in world.sites
    }
    used = uses(world.ledger, watts, [client.name for client in world.clients], world.start_time, world.now)
    told, found = {"client": 0.0, "server": 0.0}, {"client": 0.0, "server": 0.0}
    for use in used:
        told[use.side] += use.energy_j
    active, away = 0.0, absences(world)
    for name in (site.name for site in world.sites):
        counted = [(row.start, row.start + row.seconds) for row in world.ledger.engagements if row.client == name]
        if name == "server":
            counted = [(world.start_time, world.now)]
        computing = [(row.start, row.start + row.seconds) for row in world.ledger.works if row.site == name]
        flows = [
            [(row.start + row.latency, row.start + row.seconds) for row in rows if getattr(row, end) == name]
            for end in ("source", "target")
        ]
        states = {state: getattr(watts[name], state) for state in STATES}
        joules, busy = integrate(states, without(counted, away[name]), computing, *flows)
        found["server" if name == "server" else "client"] += joules
        active += busy * (name != "server")
    pairs = [(found[side], told[side]) for side in told] + [(active, active_energy(used, watts))]
    totals.worst_joules = max(totals.worst_joules, *(abs(mine - theirs) / theirs for mine, theirs in pairs))


def absences(world: World) -> defaultdict[str, list[Span]]:
    """When each site was away."""
    away: defaultdict[str, list[Span]] = defaultdict(list)
    for row in world.ledger.absences:
        away[row.site].append((row.start, row.start + row.seconds))
    return away


def without(spans: list[Span], holes: list[Span]) -> list[Span]:
    """What is left of the spans beside the holes."""
    for gone, back in holes:
        cut = [part for start, end in spans for part in ((start, min(end, gone)), (max(start, back), end))]
        spans = [(start, end) for start, end in cut if end > start]
    return spans


def main(words: list[str]) -> int:
    seeds = int(words[0]) if words else 40
    totals = Totals()
    for seed in range(seeds):
        for start in (0.0, 1e8):  # late on a clock the smallest step is 15 ns
            chaos = Chaos(seed, start)
            check_transfers(chaos, totals, late=start > 0)
            check_works(chaos, totals, late=start > 0)
            check_joules(chaos, totals, seed)
    print(f"{totals.transfers} transfers, {totals.transfers_cut} of them cut short")
    print(f"{totals.works} works, {totals.works_cut} of them cut short")
    print(f"largest difference in bytes from the fluid (0.5 is rounding): {totals.worst_bytes:.6f}")
    print(f"largest relative difference of joules from power integrated over time: {totals.worst_joules:.1e}")
    return int(totals.worst_joules > MOST_APART)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

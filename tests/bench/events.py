"""How fast the clock runs: works through the verbs, and the same number of timeouts in bare SimPy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import simpy

from simulator.accounting.costs import Cost, work
from simulator.world.hardware import Hardware
from simulator.world.sites import Site
from simulator.world.world import World
from tests.bench import report

SITES, EACH, REPEATS = 30_000, 3, 5


class NoWire:
    def carry(self, payload: Any) -> tuple[Any, int]:
        return payload, 0


@work(cost=lambda flops: Cost(flops))
def busy(flops: int) -> int:
    return flops


def simulated() -> float:
    world = World(NoWire())
    sites = [Site(world, str(number), Hardware(1e9 * (1 + number % 7))) for number in range(SITES)]

    def client(site: Site) -> Iterator[Any]:
        for _ in range(EACH):
            yield from site.compute(busy, 10**9)

    began = time.process_time()
    world.run(world.together(*(client(site) for site in sites)))
    return time.process_time() - began


def bare() -> float:
    env = simpy.Environment()

    def client(seconds: float) -> Iterator[Any]:
        for _ in range(EACH):
            yield env.timeout(seconds)

    began = time.process_time()
    env.run(env.all_of([env.process(client(1 / (1 + number % 7))) for number in range(SITES)]))
    return time.process_time() - began


def main() -> None:
    pairs = [(simulated(), bare()) for _ in range(REPEATS)]
    ours, theirs = (min(side) for side in zip(*pairs, strict=True))
    report("events_per_s", SITES * EACH / ours, works=SITES * EACH)
    report("events_vs_bare_simpy", ours / theirs, repeats=REPEATS)


if __name__ == "__main__":
    main()

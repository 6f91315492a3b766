"""A site's slots against queueing theory, over many jobs at random.

M/M/1, M/M/c and M/D/1, writers of one object (one server however many slots), non-preemptive priorities (works that
can be deferred), utilisation and Little's law. Standard errors are by batch means; all must be within 3.5 of them.

usage: python -m tests.audits.check_queueing [JOBS]
"""

from __future__ import annotations

import heapq
import math
import random
import sys
from collections.abc import Callable
from typing import Any

from simulator.accounting.costs import Cost, Work
from simulator.world.hardware import Hardware
from simulator.world.sites import Site
from simulator.world.world import World
from tests.audits.physics import most_at_once

FLOPS = 1e9
MOST_ERRORS = 3.5
Drawn = Callable[[random.Random], float]


class NoWire:
    """Nothing is sent."""

    def carry(self, payload: Any) -> tuple[Any, int]:
        return payload, 0


class Judge:
    """What was found against what theory says."""

    def __init__(self) -> None:
        self.bad = 0
        self.worst = 0.0

    def __call__(self, name: str, found: float, error: float, truth: float) -> None:
        if error:
            z = (found - truth) / error
        else:
            z = 0.0 if math.isclose(found, truth, rel_tol=1e-9, abs_tol=1e-9) else math.inf
        self.worst = max(self.worst, abs(z))
        self.bad += abs(z) > MOST_ERRORS
        print(f"{name:56s} found {found:.5f} +- {error:.5f}  theory {truth:.5f}  z {z:+.2f}")


def drive(
    seed: int,
    jobs: int,
    arrival_rate: float,
    service: Drawn,
    slots: int,
    writes: object | None = None,
    can_wait: Callable[[random.Random], bool] = lambda rng: False,
) -> tuple[list[Any], list[int], float]:
    """Jobs come at random and are served; the works as they were asked for, the queues that each met, and the end.

    Args:
        jobs: how many come.
        arrival_rate: how many a second.
        service: seconds of each.
        slots: of the site.
        writes: an object that all of them write, if any.
        can_wait: which of them let others go first.
    """
    rng = random.Random(seed)
    world = World(NoWire())
    site = Site(world, "s", Hardware(FLOPS, slots=slots))
    works = [
        Work(lambda *_: None, lambda flops: Cost(flops), writes=lambda *_: writes, name=name, deferrable=name == "low")
        for name in ("high", "low")
    ]
    met: list[int] = []

    def arrivals() -> Any:
        handles: list[Any] = []
        for _ in range(jobs):
            yield world.env.timeout(rng.expovariate(arrival_rate))
            met.append(site.waiting)
            handles.append(world.start(site.compute(works[can_wait(rng)], int(FLOPS * service(rng)))))
            if len(handles) > 1000:
                handles[:] = [handle for handle in handles if handle.process.is_alive]
        for handle in handles:
            yield from handle

    world.run(arrivals())
    rows = sorted(world.ledger.works, key=lambda row: row.asked)
    assert len(rows) == jobs
    assert site.waiting == 0
    return rows, met, world.now


def by_batches(values: list[Any], batches: int = 40) -> tuple[float, float]:
    """The mean, and its standard error from the means of batches."""
    size = len(values) // batches
    means = [sum(values[number * size : (number + 1) * size]) / size for number in range(batches)]
    mean = sum(means) / batches
    return mean, math.sqrt(sum((each - mean) ** 2 for each in means) / (batches - 1) / batches)


def erlang_c(servers: int, load: float) -> float:
    """The probability that a job waits."""
    top = load**servers / math.factorial(servers) * servers / (servers - load)
    return top / (sum(load**number / math.factorial(number) for number in range(servers)) + top)


def exponential(rng: random.Random) -> float:
    return rng.expovariate(1.0)


QUEUES: list[tuple[str, float, Drawn, int, object | None, float]] = [
    ("M/M/1 rho 0.5", 0.5, exponential, 1, None, 0.5 / 0.5),
    ("M/M/1 rho 0.8", 0.8, exponential, 1, None, 0.8 / 0.2),
    ("M/M/3 rho 0.8", 2.4, exponential, 3, None, erlang_c(3, 2.4) / (3 - 2.4)),
    ("M/M/8 rho 0.7", 5.6, exponential, 8, None, erlang_c(8, 5.6) / (8 - 5.6)),
    ("M/D/1 rho 0.7", 0.7, lambda rng: 1.0, 1, None, 0.7 / (2 * 0.3)),
    ("M/M/1 of writers on 4 slots, rho 0.7", 0.7, exponential, 4, [], 0.7 / 0.3),
]
"""Arrivals a second, service, slots, what is written, and the mean wait by theory."""


def check_queues(judge: Judge, jobs: int) -> None:
    for name, rate, service, slots, writes, wait in QUEUES:
        rows, met, end = drive(len(name) * 7, jobs, rate, service, slots, writes)
        judge(f"{name}: mean wait", *by_batches([row.start - row.asked for row in rows]), wait)
        judge(f"{name}: queue met at arrival", *by_batches(met), rate * wait)
        _, error = by_batches([row.seconds for row in rows])
        used = sum(row.seconds for row in rows) / (slots * end)
        error = error * rate / slots + rate / slots / math.sqrt(jobs)
        judge(f"{name}: utilisation", used, error, rate / slots)
        judge_little(judge, name, rows, end)
        if slots > 1 and writes is None:
            judge.bad += most_at_once([(row.start, row.start + row.seconds) for row in rows]) > slots


def judge_little(judge: Judge, name: str, rows: list[Any], end: float) -> None:
    """Little's law, exactly on this finite record: the area under the number in the system is the sum of sojourns."""
    steps = sorted([(row.asked, 1) for row in rows] + [(row.start + row.seconds, -1) for row in rows])
    area = last = 0.0
    number = 0
    for moment, step in steps:
        area += number * (moment - last)
        last = moment
        number += step
    sojourns = sum(row.start + row.seconds - row.asked for row in rows)
    judge(f"{name}: Little", area / end, 0, len(rows) / end * (sojourns / len(rows)))


def check_priorities(judge: Judge, jobs: int) -> None:
    """Works that can wait: the very waits of a queue written by hand, and Cobham's means."""
    rate, share = 0.8, 0.5

    def can_wait(rng: random.Random) -> bool:
        return rng.random() < share

    rows, _, _ = drive(1, jobs, rate, exponential, 1, None, can_wait)
    rng = random.Random(1)
    arrived: list[tuple[float, bool, float]] = []
    moment = 0.0
    for _ in range(jobs):
        moment += rng.expovariate(rate)
        low = can_wait(rng)
        arrived.append((moment, low, int(FLOPS * exponential(rng)) / FLOPS))
    starts = by_hand(arrived)
    worst = max(abs(row.start - start) for row, start in zip(rows, starts, strict=True))
    judge("priorities: worst wait against one by hand, s", worst, 0, 0.0)
    load = rate * (1 - share)
    for name, wait in (("high", rate / (1 - load)), ("low", rate / ((1 - load) * (1 - rate)))):
        waits = [row.start - row.asked for row in rows if row.work == name]
        judge(f"priorities (Cobham): {name}", *by_batches(waits, 20), wait)


def by_hand(arrived: list[tuple[float, bool, float]]) -> list[float]:
    """When each of these (arrival, can wait, seconds) is served by one server that never interrupts a service."""
    queue: list[tuple[bool, int]] = []
    starts = [0.0] * len(arrived)
    now, coming = 0.0, 0
    while coming < len(arrived) or queue:
        if not queue:
            now = max(now, arrived[coming][0])
        while coming < len(arrived) and arrived[coming][0] <= now:
            heapq.heappush(queue, (arrived[coming][1], coming))
            coming += 1
        _, served = heapq.heappop(queue)
        starts[served] = now
        now += arrived[served][2]
    return starts


def main(words: list[str]) -> int:
    jobs = int(words[0]) if words else 100_000
    judge = Judge()
    check_queues(judge, jobs)
    check_priorities(judge, jobs)
    print(f"{jobs} jobs a queue; largest |z| {judge.worst:.2f}, {judge.bad} over {MOST_ERRORS}")
    return int(judge.bad > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

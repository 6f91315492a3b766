"""Queues written by hand, against which sites are compared: one event after the other, nothing clever."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from simulator.accounting.costs import Cost, Work
from simulator.accounting.ledger import WorkRow
from simulator.world.queue import Queue
from tests.helpers.worlds import Steps, tiny


class Arrival(NamedTuple):
    """A work that is asked for: when, how many seconds it takes, and of which class it is."""

    at: float
    size: float
    kind: str = "a"


Key = Callable[[Arrival, float], float]
"""Returns the key of an arrival of which so many seconds are left."""


def poisson(
    seed: int, jobs: int, rate: float, size: Callable[[random.Random], float], kinds: Sequence[str] = "a"
) -> list[Arrival]:
    """Return arrivals at exponential intervals, each of a kind drawn with equal probability."""
    rng, now, arrivals = random.Random(seed), 0.0, []
    for _ in range(jobs):
        now += rng.expovariate(rate)
        arrivals.append(Arrival(now, size(rng), rng.choice(kinds)))
    return arrivals


def simulated(arrivals: Sequence[Arrival], queue: Queue | None = None, slots: int = 1, gpus: int = 1) -> list[WorkRow]:
    """Return the rows of these works at a server, in the order of their arrival; one FLOP takes a second there."""
    world = tiny(slots=slots, queue=queue, gpus=gpus)

    def arrive() -> Steps:
        handles = []
        for arrival in arrivals:
            yield world.env.timeout(arrival.at - world.now)
            work = Work(lambda: None, lambda size=arrival.size: Cost(size), name=arrival.kind)
            handles.append(world.start(world.server.compute(work)))
        yield from world.together(*handles)

    world.run(arrive())
    return sorted(world.ledger.works, key=lambda row: row.asked)


def by_hand(arrivals: Sequence[Arrival], key: Key, slots: int = 1) -> list[float]:
    """Return when each work ends under preempt and resume: at any time those with the smallest keys are in service."""

    def rates(left: dict[int, float]) -> dict[int, float]:
        first = sorted(left, key=lambda index: (key(arrivals[index], left[index]), index))
        return dict.fromkeys(first[:slots], 1.0)

    return _ends(arrivals, rates)


def shared_by_hand(arrivals: Sequence[Arrival], slots: int = 1) -> list[float]:
    """Return when each work ends where all are in service at once and share the slots equally."""
    return _ends(arrivals, lambda left: dict.fromkeys(left, min(1.0, slots / len(left))))


def _ends(arrivals: Sequence[Arrival], rates: Callable[[dict[int, float]], dict[int, float]]) -> list[float]:
    """Return when each work ends.

    Args:
        arrivals: the works.
        rates: returns the rates of those in service, from how much is left of each that is there, by index.
    """
    ends, left, now, coming = [0.0] * len(arrivals), dict[int, float](), 0.0, 0
    while coming < len(arrivals) or left:
        served = rates(left) if left else {}
        until = arrivals[coming].at if coming < len(arrivals) else math.inf
        step = min([until - now, *(left[index] / rate for index, rate in served.items())])
        now += step
        for index, rate in served.items():
            left[index] -= step * rate
            if left[index] <= 1e-12:
                ends[index] = now
                del left[index]
        while coming < len(arrivals) and arrivals[coming].at <= now:
            left[coming] = arrivals[coming].size
            coming += 1
    return ends


def batch_means(values: Sequence[float], batches: int = 40) -> tuple[float, float]:
    """Return the mean of values that depend on each other, and its standard error by the method of batch means."""
    size = len(values) // batches
    means = [math.fsum(values[at * size : (at + 1) * size]) / size for at in range(batches)]
    mean = math.fsum(means) / batches
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in means) / (batches - 1) / batches)

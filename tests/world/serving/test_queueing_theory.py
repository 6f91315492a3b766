"""Mean waits at a site against the formulas of queueing theory, within three standard errors."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest

from simulator.accounting.ledger import WorkRow
from simulator.scheduling.queues.priority import Priority
from simulator.scheduling.queues.processor_sharing import ProcessorSharing
from simulator.world.queue import Job
from tests.helpers.queues import batch_means, poisson, simulated

JOBS = 20_000


class Classes:
    """A discipline in which works named "a" come before all others."""

    def __init__(self, preempts: bool) -> None:
        self.preempts = preempts

    def key(self, job: Job) -> bool:
        return job.work.name != "a"


def exponential(rng: random.Random) -> float:
    return rng.expovariate(1.0)


def hyperexponential(rng: random.Random) -> float:
    """Mean 1, and a second moment of 4.36: one work in ten takes 5.5 seconds on average, the others half a second."""
    return rng.expovariate(2.0 if rng.random() < 0.9 else 1 / 5.5)


def erlang_c(servers: int, load: float) -> float:
    """Return the probability of waiting in M/M/c (Kleinrock, 1975)."""
    top = load**servers / math.factorial(servers) * servers / (servers - load)
    return top / (sum(load**k / math.factorial(k) for k in range(servers)) + top)


def waits(rows: Sequence[WorkRow]) -> list[float]:
    return [row.start - row.asked for row in rows]


def times(rows: Sequence[WorkRow]) -> list[float]:
    return [row.start + row.seconds - row.asked for row in rows]


def assert_near(values: Sequence[float], expected: float) -> None:
    mean, error = batch_means(values)
    assert abs(mean - expected) < 3 * error, f"{mean:.4f} +- {error:.4f} instead of {expected:.4f}"
    assert error < 0.2 * expected  # else it would show nothing


@pytest.mark.parametrize(
    ("rate", "size", "slots", "gpus", "expected"),
    [
        (0.5, exponential, 1, 1, 0.5 / 0.5),
        pytest.param(0.8, exponential, 1, 1, 0.8 / 0.2, marks=pytest.mark.slow),
        pytest.param(2.4, exponential, 3, 1, erlang_c(3, 2.4) / (3 - 2.4), marks=pytest.mark.slow),
        pytest.param(2.4, exponential, 1, 3, erlang_c(3, 2.4) / (3 - 2.4), marks=pytest.mark.slow),
        (3.0, exponential, 2, 2, erlang_c(4, 3.0) / (4 - 3.0)),
        (0.7, lambda _: 1.0, 1, 1, 0.7 / (2 * 0.3)),
    ],
    ids=["M/M/1 at 0.5", "M/M/1 at 0.8", "M/M/3 in slots", "M/M/3 of GPUs", "M/M/4 of both", "M/D/1"],
)
def test_mean_waits_in_order_of_arrival(
    rate: float, size: Callable[[random.Random], float], slots: int, gpus: int, expected: float
) -> None:
    assert_near(waits(simulated(poisson(1, JOBS, rate, size), slots=slots, gpus=gpus)), expected)


@pytest.mark.parametrize("size", [exponential, hyperexponential])
def test_time_in_processor_sharing_is_that_of_the_load_whatever_the_sizes(size: Callable[..., float]) -> None:
    """M/G/1-PS: a work of x seconds takes x / (1 - load) on average (Kleinrock, 1967)."""
    arrivals = poisson(2, JOBS, 0.6, size)
    rows = simulated(arrivals, ProcessorSharing())
    assert_near(times(rows), 1 / 0.4)
    slowdown = [time / arrival.size for time, arrival in zip(times(rows), arrivals, strict=True)]
    assert_near(slowdown, 1 / 0.4)


@pytest.mark.parametrize("preempts", [False, True])
def test_times_in_a_queue_with_two_priorities(preempts: bool) -> None:
    """M/M/1, classes a and b of load 0.4 each: Cobham's waits, or those of preempt and resume (Kleinrock, 1976)."""
    rows = simulated(poisson(3, JOBS, 0.8, exponential, "ab"), Classes(preempts))
    first, both = 0.4, 0.8
    if preempts:
        expected = {"a": 1 / (1 - first), "b": 1 / ((1 - first) * (1 - both))}
    else:
        expected = {"a": 1 + both / (1 - first), "b": 1 + both / ((1 - first) * (1 - both))}
    for kind, mean in expected.items():
        assert_near([time for row, time in zip(rows, times(rows), strict=True) if row.work == kind], mean)


def test_the_discipline_that_is_named_in_a_scenario_says_whether_it_interrupts() -> None:
    assert [Priority(order=("phone",), preempt=preempt).preempts for preempt in (False, True)] == [False, True]

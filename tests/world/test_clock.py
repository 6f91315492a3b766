"""The clock: events come in SimPy's order, whichever line they waited in."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
import simpy
from simpy.events import EventPriority

from simulator.world.clock import Clock

DELAYS = (0, 0, 0, 0.0, 1e-300, 0.5, 1.0, 1.0)
PRIORITIES = (-1, 0, 1, 1, 1, 2, 3)


def order(make: Callable[[], simpy.Environment], seed: int, start: float = 0.0) -> list[tuple[float, int]]:
    """Events that schedule others at random, with many at the same moments: the moment and number of each, in order."""
    draw, env, seen = random.Random(seed), make(), list[tuple[float, int]]()
    made = 0

    def schedule() -> None:
        nonlocal made
        event, number = env.event(), made
        made += 1
        event._ok, event._value = True, None
        event.callbacks.append(lambda _: happen(number))
        env.schedule(event, EventPriority(draw.choice(PRIORITIES)), draw.choice(DELAYS))

    def happen(number: int) -> None:
        seen.append((env.now, number))
        for _ in range(draw.choice((0, 0, 1, 2, 3)) if made < 400 else 0):
            schedule()

    for _ in range(20):
        schedule()
    env.run()
    return seen


@pytest.mark.parametrize("start", [0.0, 1e8])
@pytest.mark.parametrize("seed", range(20))
def test_events_come_in_the_order_of_simpy(seed: int, start: float) -> None:
    ours = order(lambda: Clock(start), seed)
    assert ours == order(lambda: simpy.Environment(start), seed)
    assert len(ours) > 20


def test_processes_that_wait_and_interrupt_each_other_do_as_in_simpy() -> None:
    def told(env: simpy.Environment) -> list[tuple[float, str]]:
        lines: list[tuple[float, str]] = []

        def sleeper(name: str, naps: list[float]) -> object:
            try:
                for nap in naps:
                    yield env.timeout(nap)
                    lines.append((env.now, name))
            except simpy.Interrupt as stop:
                lines.append((env.now, f"{name} {stop.cause}"))

        def waker(others: list[simpy.Process]) -> object:
            yield env.timeout(2)
            for other in others:
                if other.is_alive:
                    other.interrupt("up")
            yield env.all_of(others)
            lines.append((env.now, "all"))

        sleepers = [env.process(sleeper(str(n), [n, 0, 0, 2 - n, 0, 1])) for n in range(3)]
        env.run(env.process(waker(sleepers)))
        return lines

    assert told(Clock()) == told(simpy.Environment())


def test_it_knows_what_is_to_come_and_when() -> None:
    clock = Clock()
    clock.timeout(1)
    clock.event().succeed()
    assert (len(clock), clock.peek()) == (2, 0)
    clock.step()
    assert (len(clock), clock.peek(), clock.now) == (1, 1, 0)
    clock.run()
    assert (len(clock), clock.peek(), clock.now) == (0, math.inf, 1)


def test_an_error_that_nobody_handles_ends_the_run() -> None:
    clock = Clock()
    clock.event().fail(ValueError("lost"))
    with pytest.raises(ValueError, match="lost"):
        clock.run()


def test_a_run_goes_on_after_the_event_that_ended_one() -> None:
    clock, seen = Clock(), list[str]()
    until = clock.event()
    clock.event().succeed().callbacks.append(lambda _: until.succeed())
    later = clock.timeout(1)
    later.callbacks.append(lambda _: seen.append("later"))
    clock.run(until)
    assert not seen
    clock.run()
    assert seen == ["later"]

"""Queues as the ledger tells them, against counts by hand and against a count that is kept while a world runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.accounting.ledger import SET_ASIDE, Ledger, SiteRow, WaitRow, WorkRow
from simulator.accounting.queues import QueueUse, Step, area, queue_uses, serving, steps_of, summarised
from simulator.scheduling.queues.fifo import Fifo
from simulator.scheduling.queues.shortest_first import ShortestFirst
from simulator.world.processes import Handle
from simulator.world.queue import Queue
from simulator.world.world import World
from tests.helpers.worlds import LATE, Steps, device, job, pause, tiny

DARK = 1e9, 0, 0, 0, 0


def ledger(*works: WorkRow, waits: tuple[WaitRow, ...] = (), gpus: int = 1, slots: int = 1) -> Ledger:
    """Return a ledger of a server and two devices of different groups, with these rows."""
    made = Ledger()
    made.sites.add(SiteRow("server", "gpu", "server", slots, *DARK, gpus))
    made.sites.add(SiteRow("a", "pi", "device", 1, *DARK))
    made.sites.add(SiteRow("b", "nano", "device", 1, *DARK))
    for row in works:
        made.works.add(row)
    for wait in waits:
        made.waits.add(wait)
    return made


def work(
    asked: float, start: float, seconds: float, client: str | None = "a", phase: str = "training", **more: Any
) -> WorkRow:
    return WorkRow("server", client, "train", phase, 1, asked, start, seconds, 1, 1, **more)


def wait(start: float, seconds: float, reason: str, client: str = "a") -> WaitRow:
    return WaitRow("server", client, "train", "training", 1, start, seconds, 0, reason, int(reason == SET_ASIDE))


def use(made: Ledger, end: float) -> QueueUse:
    (found,) = queue_uses(made, 0.0, end)
    return found


def test_the_queue_of_a_server_step_by_step() -> None:
    """Three works of 4 s asked for at 0, 1 and 3 s in one slot: they wait 0, 3 and 5 s."""
    found = use(ledger(work(0, 0, 4), work(1, 4, 4, "b"), work(3, 8, 4, None, "aggregation")), 16)
    assert found.steps == [Step(1, 1), Step(3, 2), Step(4, 1), Step(8, 0)]
    assert (found.mean_length, found.longest) == (8 / 16, 2)
    assert (found.utilisation, found.served, found.per_second) == (12 / 16, 3, 3 / 16)
    assert found.waits == (3, 8, pytest.approx(8 / 3), 5, 5)
    assert {key: (waits.works, waits.total) for key, waits in found.waits_by.items()} == {
        ("pi", "training"): (1, 0),
        ("nano", "training"): (1, 3),
        ("none", "aggregation"): (1, 5),
    }


def test_a_work_of_a_device_is_in_no_servers_queue() -> None:
    own = WorkRow("a", "a", "train", "training", 1, 0.0, 2.0, 2.0, 1, 1)
    assert use(ledger(own), 4).waits.works == 0


def test_a_work_that_was_withdrawn_waited_until_then() -> None:
    found = use(ledger(work(0, 0, 4), waits=(wait(1, 2, "late", "b"),)), 4)
    assert found.steps == [Step(1, 1), Step(3, 0)]
    assert (found.waits.works, found.waits.total, found.served) == (2, 2, 1)


def test_a_work_that_was_never_served_waits_until_the_end() -> None:
    found = use(ledger(work(0, 0, 4), waits=(wait(1, 3, "unfinished", "b"),)), 4)
    assert found.mean_length == 3 / 4
    assert found.waits.largest == 3


def test_a_work_that_was_set_aside_waits_again_and_is_not_in_service() -> None:
    """It is served from 1 to 2 s and from 5 to 7 s, the other one from 2 to 5 s."""
    made = ledger(work(0, 1, 6, share=0.5, aside=1), work(2, 2, 3, "b"), waits=(wait(2, 3, SET_ASIDE),))
    found = use(made, 10)
    assert list(serving(made.works, made.waits)) == [(1, 2), (5, 7), (2, 5)]
    assert found.steps == [Step(0, 1), Step(1, 0), Step(2, 1), Step(5, 0)]
    assert [found.waits.works, found.waits.largest] == [2, 4]
    assert found.utilisation == 6 / 10


def test_each_gpu_has_its_own_use_and_the_site_their_mean() -> None:
    """Two GPUs of two slots in 10 s: 4 + 6 and 2 slot-seconds of 20 each."""
    made = ledger(work(0, 0, 4), work(0, 2, 6, "b"), work(0, 1, 4, gpu=1, share=0.5), gpus=2, slots=2)
    found = use(made, 10)
    assert [gpu.utilisation for gpu in found.gpus] == [10 / 20, 2 / 20]
    assert [gpu.waits.total for gpu in found.gpus] == [2, 1]
    assert found.utilisation == pytest.approx(12 / 40)


def test_works_that_share_a_pass_are_one_pass() -> None:
    shared = [work(0, 1, 2, client, share=0.5, batch=1) for client in ("a", "b")]
    found = use(ledger(*shared, work(4, 4, 1), work(5, 5, 1, batch=2), work(5, 5, 1, "b", batch=2)), 10)
    assert (found.passes, found.works_per_pass) == (3, 5 / 3)


def test_two_works_that_take_turns_at_one_moment_are_one_step() -> None:
    assert steps_of([(0, 2), (2, 3), (3, 3)]) == [Step(0, 1), Step(2, 1), Step(3, 0)]


def test_nineteen_of_twenty_waits_are_at_most_the_95th_percentile() -> None:
    assert summarised([float(n) for n in range(20, 0, -1)]).p95 == 19
    assert summarised([float(n) for n in range(1, 22)]).p95 == 20


def test_a_site_without_works_has_an_empty_queue_and_no_mean_wait() -> None:
    found = use(ledger(), 5)
    assert (found.utilisation, found.mean_length, found.waits.mean, found.works_per_pass) == (0, 0, None, None)


arrivals = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4), st.booleans()), min_size=1, max_size=9)
stops = st.lists(st.none() | st.integers(1, 20), min_size=9, max_size=9)
DISCIPLINES = {"fifo": Fifo(), "shortest first": ShortestFirst(), "preemptive": ShortestFirst(preempt=True)}


def unserved(world: World) -> int:
    """Return how many works wait at the server, as the server itself knows it, those included that are set aside."""
    service, hardware = world.server.service, world.server.hardware
    in_slots = hardware.gpus * hardware.slots - service.free
    return service.waiting + len(service.serving) - in_slots


def play(start: float, queue: Queue, plan: list[tuple[int, int, bool]], leave: list[int | None], slots: int) -> Any:
    """Works that are asked for at whole seconds, and may be withdrawn; the queue is looked at in between, each second.

    Return the world, and the time integral of the queue's length as it was seen.
    """
    world, weights, seen = tiny(start, slots=slots, queue=queue), list[int](), [0]
    clients = [device(world, f"{n}") for n in range(len(plan))]

    def one(number: int) -> Steps:
        at, seconds, writes = plan[number]
        yield from pause(world, at)
        yield from clients[number].server.compute(job(seconds, writes=weights if writes else None))

    def look() -> Steps:
        yield from pause(world, 0.5)
        while True:
            seen[0] += unserved(world)
            yield from pause(world, 1)

    def stop(handle: Handle, at: int) -> Steps:
        yield from pause(world, at)
        handle.stop()

    def driver() -> Steps:
        world.start(look())
        jobs = [world.start(one(number), client) for number, client in enumerate(clients)]
        for handle, at in zip(jobs, leave, strict=False):
            if at is not None:
                world.start(stop(handle, at))
        yield from world.together(*jobs)

    world.run(driver())
    return world, seen[0]


@pytest.mark.parametrize("start", [0.0, LATE])
@pytest.mark.parametrize("name", DISCIPLINES)
@settings(deadline=None, max_examples=40)
@given(plan=arrivals, leave=stops, slots=st.integers(1, 2))
def test_littles_law_against_a_count_that_is_kept_meanwhile(
    start: float, name: str, plan: Any, leave: Any, slots: int
) -> None:
    world, seen = play(start, DISCIPLINES[name], plan, leave, slots)
    made = world.ledger
    made.sites.add(SiteRow("server", "gpu", "server", slots, *DARK))
    (found,) = queue_uses(made, start, world.now)
    assert area(found.steps) == pytest.approx(found.waits.total, abs=1e-6)
    assert area(found.steps) == pytest.approx(seen, abs=1e-6)
    busy = sum(row.seconds * row.share for row in made.works)
    assert area(steps_of(serving(made.works, made.waits))) == pytest.approx(busy, abs=1e-6)
    assert found.utilisation <= 1 + 1e-9

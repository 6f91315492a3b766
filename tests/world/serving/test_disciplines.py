"""What each discipline does, in worlds of a few works."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from simulator.accounting.ledger import SET_ASIDE
from simulator.scheduling.queues.base import Queue
from simulator.scheduling.queues.earliest_deadline import EarliestDeadline
from simulator.scheduling.queues.fair_share import FairShare
from simulator.scheduling.queues.priority import Priority
from simulator.scheduling.queues.processor_sharing import ProcessorSharing
from simulator.scheduling.queues.shortest_first import ShortestFirst
from simulator.world.processes import Handle
from simulator.world.world import World
from tests.helpers.worlds import Steps, after, device, job, pause, served, tiny

CROWD = [("pi-0", 4), ("pi-1", 3), ("phone-0", 2), ("phone-1", 1), ("pi-0", 1)]


def crowd(queue: Queue, works: Sequence[tuple[str, float]] = CROWD, slots: int = 1) -> World:
    """Return a world whose server was asked for these works at once, each for the device of its name."""
    world = tiny(queue=queue.line(), slots=slots)
    clients = {name: device(world, name) for name, _ in works}
    starts = [world.start(world.server.compute(job(seconds, name=name)), clients[name]) for name, seconds in works]
    world.run(world.together(*starts))
    return world


def order(world: World) -> list[str]:
    return [name for name, _, _ in sorted(served(world), key=lambda row: row[1])]


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        (ShortestFirst(), ["pi-0", "phone-1", "pi-0", "phone-0", "pi-1"]),
        (Priority(order=("phone",)), ["pi-0", "phone-0", "phone-1", "pi-1", "pi-0"]),
        (Priority(order=("phone", "pi")), ["pi-0", "phone-0", "phone-1", "pi-1", "pi-0"]),
        (EarliestDeadline(groups_within={"phone": "500 ms"}), ["pi-0", "phone-0", "phone-1", "pi-1", "pi-0"]),
        (
            EarliestDeadline(within="100 ms", groups_within={"phone": "500 ms"}),
            ["pi-0", "pi-1", "pi-0", "phone-0", "phone-1"],
        ),
    ],
)
def test_who_is_served_when(queue: Queue, expected: list[str]) -> None:
    assert order(crowd(queue)) == expected


def test_a_fair_share_is_one_of_time_and_not_of_works() -> None:
    """The one asks for many small works, the other for a few large ones: after each 4 seconds both have had 2."""
    works = [("small-0", 1.0), ("large-0", 2.0)] + [("small-0", 1.0)] * 5 + [("large-0", 2.0)] * 2
    world = crowd(FairShare(), works)
    assert order(world) == [
        "small-0",
        "large-0",
        "small-0",
        "small-0",
        "large-0",
        *["small-0"] * 2,
        "large-0",
        "small-0",
    ]


def test_a_client_of_twice_the_weight_has_twice_the_time() -> None:
    works = [("a-0", 1.0), ("b-0", 1.0)] * 9
    world = crowd(FairShare(weights={"a": 2.0}), works)
    first = order(world)[:9]
    assert (first.count("a-0"), first.count("b-0")) == (6, 3)


def test_a_client_is_not_charged_for_a_work_that_was_withdrawn() -> None:
    world = tiny(queue=FairShare().line())
    a, b = device(world, "a-0"), device(world, "b-0")

    def driver() -> Steps:
        world.start(world.server.compute(job(2, name="begun")), b)
        dropped = world.start(world.server.compute(job(50, name="dropped")), a)
        yield from pause(world, 1)
        dropped.stop("late")
        yield from pause(world, 0)
        later = [world.start(world.server.compute(job(1, name=name)), who) for name, who in (("b", b), ("a", a))]
        yield from world.together(*later)

    world.run(driver())
    assert [name for name, _, _ in served(world)] == ["begun", "a", "b"]
    assert [(row.work, row.start, row.seconds, row.reason) for row in world.ledger.waits] == [("dropped", 0, 1, "late")]


def interrupted(gpus: int = 1) -> World:
    """Return a world in which a long work has been interrupted by a short one after 2 seconds."""
    world = tiny(queue=ShortestFirst(preempt=True), gpus=gpus)
    short = world.server.compute(job(1, name="short"))
    world.run(world.together(world.server.compute(job(10, name="long")), after(world, 2, lambda: world.start(short))))
    return world


def test_an_interrupted_work_goes_on_where_it_was() -> None:
    world = interrupted()
    assert served(world) == [("short", 2, 1), ("long", 0, 11)]
    assert [row.share for row in world.ledger.works] == [1.0, pytest.approx(10 / 11)]
    assert [(row.work, row.start, row.seconds, row.reason) for row in world.ledger.waits] == [("long", 2, 1, SET_ASIDE)]


def test_no_work_is_interrupted_while_a_gpu_is_free() -> None:
    world = interrupted(gpus=2)
    assert [(row.work, row.gpu, row.share) for row in world.ledger.works] == [("short", 1, 1.0), ("long", 0, 1.0)]
    assert not len(world.ledger.waits)


def test_a_work_of_the_same_key_interrupts_nobody() -> None:
    world = crowd(Priority(order=("pi",), preempt=True), [("pi-0", 2), ("pi-1", 2)])
    assert served(world) == [("pi-0", 0, 2), ("pi-1", 2, 2)]


def test_an_interrupted_writer_keeps_its_weights() -> None:
    """The short work that writes the same weights waits for the long one, which goes on after the other short one."""
    world, weights = tiny(queue=ShortestFirst(preempt=True)), []

    def driver() -> Steps:
        write = {name: job(seconds, writes=weights, name=name) for name, seconds in (("long", 10), ("short", 1))}
        handles = [world.start(world.server.compute(write["long"]))]
        yield from pause(world, 1)
        handles += [world.start(world.server.compute(each)) for each in (write["short"], job(2, name="reader"))]
        yield from world.together(*handles)

    world.run(driver())
    assert served(world) == [("reader", 1, 2), ("long", 0, 12), ("short", 12, 1)]


def test_a_work_that_is_set_aside_ends_when_nobody_wants_it_any_more() -> None:
    world = tiny(queue=ShortestFirst(preempt=True))

    def driver() -> Steps:
        unwanted = world.start(world.server.compute(job(10, name="unwanted")))
        yield from pause(world, 2)
        short = world.start(world.server.compute(job(4, name="short")))
        yield from pause(world, 1)
        unwanted.stop("late")
        yield from short

    world.run(driver())
    rows = {row.work: row for row in world.ledger.works}
    unwanted = rows["unwanted"]
    assert (unwanted.seconds, unwanted.share, unwanted.flops) == (3, pytest.approx(2 / 3), 2)
    assert (unwanted.lost, unwanted.reason) == (True, "late")
    assert world.now == 6


@pytest.mark.parametrize("queue", [ProcessorSharing(), ShortestFirst(preempt=True)], ids=["shared", "interrupted"])
def test_a_server_that_leaves_charges_what_each_work_was_served(queue: Queue) -> None:
    world = tiny(queue=queue, slots=1)

    def driver() -> Steps:
        for seconds in (8, 4):
            world.start(world.server.compute(job(seconds, name=str(seconds))))
        yield from pause(world, 3)
        world.server.leave("outage")

    world.run(driver())
    flops = {row.work: row.flops for row in world.ledger.works}
    assert flops == ({"8": 2, "4": 2} if queue.shares else {"8": 0, "4": 3})
    assert world.server.waiting == 0
    assert all(row.lost for row in world.ledger.works)


def test_under_processor_sharing_effects_come_when_a_work_ends() -> None:
    world, seen = tiny(queue=ProcessorSharing()), []
    first, second = (job(2, lambda name=name: seen.append((name, world.now)), writes=[], name=name) for name in "ab")
    world.run(world.together(world.server.compute(first), world.server.compute(second)))
    assert seen == [("a", 4.0), ("b", 4.0)]


def test_under_processor_sharing_works_that_write_the_same_wait_for_each_other() -> None:
    world, weights = tiny(queue=ProcessorSharing()), []
    works = [job(2, writes=weights, name="a"), job(2, writes=weights, name="b"), job(2, name="reader")]
    world.run(world.together(*map(world.server.compute, works)))
    assert served(world) == [("a", 0, 4), ("reader", 0, 4), ("b", 4, 2)]


def test_a_work_goes_to_the_gpu_with_the_fewest_works() -> None:
    world = tiny(queue=ProcessorSharing(), gpus=2)
    works = [job(seconds, name=name) for name, seconds in (("a", 6), ("b", 2), ("c", 2))]
    world.run(world.together(*map(world.server.compute, works)))
    assert [(row.work, row.gpu, row.seconds) for row in world.ledger.works] == [("b", 1, 2), ("c", 0, 4), ("a", 0, 8)]


def test_processor_sharing_is_exact_late_on_the_clock() -> None:
    late = tiny(start=1e8, queue=ProcessorSharing())
    late.run(late.together(*(late.server.compute(job(1 / 3, name=name)) for name in "abc")))
    assert [seconds for _, _, seconds in served(late)] == pytest.approx([1.0] * 3, rel=1e-6)


def of(world: World, seconds: float, name: str, writes: object | None = None) -> Handle:
    """Ask the server for a work on behalf of a device of the group ``name``."""
    who = next((client for client in world.clients if client.name == f"{name}-0"), None) or device(world, f"{name}-0")
    return world.start(world.server.compute(job(seconds, writes=writes, name=name)), who)


def starts(world: World) -> dict[str, float]:
    return {row.work: row.start for row in world.ledger.works}


def test_who_waits_for_weights_is_served_when_their_writer_ends_while_it_is_set_aside() -> None:
    world, weights = tiny(queue=Priority(order=("high", "middle", "low"), preempt=True)), []

    def driver() -> Steps:
        low = of(world, 10, "low", weights)
        yield from pause(world, 1)
        middle = of(world, 20, "middle")
        yield from pause(world, 0.5)
        low.stop("late")
        high = of(world, 1, "high", weights)
        yield from world.together(middle, high)

    world.run(driver())
    assert starts(world) == {"low": 0, "middle": 1, "high": 1.5}


def test_a_writer_inherits_the_key_of_who_waits_for_its_weights() -> None:
    """The low work, set aside for the first of three middle ones, goes on as soon as a high one needs its weights."""
    world, weights = tiny(queue=Priority(order=("high", "middle", "low"), preempt=True)), []

    def driver() -> Steps:
        handles = [of(world, 2, "low", weights)]
        yield from pause(world, 1)
        handles += [of(world, 20, "middle") for _ in range(3)]
        yield from pause(world, 1)
        handles.append(of(world, 1, "high", weights))
        yield from world.together(*handles)

    world.run(driver())
    assert starts(world)["high"] == 3  # at 2 the low one goes on, for the second that it lacks
    assert [(row.work, row.start, row.seconds) for row in world.ledger.waits if row.work == "low"] == [("low", 1, 1)]


def test_a_work_that_nobody_wants_ends_when_its_slot_is_taken() -> None:
    world = tiny(queue=ShortestFirst(preempt=True))

    def driver() -> Steps:
        unwanted = of(world, 10, "unwanted")
        yield from pause(world, 1)
        unwanted.stop("late")
        yield from pause(world, 1)
        yield from of(world, 1, "wanted")

    world.run(driver())
    assert served(world) == [("unwanted", 0, 2), ("wanted", 2, 1)]


def test_a_work_that_ends_at_this_moment_is_not_set_aside() -> None:
    world = tiny(queue=Priority(order=("high", "low"), preempt=True))

    def high() -> Steps:
        yield from pause(world, 2)  # set before the alarm of the low work, so that it comes first
        yield from of(world, 5, "high")

    def low() -> Steps:
        yield from pause(world, 1)
        yield from of(world, 1, "low")

    world.run(world.together(high(), low()))
    assert served(world) == [("low", 1, 1), ("high", 2, 5)]


def test_the_gpu_of_a_work_that_ends_while_it_is_set_aside_is_the_one_that_it_had() -> None:
    world = tiny(queue=Priority(order=("high", "middle", "low"), preempt=True), gpus=2)

    def driver() -> Steps:
        high = of(world, 3, "high")
        low = of(world, 10, "low")
        yield from pause(world, 1)
        middle = of(world, 5, "middle")
        yield from pause(world, 1)
        low.stop("late")
        yield from world.together(high, middle)

    world.run(driver())
    assert {row.work: row.gpu for row in world.ledger.works} == {"high": 0, "low": 1, "middle": 1}


def test_two_alike_works_of_one_client_have_waits_of_their_own() -> None:
    world = tiny(queue=Priority(order=("high", "low"), preempt=True), slots=2)

    def driver() -> Steps:
        handles = [of(world, 4, "low") for _ in range(2)]
        yield from pause(world, 1)
        yield from world.together(*(of(world, 2, "high") for _ in range(2)), *handles)

    world.run(driver())
    waits = list(world.ledger.waits)
    assert [row.seconds for row in waits] == [2, 2]
    assert sorted(row.aside for row in waits) == [1, 2]
    assert sorted(row.aside for row in world.ledger.works) == [0, 0, 1, 2]


def test_a_fair_share_holds_nothing_against_who_was_alone_before() -> None:
    world = tiny(queue=FairShare().line())

    def driver() -> Steps:
        yield from of(world, 100, "early")
        yield from pause(world, 10)
        yield from world.together(*(of(world, 1, name) for _ in range(2) for name in ("early", "late")))

    world.run(driver())
    assert order(world) == ["early", "early", "late", "early", "late"]

"""Passes that works of several clients share."""

from __future__ import annotations

import pytest

from simulator.accounting.costs import Cost, Piece, Work
from simulator.scheduling.queues.priority import Priority
from simulator.world.hardware import Hardware, Measured
from simulator.world.queue import Batching, Queue
from simulator.world.world import World
from tests.helpers.worlds import INF, Steps, device, job, pause, served, tiny

TWICE = ((1, 0.25), (2, 0.5), (4, 0.5))
"""An efficiency by which two samples take as long as one, and more take their share."""


def alike(name: str, seconds: float = 2, key: object = "body", samples: int = 1) -> Work:
    """Return a work that can share a pass with those of the same key."""
    cost = Cost(flops=seconds, made_of=(Piece("block", samples, seconds),))
    return Work(lambda: name, lambda: cost, name=name, batch_key=lambda: key)


def crowd(*works: Work, most: int = 2, wait: float = 0, gpus: int = 1, queue: Queue | None = None) -> World:
    """Return a world whose server was busy for a second when it was asked for these works, one for each device."""
    world = tiny(batching=Batching(most, wait), efficiency=TWICE, gpus=gpus, queue=queue)

    def asked() -> Steps:
        busy = [world.start(world.server.compute(job(1, name="busy"))) for _ in range(gpus)]
        yield from pause(world, 0.5)
        for number, work in enumerate(works):
            busy.append(world.start(world.server.compute(work), device(world, f"{work.name}-{number}")))
        return (yield from world.together(*busy))[gpus:]

    world.results = world.run(asked())  # type: ignore[attr-defined]
    return world


def test_works_of_the_same_key_share_a_pass_and_its_charge() -> None:
    world = crowd(alike("a"), alike("b"), alike("c"))
    assert served(world)[1:] == [("a", 1, 2), ("b", 1, 2), ("c", 3, 2)]
    rows = list(world.ledger.works)[1:]
    assert [(row.batch, row.share, row.flops) for row in rows] == [(1, 0.5, 2), (1, 0.5, 2), (0, 1.0, 2)]
    assert world.results == ["a", "b", "c"]  # type: ignore[attr-defined]


def test_a_pass_of_unequal_works_is_charged_by_what_each_takes_alone() -> None:
    """3 and 1 seconds alone, at efficiencies of 0.5 (3 samples) and 0.25: the pass of 4 takes 3 + 0.5."""
    world = crowd(alike("a", 3, samples=3), alike("b", 1, samples=1))
    assert served(world)[1:] == [("a", 1, 3.5), ("b", 1, 3.5)]
    assert [row.share for row in list(world.ledger.works)[1:]] == [0.75, 0.25]


def test_works_of_other_keys_and_those_without_one_are_served_alone() -> None:
    world = crowd(alike("a"), alike("b", key="other"), alike("c", key=None), job(2, name="d"))
    assert served(world)[1:] == [("a", 1, 2), ("b", 3, 2), ("c", 5, 2), ("d", 7, 2)]


def test_without_a_table_nothing_is_gained() -> None:
    world = tiny(batching=Batching(2))
    busy = [world.server.compute(work) for work in (job(1), alike("a"), alike("b"))]
    world.run(world.together(*busy))
    assert served(world)[1:] == [("a", 1, 4), ("b", 1, 4)]


def test_a_pass_waits_for_others_for_as_long_as_it_may() -> None:
    """The first waits 3 s in vain for a second, and begins alone; the third and the fourth find each other at once."""
    world = tiny(batching=Batching(2, wait=3), efficiency=TWICE)

    def driver() -> Steps:
        first = world.start(world.server.compute(alike("a")))
        yield from pause(world, 1)
        other = world.start(world.server.compute(job(1, name="other")))
        yield from pause(world, 9)
        both = [world.start(world.server.compute(alike(name))) for name in "cd"]
        yield from world.together(first, other, *both)

    world.run(driver())
    assert served(world) == [("other", 1, 1), ("a", 3, 2), ("c", 10, 2), ("d", 10, 2)]


def test_the_discipline_says_who_begins_a_pass_and_who_comes_along() -> None:
    works = [alike("pi"), alike("pi"), alike("phone"), alike("phone")]
    world = crowd(*works, queue=Priority(order=("phone", "pi")))
    assert [name for name, _, _ in served(world)] == ["busy", "phone", "phone", "pi", "pi"]


def test_a_pass_takes_one_slot_of_one_gpu() -> None:
    world = crowd(*(alike(name) for name in "abcd"), gpus=2)
    assert [(row.work, row.gpu, row.batch) for row in list(world.ledger.works)[2:]] == [
        *(("a", 0, 1), ("b", 0, 1)),
        *(("c", 1, 2), ("d", 1, 2)),
    ]


def test_a_work_that_was_withdrawn_is_in_no_pass() -> None:
    world = tiny(batching=Batching(3), efficiency=TWICE)

    def driver() -> Steps:
        handles = [world.start(world.server.compute(work)) for work in (job(2), alike("a"), alike("b"), alike("c"))]
        yield from pause(world, 1)
        handles[2].stop()
        yield from world.together(*handles)

    world.run(driver())
    assert [name for name, _, _ in served(world)] == ["job", "a", "c"]


def test_a_work_that_nobody_wants_any_more_goes_on_in_its_pass() -> None:
    world = tiny(batching=Batching(2), efficiency=TWICE)

    def driver() -> Steps:
        handles = [world.start(world.server.compute(work)) for work in (job(1), alike("a"), alike("b"))]
        yield from pause(world, 2)
        handles[1].stop("late")
        yield from world.together(*handles)

    world.run(driver())
    assert [(row.work, row.seconds, row.lost) for row in list(world.ledger.works)[1:]] == [
        ("a", 2, True),
        ("b", 2, False),
    ]


def test_a_server_that_leaves_ends_a_pass_and_serves_again_when_it_is_back() -> None:
    world = tiny(batching=Batching(2), efficiency=TWICE)

    def driver() -> Steps:
        for work in (job(1), alike("a"), alike("b"), alike("c")):
            world.start(world.server.compute(work))
        yield from pause(world, 2)
        world.server.leave("outage")
        yield from pause(world, 1)
        world.server.come_back("outage")
        yield from world.together(*(world.start(world.server.compute(alike(name))) for name in "de"))

    world.run(driver())
    rows = [(row.work, row.start, row.seconds, row.lost) for row in list(world.ledger.works)[1:]]
    assert rows == [("a", 1, 1, True), ("b", 1, 1, True), ("d", 3, 2, False), ("e", 5, 2, False)]


def test_a_table_of_seconds_says_what_a_larger_batch_takes() -> None:
    """The pieces of both are looked up together; what the table lacks takes what it takes alone."""
    hardware = Measured(1.0, INF, INF, table={"block": ((1, 10.0), (3, 12.0), (5, 20.0))})
    costs = [Cost(5 + samples, made_of=(Piece("block", samples, 5),)) for samples in (1, 2)]
    assert hardware.seconds(costs[0]) == 10 + 1
    assert hardware.together(costs) == pytest.approx(12 + 1 + 2)


def test_a_pass_takes_no_less_than_a_smaller_batch() -> None:
    """The line through the rows of 2 and 4 samples would say 0 seconds for 8: noise, where a GPU is hardly busy."""
    hardware = Measured(1.0, table={"block": ((1, 3.0), (2, 4.0), (4, 2.0))})
    costs = [Cost(made_of=(Piece("block", 2),)) for _ in range(4)]
    assert [hardware.together(costs[:number]) for number in (1, 2, 4)] == [4.0, 4.0, 4.0]


def test_efficiencies_are_interpolated_and_constant_outside_of_the_table() -> None:
    hardware = Hardware(1.0, batch_efficiency=((2, 0.25), (4, 0.75)))
    costs = [Cost(1, made_of=(Piece("block", samples, 1),)) for samples in (1, 2, 100)]
    assert hardware.together(costs[:2]) == pytest.approx((0.25 + 0.25) / 0.5)
    assert hardware.together(costs) == pytest.approx((0.25 + 0.25 + 0.75) / 0.75)


def test_works_that_write_share_no_pass() -> None:
    world, weights = tiny(batching=Batching(2), efficiency=TWICE), []
    cost = Cost(2, made_of=(Piece("block", 1, 2),))
    writes = [Work(lambda: None, lambda: cost, lambda: weights, name=name, batch_key=lambda: "body") for name in "ab"]
    world.run(world.together(*(world.server.compute(work) for work in (job(1), *writes))))
    assert served(world)[1:] == [("a", 1, 2), ("b", 3, 2)]


@pytest.mark.parametrize(
    "hardware",
    [
        Hardware(1.0, batch_efficiency=((1, 0.1), (2, 0.9))),
        Measured(1.0, table={"block": ((1, 4.0), (2, 2.0))}),
    ],
)
def test_a_pass_takes_no_less_than_one_of_its_works(hardware: Hardware) -> None:
    costs = [Cost(2, made_of=(Piece("block", 1, 2),))] * 2
    assert hardware.together(costs) == hardware.seconds(costs[0])

"""When a work reads and writes, who is served when, and where errors come up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulator.accounting.costs import Cost, Work
from simulator.world.queue import Job
from tests.helpers.worlds import Steps, device, job, pause, served, tiny


class Weights:
    """Something with an identity that works write."""

    def __init__(self) -> None:
        self.value = 0

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value


def test_a_writer_acts_at_the_end_of_its_service_and_a_reader_reads_at_the_beginning() -> None:
    world, weights = tiny(slots=9), Weights()

    def reader(at: float) -> Steps:
        yield from pause(world, at)
        return (yield from world.server.compute(job(5, lambda: weights.value)))

    write = world.server.compute(job(2, weights.add, weights), 7)
    assert world.run(world.together(write, *map(reader, (0, 1, 1.75, 2.25)))) == [7, 0, 0, 0, 7]


def test_a_queued_reader_reads_when_it_is_served_not_when_it_asks() -> None:
    world, weights = tiny(slots=1), Weights()
    pair = world.server.compute(job(2, weights.add, weights), 7), world.server.compute(job(1, lambda: weights.value))
    assert world.run(world.together(*pair)) == [7, 7]


def test_writers_of_the_same_weights_are_served_one_at_a_time_and_others_overtake() -> None:
    world, weights, other = tiny(slots=3), Weights(), Weights()
    works = [
        job(2, weights.add, weights, "first"),
        job(2, weights.add, weights, "second"),
        job(2, weights.add, weights, "third"),
        job(3, other.add, other, "other"),
        job(3, lambda amount: weights.value, None, "reader"),
    ]
    found = world.run(world.together(*(world.server.compute(one, 1) for one in works)))
    assert found == [1, 2, 3, 1, 0]
    starts = {name: start for name, start, _ in served(world)}
    assert starts == {"first": 0, "second": 2, "third": 4, "other": 0, "reader": 0}


def test_writers_of_equal_but_distinct_weights_do_not_wait_for_each_other() -> None:
    world = tiny(slots=2)
    pair = [world.server.compute(job(2, writes=[0])) for _ in range(2)]
    world.run(world.together(*pair))
    assert world.now == 2


def test_a_writer_that_had_to_wait_keeps_its_place_before_later_ones() -> None:
    """The second writer finds a slot free and the weights taken. At 2 both are free; it asked before the reader did."""
    world, weights = tiny(slots=3), Weights()

    def crowd() -> Steps:
        for one in (
            job(2, writes=weights, name="writer 1"),
            job(9, name="long"),
            job(1, writes=weights, name="writer 2"),
            job(9, name="long too"),
            job(1, name="reader"),
        ):
            world.start(world.server.compute(one))
        yield from pause(world, 12)

    world.run(crowd())
    assert [(name, start) for name, start, _ in served(world)] == [
        ("writer 1", 0),
        ("writer 2", 2),
        ("reader", 3),
        ("long", 0),
        ("long too", 0),
    ]


CROWD = [("a", 3), ("b", 1), ("c", 2)]


def test_one_slot_serves_in_the_order_of_asking() -> None:
    world = tiny()
    world.run(world.together(*(world.server.compute(job(seconds, name=name)) for name, seconds in CROWD)))
    assert served(world) == [("a", 0, 3), ("b", 3, 1), ("c", 4, 2)]


def test_slots_serve_side_by_side() -> None:
    world = tiny(slots=2)
    world.run(world.together(*(world.server.compute(job(seconds, name=name)) for name, seconds in CROWD)))
    assert served(world) == [("b", 0, 1), ("a", 0, 3), ("c", 1, 2)]


def test_a_discipline_decides_who_is_next_and_equals_keep_their_order() -> None:
    class ShortestFirst:
        def key(self, job: Job) -> int:
            return job.cost.flops

    world = tiny(queue=ShortestFirst())
    crowd = [("begun", 5), ("long", 4), ("short", 1), ("short too", 1)]
    world.run(world.together(*(world.server.compute(job(seconds, name=name)) for name, seconds in crowd)))
    assert [name for name, _, _ in served(world)] == ["begun", "short", "short too", "long"]


def test_waiting_counts_what_is_queued_behind_slots_and_behind_weights() -> None:
    world, weights = tiny(slots=3), Weights()

    def look() -> Steps:
        crowd = [job(2, writes=weights), job(2, writes=weights), job(2), job(2), job(2)]
        handles = [world.start(world.server.compute(one)) for one in crowd]
        yield from pause(world, 1)
        found = [world.server.waiting]
        for handle in handles:
            handle.stop()
            yield from pause(world, 1 / 8)
            found.append(world.server.waiting)
        return found

    assert world.run(look()) == [2, 2, 1, 1, 1, 0]


def test_a_callable_without_a_cost_is_an_error_that_names_it_and_the_site() -> None:
    def unpriced() -> None:
        """Never called."""

    world = tiny()
    with pytest.raises(TypeError, match=r"'server'.*unpriced.*no cost"):
        world.run(world.server.compute(unpriced))  # type: ignore[arg-type]


def test_the_price_is_asked_once_and_before_the_work_is_done() -> None:
    calls: list[str] = []

    def price() -> Cost:
        calls.append("cost")
        return Cost(3)

    world = tiny()
    world.run(world.server.compute(Work(lambda: calls.append("run"), price, name="job")))
    assert calls == ["cost", "run"]


class Broken(Exception):  # noqa: N818
    """Raised by a work."""


def fail() -> None:
    raise Broken("seven of nine", 7)


@pytest.mark.parametrize("queued", [False, True], ids=["immediate", "queued"])
@pytest.mark.parametrize("writes", [None, Weights()], ids=["reader", "writer"])
def test_an_error_in_a_work_is_raised_where_it_was_asked_for_when_the_service_ends(queued: bool, writes: Any) -> None:
    world = tiny()
    caught: list[tuple[float, tuple[Any, ...]]] = []

    def client() -> Steps:
        try:
            yield from world.server.compute(job(2, fail, writes))
        except Broken as error:
            caught.append((world.now, error.args))
        return (yield from world.server.compute(job(1, lambda: "the site goes on")))

    ahead = [world.server.compute(job(4))] if queued else []
    assert world.run(world.together(*ahead, client()))[-1] == "the site goes on"
    assert caught == [(6.0 if queued else 2.0, ("seven of nine", 7))]


def test_a_failed_work_is_charged_all_the_same() -> None:
    world = tiny()
    with pytest.raises(Broken):
        world.run(world.server.compute(job(2, fail, name="fails")))
    assert served(world) == [("fails", 0, 2)]


def test_a_failed_writer_lets_the_next_writer_in() -> None:
    world, weights = tiny(slots=2), Weights()

    def first() -> Steps:
        with pytest.raises(Broken):
            yield from world.server.compute(job(2, fail, weights))

    world.run(world.together(first(), world.server.compute(job(3, weights.add, weights), 1)))
    assert (weights.value, world.now) == (1, 5)


Verb = Callable[[Any], Steps]


@pytest.mark.parametrize(
    "verb",
    [
        lambda client: client.compute(job(1)),
        lambda client: client.upload(1, "x"),
        lambda client: client.download(1, "x"),
        lambda client: client.site.world.phase("x").__enter__(),
        lambda client: client.site.world.round(1, []).__enter__(),
    ],
    ids=["compute", "upload", "download", "phase", "round"],
)
def test_a_verb_outside_of_a_process_is_an_error_in_words(verb: Verb) -> None:
    client = device(tiny())
    with pytest.raises(RuntimeError, match="outside of a process"):
        next(verb(client))

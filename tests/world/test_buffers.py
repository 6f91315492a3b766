"""Buffers between processes, pipelines through them, and turns with shared weights."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.worlds import INF, LATE, Steps, after, device, job, pause, sent, tiny


def put_all(buffer: Any, items: range, log: list[float], world: Any) -> Steps:
    for item in items:
        yield from buffer.put(item)
        log.append(world.now)


def test_put_waits_for_room() -> None:
    """Room for 2: 0 and 1 at once, then one more whenever something is taken, at 5, 10 and 15."""
    world, log = tiny(), []
    buffer = world.buffer(2)

    def taker() -> Steps:
        taken = []
        for _ in range(5):
            yield from pause(world, 5)
            taken.append((yield from buffer.get()))
        return taken

    assert world.run(world.together(put_all(buffer, range(5), log, world), taker()))[1] == [0, 1, 2, 3, 4]
    assert log == [0, 0, 5, 10, 15]


def test_get_waits_for_an_item_and_those_who_wait_are_served_in_order() -> None:
    world = tiny()
    buffer = world.buffer(INF)

    def taker() -> Steps:
        return (yield from buffer.get()), world.now

    def putter() -> Steps:
        for item in "xy":
            yield from pause(world, 3)
            yield from buffer.put(item)

    assert world.run(world.together(taker(), taker(), putter()))[:2] == [("x", 3), ("y", 6)]
    assert len(buffer) == 0


@pytest.mark.parametrize("waiting", [0, 1], ids=["nobody else waits", "another waits"])
@pytest.mark.parametrize("same_moment", [False, True], ids=["before", "in the moment of the put"])
def test_a_stopped_getter_swallows_nothing(same_moment: bool, waiting: int) -> None:
    world = tiny()
    buffer = world.buffer(2)

    def taker() -> Steps:
        return (yield from buffer.get())

    def driver() -> Steps:
        stopped = world.start(taker())
        others = [world.start(taker()) for _ in range(waiting)]
        yield from pause(world, 1)
        if not same_moment:
            stopped.stop()
            yield from pause(world, 1)
        yield from buffer.put("first")
        stopped.stop()
        yield from buffer.put("second")
        found = yield from world.together(*others)
        while len(found) < 2:
            found.append((yield from buffer.get()))
        return found

    assert world.run(driver()) == ["first", "second"]


def test_what_a_stopped_getter_gives_back_goes_to_the_next_who_waits() -> None:
    world = tiny()
    buffer = world.buffer(1)

    def driver() -> Steps:
        stopped, waits = world.start(buffer.get()), world.start(buffer.get())
        yield from pause(world, 1)
        yield from buffer.put("the only one")
        stopped.stop()
        return (yield from waits)

    assert world.run(driver()) == "the only one"


def test_a_stopped_putter_leaves_nothing() -> None:
    world = tiny()
    buffer = world.buffer(1)

    def driver() -> Steps:
        yield from buffer.put("first")
        handle = world.start(buffer.put("never"))
        yield from pause(world, 1)
        handle.stop()
        yield from pause(world, 1)
        found = [(yield from buffer.get())]
        yield from buffer.put("second")
        found.append((yield from buffer.get()))
        return found, len(buffer)

    assert world.run(driver()) == (["first", "second"], 0)


def test_alone_excludes_others_over_several_services() -> None:
    world, weights, log = tiny(slots=4), [], []

    def turn(name: str) -> Steps:
        with world.exclusive(weights) as mine:
            yield mine
            for _ in range(2):
                yield from world.server.compute(job(1))
                log.append((name, world.now))

    world.run(world.together(*map(turn, "abc")))
    assert log == [("a", 1), ("a", 2), ("b", 3), ("b", 4), ("c", 5), ("c", 6)]


def test_alone_is_for_one_weights_object() -> None:
    world = tiny(slots=2)

    def turn(weights: Any) -> Steps:
        with world.exclusive(weights) as mine:
            yield mine
            yield from world.server.compute(job(1))

    world.run(world.together(turn([]), turn([])))
    assert world.now == 1


@pytest.mark.parametrize("stopped", [0, 1], ids=["who holds", "who waits"])
def test_a_stopped_process_gives_its_turn_back(stopped: int) -> None:
    world, weights = tiny(), []

    def turn() -> Steps:
        with world.exclusive(weights) as mine:
            yield mine
            yield from pause(world, 10)
        return world.now

    def driver() -> Steps:
        handles = [world.start(turn()) for _ in range(3)]
        world.start(after(world, 4, handles[stopped].stop))
        return (yield from world.together(*handles))

    assert world.run(driver()) == ([14, 24] if stopped == 0 else [10, 20])


STAGES = pytest.mark.parametrize("stages", [(2, 4, 1), (5, 1, 1), (1, 2, 6), (3, 3, 3)])


@STAGES
@pytest.mark.parametrize("room", [1, 2, 7])
@pytest.mark.parametrize("start", [0.0, LATE])
def test_a_pipeline_takes_its_filling_and_then_its_slowest_stage_a_batch(
    stages: tuple[int, int, int], room: int, start: float
) -> None:
    """Fill + (batches - 1) x slowest: device forward, upload at 1 B/s, server step."""
    world, batches = tiny(start), 9
    client = device(world, up=1)
    forward, upload, step = stages
    smashed, arrived = world.buffer(room), world.buffer(room)

    def device_side() -> Steps:
        for number in range(batches):
            yield from client.compute(job(forward))
            yield from smashed.put(number)

    def link() -> Steps:
        for _ in range(batches):
            number = yield from smashed.get()
            yield from client.upload(upload, "smashed data")
            yield from arrived.put(number)

    def server_side() -> Steps:
        order = []
        for _ in range(batches):
            order.append((yield from arrived.get()))
            yield from world.server.compute(job(step))
        return order

    assert world.run(world.together(device_side(), link(), server_side()))[2] == list(range(batches))
    expected = sum(stages) + (batches - 1) * max(stages)
    assert world.now - start == pytest.approx(expected, abs=1e-9 if start == 0 else 1e-6)
    assert len(sent(world)) == batches

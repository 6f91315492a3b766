"""What happens side by side: started processes, ``together``, errors in them, and how they are stopped."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.worlds import Steps, after, device, job, pause, rows, sent, served, tiny


def value_after(world: Any, seconds: float, value: Any) -> Steps:
    yield from pause(world, seconds)
    return value


def failing(world: Any, seconds: float, *args: Any) -> Steps:
    yield from pause(world, seconds)
    raise Trouble(*args)


class Trouble(Exception):  # noqa: N818
    """Raised by a process."""


def test_together_gives_values_in_the_order_asked_not_in_that_of_their_ends() -> None:
    world = tiny()
    assert world.run(world.together(*(value_after(world, s, s) for s in (3, 1, 2)))) == [3, 1, 2]
    assert world.now == 3


def test_together_of_nothing_is_nothing_at_once() -> None:
    world = tiny()
    assert (world.run(world.together()), world.now) == ([], 0)


def test_together_takes_handles_and_generators() -> None:
    world = tiny()

    def driver() -> Steps:
        early = world.start(value_after(world, 1, "early"))
        yield from pause(world, 2)
        return (yield from world.together(early, value_after(world, 1, "late")))

    assert world.run(driver()) == ["early", "late"]


def test_within_drops_those_that_are_late_and_stops_them() -> None:
    world = tiny()
    client = device(world, up=1)

    def driver() -> Steps:
        found = yield from world.together(client.upload(3, "quick"), client.upload(90, "slow"), within=10)
        yield from pause(world, 100)
        return found

    assert world.run(driver()) == [3]
    assert sent(world) == [("quick", 0, 6, 3, 0), ("slow", 0, 10, 7, 7)]


@pytest.mark.parametrize("late", [False, True])
def test_what_comes_back_at_the_very_moment_is_in_time_a_transfer_as_a_work(late: bool) -> None:
    """A transfer of 10 s and a work of 10 s; one byte, or one second, more is too much."""
    world = tiny()
    client = device(world, up=1)
    transfer, work = client.upload(10 + late, "payload"), world.server.compute(job(10 + late))
    found = world.run(world.together(transfer, work, within=10))
    assert found == ([] if late else [10, None])
    assert [lost for *_, lost in sent(world)] == [10 if late else 0]


def test_within_ends_early_when_everybody_is_back() -> None:
    world = tiny()
    assert world.run(world.together(value_after(world, 2, "back"), within=10)) == ["back"]
    assert world.now == 2


def test_a_child_that_was_stopped_by_somebody_else_is_not_in_the_value() -> None:
    world = tiny()

    def driver() -> Steps:
        handles = [world.start(value_after(world, 5, name)) for name in "abc"]
        world.start(after(world, 1, handles[1].stop))
        return (yield from world.together(*handles))

    assert world.run(driver()) == ["a", "c"]


def test_stopping_a_process_stops_what_it_waits_for_at_any_depth() -> None:
    world = tiny()
    client = device(world, up=1)

    def nest(depth: int) -> Steps:
        yield from world.together(nest(depth - 1) if depth else client.upload(50, "deep"), client.upload(50, "shallow"))

    def driver() -> Steps:
        handle = world.start(nest(3))
        yield from pause(world, 4)
        handle.stop()
        yield from pause(world, 9)

    world.run(driver())
    assert [(row.seconds, row.lost == row.bytes) for row in world.ledger.transfers] == [(4, True)] * 5


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_an_error_in_a_child_is_raised_with_its_own_type_and_message(depth: int) -> None:
    world = tiny()

    def nest(depth: int) -> Steps:
        yield from world.together(nest(depth - 1) if depth else failing(world, 2, "disk full", 28), pause(world, 5))

    with pytest.raises(Trouble) as caught:
        world.run(nest(depth))
    assert (caught.value.args, world.now) == (("disk full", 28), 2)


def test_an_error_in_one_child_stops_the_others() -> None:
    world = tiny()
    client = device(world, up=1)

    def driver() -> Steps:
        with pytest.raises(Trouble):
            yield from world.together(failing(world, 2, "x"), client.upload(50, "cut short"))
        yield from pause(world, 100)

    world.run(driver())
    assert sent(world) == [("cut short", 0, 2, 2, 2)]


def test_two_children_that_fail_at_once_are_not_passed_over_in_silence() -> None:
    world = tiny()
    with pytest.raises(Trouble):
        world.run(world.together(failing(world, 2, "one"), failing(world, 2, "two")))


def test_an_error_that_nobody_waits_for_ends_the_run() -> None:
    world = tiny()

    def driver() -> Steps:
        world.start(failing(world, 2, "unheard"))
        yield from pause(world, 5)

    with pytest.raises(Trouble, match="unheard"):
        world.run(driver())


def test_a_handle_is_waited_for_during_and_after_its_run() -> None:
    world = tiny()

    def driver() -> Steps:
        handle = world.start(value_after(world, 2, "done"))
        first = yield from handle
        at = world.now
        yield from pause(world, 1)
        return first, at, (yield from handle), world.now

    assert world.run(driver()) == ("done", 2, "done", 3)


def test_two_may_wait_for_one_handle() -> None:
    world = tiny()

    def wait(handle: Any) -> Steps:
        return (yield from handle)

    def driver() -> Steps:
        handle = world.start(value_after(world, 2, "done"))
        return (yield from world.together(wait(handle), wait(handle)))

    assert world.run(driver()) == ["done", "done"]


@pytest.mark.parametrize("times", [1, 2])
def test_stop_withdraws_queued_work_and_lets_service_in_progress_finish(times: int) -> None:
    world = tiny()

    def two_works(name: str) -> Steps:
        yield from world.server.compute(job(5, name=name))
        yield from world.server.compute(job(5, name=f"{name} again"))

    def driver() -> Steps:
        serving, queued = world.start(two_works("serving")), world.start(two_works("queued"))
        yield from pause(world, 2)
        for _ in range(times):
            serving.stop()
            queued.stop()
        yield from world.server.compute(job(1, name="next"))
        yield from pause(world, 9)

    world.run(driver())
    assert served(world) == [("serving", 0, 5), ("next", 5, 1)]


def test_a_stopped_writer_in_service_still_writes_at_its_end() -> None:
    world, weights = tiny(), []

    def driver() -> Steps:
        handle = world.start(world.server.compute(job(5, lambda: weights.append(1), writes=weights)))
        yield from pause(world, 2)
        handle.stop()
        yield from pause(world, 2.5)
        before = list(weights)
        yield from pause(world, 1)
        return before, list(weights)

    assert world.run(driver()) == ([], [1])


def test_what_is_stopped_before_it_began_never_begins() -> None:
    world = tiny()
    begun = []

    def steps() -> Steps:
        begun.append(True)
        yield from world.server.compute(job(1))

    def driver() -> Steps:
        world.start(steps()).stop()
        yield from pause(world, 5)

    world.run(driver())
    assert (begun, list(rows(world))) == ([], [])


def test_stop_after_the_end_changes_nothing() -> None:
    world = tiny()

    def driver() -> Steps:
        handle = world.start(value_after(world, 1, "done"))
        yield from pause(world, 2)
        handle.stop()
        return (yield from handle)

    assert world.run(driver()) == "done"


def test_a_stopped_process_may_clean_up() -> None:
    world, log = tiny(), []

    def steps() -> Steps:
        try:
            yield from pause(world, 9)
        finally:
            log.append(world.now)

    def driver() -> Steps:
        handle = world.start(steps())
        yield from pause(world, 3)
        handle.stop()
        yield from handle

    world.run(driver())
    assert (log, world.now) == ([3], 3)


def test_of_two_that_fail_at_one_moment_the_first_error_is_raised_and_caught() -> None:
    world = tiny()

    def driver() -> Steps:
        try:
            yield from world.together(failing(world, 1, "first"), failing(world, 1, "second"))
        except Trouble as trouble:
            yield from pause(world, 5)
            return trouble.args

    assert (world.run(driver()), world.now) == (("first",), 6)


def test_what_was_stopped_says_so() -> None:
    world = tiny()

    def driver() -> Steps:
        handle = world.start(pause(world, 5))
        yield from pause(world, 1)
        handle.stop()
        return (yield from handle)

    assert repr(world.run(driver())) == "GONE"


@pytest.mark.parametrize("flops", [float("nan"), float("inf"), 10**400])
def test_a_cost_that_gives_no_time_is_refused_where_it_is_asked_for(flops: float) -> None:
    world = tiny()

    def driver() -> Steps:
        with pytest.raises(ValueError, match=r"site 'server': 'endless' cannot take (nan|inf) s"):
            yield from world.server.compute(job(flops, name="endless"))
        yield from world.server.compute(job(1))

    world.run(driver())
    assert (world.now, served(world)) == (1, [("job", 0, 1)])


def test_the_first_results_are_those_that_came_first_in_the_order_of_the_jobs() -> None:
    """a and b are done last, at the same moment, and only one of them is still needed."""
    world = tiny()

    def turn(name: str, seconds: float) -> Steps:
        yield from pause(world, seconds)
        return name

    def driver() -> Steps:
        jobs = [turn("a", 3), turn("b", 3), turn("c", 1), turn("d", 2)]
        return (yield from world.together(*jobs, first=3))

    assert world.run(driver()) == ["a", "c", "d"]


def test_those_that_are_over_already_count_among_the_first() -> None:
    world = tiny()

    def turn(name: str, seconds: float) -> Steps:
        yield from pause(world, seconds)
        return name

    def driver() -> Steps:
        over, late = world.start(turn("over", 1)), world.start(turn("late", 9))
        yield from pause(world, 2)
        results = yield from world.together(over, late, first=1)
        return results, world.now

    assert world.run(driver()) == (["over"], 2)

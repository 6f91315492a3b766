"""After the run nothing is added to the ledger: what still runs is stopped, and charged as far as it came."""

from __future__ import annotations

import gc
from contextlib import nullcontext

import pytest

from simulator.accounting.ledger import AbsenceRow, Ledger
from tests.helpers.worlds import Steps, device, job, pause, rows, sent, served, tiny


def unfinished(fails: bool) -> Ledger:
    """The ledger of a run that leaves everything open; its world is garbage when this returns."""
    world = tiny(slots=2)
    client = device(world, up=1)

    def driver() -> Steps:
        world.start(client.upload(50, "flowing"), client)
        world.start(client.server.compute(job(8, name="serving")), client)
        world.start(client.server.compute(job(9, name="serving too")), client)
        world.start(client.server.compute(job(9, name="queued")), client)
        world.start(world.together(client.upload(50, "flowing"), pause(world, 99)), client)
        world.start(world.buffer(1).get())
        yield from pause(world, 4)
        if fails:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) if fails else nullcontext():
        world.run(driver())
    assert sorted(served(world)) == [("serving", 0, 4), ("serving too", 0, 4)]
    assert sent(world) == [("flowing", 0, 4, 2, 2)] * 2
    return world.ledger


@pytest.mark.parametrize("fails", [False, True])
def test_no_rows_are_added_after_the_run_and_garbage_collection(fails: bool) -> None:
    ledger = unfinished(fails)
    gc.collect()
    rows = {name: len(table) for name, table in ledger.tables().items() if len(table)}
    assert rows == {"works": 2, "waits": 1, "transfers": 2}


def test_works_cut_short_by_the_end_are_charged_in_part_and_have_no_effect() -> None:
    world, weights = tiny(), []

    def driver() -> Steps:
        world.start(world.server.compute(job(8, lambda: weights.append(1), writes=weights)))
        yield from pause(world, 2)

    world.run(driver())
    assert ([row.flops for row in world.ledger.works], weights) == ([2], [])


def test_an_absence_that_lasts_to_the_end_is_written_down() -> None:
    world = tiny()
    client = device(world)

    def driver() -> Steps:
        yield from pause(world, 1)
        client.site.leave()
        yield from pause(world, 5)

    world.run(driver())
    assert list(rows(world)) == [AbsenceRow("a", 1, 5, "left")]


def test_the_ledger_of_a_run_without_leftovers_is_unchanged_by_its_end() -> None:
    world = tiny()
    client = device(world, up=1)
    world.run(world.together(client.upload(3, "x"), client.compute(job(3, name="y"))))
    assert (served(world), sent(world)) == ([("y", 0, 3)], [("x", 0, 3, 3, 0)])


def test_an_interrupt_in_the_middle_of_a_step_is_what_is_raised() -> None:
    """A work that writes has been counted as in service, and its weights are not yet locked."""

    class Interrupted:
        def resident(self) -> None:
            raise KeyboardInterrupt

    world = tiny()
    with pytest.raises(KeyboardInterrupt):
        world.run(world.server.compute(job(1, writes=object(), holds=Interrupted())))


def interrupted() -> Ledger:
    """The ledger of a run that is interrupted while an upload is under way; its world is garbage when this returns."""
    world = tiny()
    client = device(world, up=1)

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    def driver() -> Steps:
        world.start(client.upload(50, "flowing"), client)
        moment = world.env.timeout(1)
        moment.callbacks.append(interrupt)
        yield moment

    with pytest.raises(KeyboardInterrupt):
        world.run(driver())
    return world.ledger


def test_what_an_interrupt_has_left_open_adds_no_rows_when_it_is_thrown_away() -> None:
    ledger = interrupted()
    gc.collect()
    assert not len(ledger.transfers)

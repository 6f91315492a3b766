"""Servers that are away at times, and sites that come and go as planned."""

from __future__ import annotations

from math import nextafter
from typing import Any, ClassVar

import pytest

from simulator.algorithms.base import Algorithm, Update
from simulator.world.attendance import follow, have_outages
from simulator.world.standstill import StandstillError
from simulator.world.timetable import Timetable
from simulator.world.world import World
from tests.helpers.driving import drive
from tests.helpers.worlds import LATE, Steps, device, job, pause, tiny


class Counting(Algorithm):
    """A client downloads for no time, trains for 2 s and uploads for 1 s; the server counts the updates for 1 s."""

    name: ClassVar[str] = "counting"

    def begin(self, world: World, task: Any) -> Any:
        return 0

    def client(self, world: World, task: Any, client: Any, state: Any) -> Steps:
        yield from client.download(1, "model")
        yield from client.compute(job(2, name="train"))
        return Update((yield from client.upload(1, "model")), weight=1)

    def aggregate(self, site: Any, task: Any, state: Any, updates: list[Update]) -> Steps:
        return (yield from site.compute(job(1, lambda: state + len(updates), name="mean")))


def absences(world: World) -> list[tuple[str, float, float]]:
    return [(row.site, row.start - world.start_time, row.seconds) for row in world.ledger.absences]


def test_a_site_comes_and_goes_as_planned() -> None:
    world = tiny()
    follow(device(world).site, Timetable([(2, 5), (9, 12)]))
    world.run(pause(world, 20))
    assert absences(world) == [("a", 0, 2), ("a", 5, 4), ("a", 12, 8)]


def test_a_site_that_is_always_there_has_no_events() -> None:
    world = tiny()
    site = device(world).site
    follow(site, Timetable([(0, 1)], 1))
    assert not site.due
    assert not len(world.env)


def test_changes_follow_the_plan_also_where_the_clock_rounds() -> None:
    """Spells of a tenth of a second, late in time: each change is seen once, on its side."""
    world = tiny(LATE)
    spells = [(LATE + n * 0.3, LATE + n * 0.3 + 0.1) for n in range(40)]
    follow(device(world).site, Timetable(spells))
    world.run(pause(world, 12))
    found = absences(world)
    assert len(found) == 40
    assert all(seconds == pytest.approx(0.2, abs=1e-6) for _, _, seconds in found[:-1])


def test_a_change_one_tick_from_now_is_made() -> None:
    world = tiny(LATE)
    follow(device(world).site, Timetable([(0.0, nextafter(LATE, LATE + 1))]))
    world.run(pause(world, 1))
    assert len(absences(world)) == 1


def test_a_device_that_leaves_loses_its_attempt_and_is_selected_again_when_it_is_back() -> None:
    world = tiny()
    client = device(world, up=1)
    follow(client.site, Timetable([(0, 1), (4, 100)]))
    assert drive(Counting(), world, None, rounds=2) == 1
    assert [(row.attempt, row.start, row.seconds, row.reason) for row in world.ledger.attempts] == [
        (1, 0, 1, "away"),
        (2, 4, 3, ""),
    ]


def test_plans_that_never_end_do_not_keep_a_world_alive_in_which_nothing_happens() -> None:
    world = tiny()
    follow(device(world).site, Timetable([(0, 1)], 2))
    with pytest.raises(StandstillError, match="an item in a buffer that nobody fills"):
        world.run(world.buffer(1).get())


def test_the_round_in_which_an_outage_begins_is_given_up_and_the_next_begins_when_the_server_is_back() -> None:
    """A round takes 3 s and 1 s of aggregation; the outage from 5 to 7 s ends the second."""
    world = tiny()
    device(world, up=1)
    have_outages(world.server, Timetable([(0, 5), (7, 100)]), patience=60)
    assert drive(Counting(), world, None, rounds=3) == 2
    assert [(row.start, row.seconds, row.updates) for row in world.ledger.rounds] == [(0, 4, 1), (4, 1, 0), (7, 4, 1)]
    assert [row.reason for row in world.ledger.attempts] == ["", "outage", ""]
    assert absences(world) == [("server", 5, 2)]


def test_what_was_received_and_not_aggregated_is_lost() -> None:
    """The outage comes in the middle of the aggregation."""
    world = tiny()
    device(world, up=1)
    have_outages(world.server, Timetable([(0, 3.5), (4, 100)]), patience=60)
    assert drive(Counting(), world, None, rounds=1) == 0
    assert [(row.work, row.seconds, row.lost, row.reason) for row in world.ledger.works] == [
        ("train", 2, False, ""),
        ("mean", 0.5, True, "outage"),
    ]
    assert [row.reason for row in world.ledger.attempts] == ["outage"]


def test_an_outage_ends_what_the_server_does_beside_the_round() -> None:
    world = tiny()
    device(world, up=1)
    have_outages(world.server, Timetable([(0, 2), (3, 100)]), patience=60)
    ended: list[float] = []

    def beside() -> Steps:
        try:
            yield from pause(world, 50)
        finally:
            ended.append(world.now)

    drive(Counting(), world, None, rounds=2, beside=beside())
    assert ended == [2]


@pytest.mark.parametrize(("patience", "done"), [(5, [6]), (1, [])])
def test_a_client_waits_for_an_absent_server_as_long_as_it_has_patience(patience: float, done: list[float]) -> None:
    """It asks at 3 s; the server is away from 1 to 6 s."""
    world, arrived = tiny(), []
    client = device(world)
    have_outages(world.server, Timetable([(0, 1), (6, 100)]), patience)

    def ask() -> Steps:
        yield from client.compute(job(3))
        yield from client.upload(1, "x")
        arrived.append(world.now)

    world.start(ask(), client)
    world.advance(pause(world, 20))  # ends with the outage, but not what the client does
    world.advance(pause(world, 20))
    world.end()
    assert arrived == done


def test_a_client_whose_device_left_before_its_turn_is_stopped() -> None:
    world = tiny()
    client = device(world)
    client.site.leave("away")
    seen: list[Any] = []

    def turn() -> Steps:
        seen.append((yield from world.together(world.start(client.compute(job(1)), client))))

    world.run(turn())
    assert seen == [[]]

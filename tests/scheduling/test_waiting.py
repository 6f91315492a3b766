"""Asynchronous drivers in worlds in which devices come and go."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.scheduling.drivers.fedbuff import FedBuff
from simulator.scheduling.drivers.semi_async import SemiAsync
from simulator.world.standstill import StandstillError
from tests.helpers.adding import TOY, Adding, crowd, drive


def away(world: Any, name: str, since: float, until: float) -> None:
    """Have a device leave at a moment, and come back at another, which may be never."""
    (site,) = [client.site for client in world.clients if client.name == name]

    def leave() -> None:
        site.leave("away")
        world.change(site, "away", until, lambda: site.come_back("away"))

    world.change(site, "away", since, leave)


def test_a_half_full_buffer_waits_for_the_next_device_that_comes() -> None:
    """a is done at 2 s and leaves at 2.5; b and c leave at 1 s; a is back at 10 s and done at 12."""
    world = crowd()

    def changes(number: int) -> None:
        if not number:
            away(world, "a", 2.5, 10)
            away(world, "b", 1, float("inf"))
            away(world, "c", 1, float("inf"))

    seen = drive(FedBuff(buffer=2, concurrency=3), Adding(**TOY), world, rounds=1, between=changes)
    assert seen[1][0] == 12


def test_a_device_that_comes_back_gets_a_free_place_at_once() -> None:
    """b is away from 1 to 4 s, while c works until 7 s: b's second attempt begins at 4 s, not at 7."""
    world = crowd("bc")

    def changes(number: int) -> None:
        if not number:
            away(world, "b", 1, 4)

    drive(FedBuff(buffer=1, concurrency=2), Adding(**TOY), world, rounds=1, size=2, between=changes)
    assert [row.start for row in world.ledger.attempts if row.client == "b"] == [0, 4]


def test_a_buffer_that_can_never_be_filled_is_told() -> None:
    world = crowd("ab")

    def changes(number: int) -> None:
        if not number:
            away(world, "a", 2.5, float("inf"))
            away(world, "b", 1, float("inf"))

    with pytest.raises(StandstillError, match=r"(?s)the server.* has waited since .* for a \(away\), b \(away\)"):
        drive(FedBuff(buffer=2, concurrency=2), Adding(**TOY), world, rounds=1, size=2, between=changes)


def test_attempts_that_are_lost_one_after_the_other_end_the_run_with_their_reasons() -> None:
    """The device is there for 1 s at a time, and an attempt takes 2."""
    world = crowd("a")

    def come_and_go(at: float) -> None:
        site = world.clients[0].site
        world.change(site, "away", at + 1, lambda: (site.leave("away"), back(at + 1)))

    def back(at: float) -> None:
        site = world.clients[0].site
        world.change(site, "away", at + 1, lambda: (site.come_back("away"), come_and_go(at + 1)))

    with pytest.raises(StandstillError, match=r"the last 200 attempts of clients were all lost \(away 200\)"):
        drive(
            FedBuff(buffer=1, concurrency=1),
            Adding(**TOY),
            world,
            rounds=1,
            size=1,
            between=lambda number: None if number else come_and_go(0),
        )


def test_intervals_without_devices_are_counted_as_empty() -> None:
    """a leaves at 1 s and is back at 10 s; its update arrives at 12 s, in the sixth interval of 2 s."""
    world = crowd("a")
    seen = drive(
        SemiAsync(seconds="2 s", concurrency=1),
        Adding(**TOY),
        world,
        rounds=1,
        size=1,
        between=lambda number: None if number else away(world, "a", 1, 10),
    )
    assert seen[1][0] == 12
    assert [(row.updates, row.empty) for row in world.ledger.rounds] == [(1, 5)]

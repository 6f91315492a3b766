"""Clients that drop out when they enter a phase."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import pytest

from simulator.algorithms.base import Algorithm, Update
from simulator.settings.seeds import Seeds
from simulator.world.dropout import Dropout
from simulator.world.world import World
from tests.helpers.driving import drive
from tests.helpers.worlds import Steps, device, job, tiny


class Phases(Algorithm):
    """A client downloads for a second, prepares for one, and trains for three while it sends notes, then its model."""

    name: ClassVar[str] = "phases"

    def begin(self, world: World, task: Any) -> Any:
        return 0

    def client(self, world: World, task: Any, client: Any, state: Any) -> Steps:
        yield from client.download(1, "model")
        beside = world.start(client.upload(100, "notes"))
        yield from client.compute(job(1, name="prepare"))
        for _ in range(3):
            with world.phase("training"):
                yield from client.compute(job(1, name="train"))
        beside.stop()
        return Update((yield from client.upload(1, "model")), weight=1)

    def aggregate(self, site: Any, task: Any, state: Any, updates: list[Update]) -> Steps:
        return (yield from site.compute(job(1, lambda: state + len(updates), name="mean")))


def dropping(rates: dict[str, float], devices: int = 1, rounds: int = 1, seed: int = 0) -> World:
    world = tiny()
    for number in range(devices):
        client = device(world, f"{number}", up=1, down=1)
        client.site.dropout = Dropout(client.name, rates, Seeds(seed))
    drive(Phases(), world, None, rounds=rounds)
    return world


def seed_of(fate: str) -> int:
    """Return a seed with which the first device drops out so in its first attempt."""
    return next(seed for seed in range(99) if Dropout("0", {"training": 1.0}, Seeds(seed)).fate(1, "training") == fate)


@pytest.mark.parametrize(("fate", "works"), [("begin", ["prepare"]), ("end", ["prepare", "train"])])
def test_a_client_drops_out_at_the_beginning_or_the_end_of_a_phase_with_all_its_processes(
    fate: str, works: list[str]
) -> None:
    world = dropping({"training": 1.0}, seed=seed_of(fate))
    (attempt,) = world.ledger.attempts
    assert (attempt.reason, attempt.seconds, attempt.round) == ("dropout", 1 + len(works), 0)
    assert [row.work for row in world.ledger.works] == works
    assert [(row.kind, row.lost, row.reason) for row in world.ledger.transfers] == [
        ("model", 0, ""),
        ("notes", len(works), "dropout"),
    ]


def test_who_drops_out_at_the_end_of_a_phase_does_not_where_the_phase_starts_others() -> None:
    world = tiny()
    client = device(world, "0")
    client.site.dropout = Dropout("0", {"training": 1.0}, Seeds(seed_of("end")))

    class Nested(Phases):
        name: ClassVar[str] = "nested"

        def client(self, world: World, task: Any, client: Any, state: Any) -> Steps:
            with world.phase("training"):
                yield from world.together(client.compute(job(2, name="one")), client.compute(job(1, name="other")))
            return Update(1, weight=1)

    drive(Nested(), world, None)
    assert sum(row.seconds for row in world.ledger.works) == 3
    assert [row.reason for row in world.ledger.attempts] == ["dropout"]


def test_half_of_those_that_drop_out_do_so_at_the_beginning() -> None:
    """Of 2,000 attempts 1,000 drop out, 500 of them at the beginning, with a standard deviation of 16."""
    dropout = Dropout("a", {"training": 0.5}, Seeds(0))
    fates = Counter(dropout.fate(attempt, "training") for attempt in range(2000))
    assert abs(fates["begin"] - 500) < 5 * 20
    assert abs(fates["end"] - 500) < 5 * 20


def test_a_client_may_drop_out_in_the_phase_that_its_attempt_begins_in() -> None:
    world = dropping({"model exchange": 1.0})
    assert [(row.reason, row.seconds) for row in world.ledger.attempts] == [("dropout", 0)]
    assert not len(world.ledger.transfers)


def test_the_device_stays_there_and_is_selected_again() -> None:
    world = dropping({"training": 1.0}, rounds=3)
    assert [row.attempt for row in world.ledger.attempts] == [1, 2, 3]
    assert not len(world.ledger.absences)


def test_a_round_goes_on_with_those_that_did_not_drop_out() -> None:
    world = tiny()
    clients = [device(world, name, up=1, down=1) for name in "ab"]
    clients[0].site.dropout = Dropout("a", {"training": 1.0}, Seeds(0))
    assert drive(Phases(), world, None) == 1


def test_phases_without_a_rate_lose_nobody() -> None:
    world = dropping({"pruning": 1.0, "training": 0.0}, devices=3)
    assert [row.reason for row in world.ledger.attempts] == ["", "", ""]


@pytest.mark.parametrize("phase", ["training", "model exchange"])
def test_as_many_drop_out_as_the_rate_says_however_often_the_phase_is_entered(phase: str) -> None:
    """Of 800 attempts 240, with a standard deviation of 13; each enters the phase three times, or in two processes."""
    world = dropping({phase: 0.3}, devices=40, rounds=20)
    assert abs(Counter(row.reason for row in world.ledger.attempts)["dropout"] - 240) < 5 * 13


def test_the_same_seed_loses_the_same_clients() -> None:
    first, second, other = (dropping({"training": 0.5}, 5, 5, seed).ledger for seed in (0, 0, 1))
    assert first == second
    assert first != other

"""Who takes part in a round, and what the synchronous driver does with them."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from simulator.accounting.ledger import AttemptRow, RoundRow
from simulator.algorithms.base import Algorithm, OwnOrder, Update
from simulator.scheduling.selection.uniform import Uniform
from simulator.settings.seeds import Seeds
from simulator.world.standstill import StandstillError
from simulator.world.world import World
from tests.helpers.driving import drive as driven
from tests.helpers.worlds import Steps, after, device, job, tiny


def crowd(size: int, away: tuple[int, ...] = (), small: tuple[int, ...] = ()) -> list[Any]:
    sites = [SimpleNamespace(away_since=0.0 if number in away else None) for number in range(size)]
    return [SimpleNamespace(name=number, fits=number not in small, site=site) for number, site in enumerate(sites)]


def names(clients: list[Any], size: int, round: int, seed: int = 0) -> list[int]:
    return [client.name for client in Uniform().choose(clients, size, round, Seeds(seed))]


def test_the_same_seed_and_round_give_the_same_cohort_whoever_asks() -> None:
    assert [names(crowd(20), 5, number) for number in range(1, 9)] == [names(crowd(20), 5, n) for n in range(1, 9)]


def test_rounds_and_seeds_give_different_cohorts() -> None:
    cohorts = {tuple(names(crowd(20), 5, number, seed)) for number in range(1, 9) for seed in range(4)}
    assert len(cohorts) == 32


@pytest.mark.parametrize("size", [1, 7, 20])
def test_nobody_is_chosen_twice(size: int) -> None:
    for number in range(30):
        assert len(set(names(crowd(20), size, number))) == size


def test_absent_clients_are_never_chosen_and_the_others_fill_their_places() -> None:
    for number in range(30):
        cohort = names(crowd(10, away=(0, 3, 4)), 7, number)
        assert set(cohort) == {1, 2, 5, 6, 7, 8, 9}


def test_clients_that_do_not_fit_are_never_chosen() -> None:
    for number in range(30):
        assert set(names(crowd(6, away=(0,), small=(2, 3)), 6, number)) == {1, 4, 5}


def test_who_is_there_takes_part_where_fewer_are_there_than_asked_for() -> None:
    assert sorted(names(crowd(4, away=(1,)), 9, 1)) == [0, 2, 3]


def test_an_absence_does_not_change_the_order_of_the_others() -> None:
    for number in range(20):
        everybody = names(crowd(10), 10, number)
        assert names(crowd(10, away=(3,)), 9, number) == [name for name in everybody if name != 3]


def test_every_client_is_as_likely_as_any_other() -> None:
    """2,000 rounds of 3 in 12: each is expected 500 times; six standard deviations are 116."""
    counts = Counter(name for number in range(2000) for name in names(crowd(12), 3, number))
    assert all(abs(counts[name] - 500) < 6 * (2000 * 0.25 * 0.75) ** 0.5 for name in range(12))


class Adding(Algorithm):
    """Every client adds its number of seconds to the state."""

    name: ClassVar[str] = "adding"
    slow: int = 2

    def begin(self, world: World, task: Any) -> Any:
        return 0

    def client(self, world: World, task: Any, client: Any, state: Any) -> Steps:
        value = yield from client.download(1, "model")
        yield from client.compute(job(self.slow, name="train"))
        return Update(value, weight=client.round_index)

    def aggregate(self, site: Any, task: Any, state: Any, updates: list[Update]) -> Steps:
        return (yield from site.compute(job(1, lambda: state + sum(update.weight for update in updates), name="mean")))


class InTurn(OwnOrder):
    """One client after the other."""

    name: ClassVar[str] = "in_turn"

    def begin(self, world: World, task: Any) -> Any:
        return 0

    def round(self, world: World, task: Any, state: Any, cohort: list[Any]) -> Steps:
        for client in cohort:
            yield from world.start(client.compute(job(3, name="train")), client)
        return state + 1


def drive(algorithm: Algorithm, world: World, rounds: int = 2, size: int = 2) -> tuple[Any, list[Any]]:
    seen: list[Any] = []
    state = driven(
        algorithm,
        world,
        None,
        rounds=rounds,
        clients_per_round=size,
        on_round=lambda number, state: seen.append((number, state, world.now)),
    )
    return state, seen


def test_a_round_ends_when_its_slowest_client_is_back_and_the_server_has_aggregated() -> None:
    """b downloads for 2 s and trains for 2, the mean takes 1: 5 s a round; each of two clients weighs its turn."""
    world = tiny()
    device(world, "a", down=1)
    device(world, "b", down=0.5)
    state, seen = drive(Adding(), world)
    assert state == 2 * 1 + 2 * 2
    assert seen == [(0, 0, 0), (1, 2, 5), (2, 6, 10)]
    assert list(world.ledger.rounds) == [RoundRow(1, 0, 5, updates=2), RoundRow(2, 5, 5, updates=2)]
    assert [(row.work, row.phase, row.round, row.client, row.start) for row in world.ledger.works] == [
        ("train", "model exchange", 1, "a", 1),
        ("train", "model exchange", 1, "b", 2),
        ("mean", "aggregation", 1, None, 4),
        ("train", "model exchange", 2, "a", 6),
        ("train", "model exchange", 2, "b", 7),
        ("mean", "aggregation", 2, None, 9),
    ]


def test_two_algorithms_meet_the_same_cohorts() -> None:
    cohorts = []
    for algorithm in (Adding(slow=1), Adding(slow=7), InTurn()):
        world = tiny()
        for number in range(9):
            device(world, str(number))
        drive(algorithm, world, rounds=5, size=3)
        cohorts.append(sorted((row.round, row.client) for row in world.ledger.engagements))
    assert cohorts[0] == cohorts[1] == cohorts[2]
    assert len(set(cohorts[0])) == 15


def test_an_algorithm_with_its_own_order_is_given_the_round() -> None:
    world = tiny()
    for name in "ab":
        device(world, name)
    state, seen = drive(InTurn(), world)
    assert (state, seen) == (2, [(0, 0, 0), (1, 1, 6), (2, 2, 12)])


def test_a_client_that_leaves_in_a_round_is_left_out_of_the_mean() -> None:
    world = tiny()
    clients = [device(world, name) for name in "ab"]

    class Leaving(Adding):
        name: ClassVar[str] = "leaving"

        def begin(self, world: World, task: Any) -> Any:
            world.start(after(world, 1, clients[0].site.leave))
            return 0

    state, _ = drive(Leaving(), world)
    assert state == 1 + 2
    assert [row.client for row in world.ledger.engagements if row.round == 2] == ["b"]


def test_a_world_without_anybody_who_could_take_part_is_told_by_name() -> None:
    world = tiny()
    device(world, "phone").site.leave("battery")
    with pytest.raises(StandstillError, match=r"the server has waited since 0 s for phone \(battery\) to be back"):
        drive(Adding(), world)


def test_the_server_waits_for_the_next_device_where_none_is_there() -> None:
    world = tiny()
    client = device(world)
    client.site.leave()
    world.change(client.site, "left", 7.0, lambda: client.site.come_back("left"))
    _, seen = drive(Adding(), world, rounds=1)
    assert seen == [(0, 0, 0), (1, 1, 10)]


def test_each_client_of_a_round_is_an_attempt_that_was_used_or_lost() -> None:
    world = tiny()
    a = device(world, "a")
    device(world, "b")

    class Leaving(Adding):
        name: ClassVar[str] = "leaving"

        def begin(self, world: World, task: Any) -> Any:
            world.start(after(world, 1, a.site.leave))
            return 0

    drive(Leaving(), world, rounds=1)
    assert list(world.ledger.attempts) == [
        AttemptRow("a", 1, 0, 0.0, 1.0, 0, 0, "left"),
        AttemptRow("b", 1, 0, 0.0, 2.0, 1, 0, ""),
    ]

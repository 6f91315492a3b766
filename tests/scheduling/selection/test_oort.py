"""Oort against the formulas of its docstring, computed by hand."""

from __future__ import annotations

from collections import Counter
from math import log, sqrt

import pytest

from simulator.scheduling.selection.losses import ReportedLosses
from simulator.scheduling.selection.oort import Oort, Participation
from simulator.settings.seeds import Seeds
from simulator.world.clients import Forecast
from simulator.world.world import World
from tests.helpers.worlds import device, tiny

EXPLOITS = Oort(exploration=0.0, exploration_least=0.0)


def crowd(seconds: dict[str, float], losses: dict[str, list[float]]) -> World:
    """Devices with ten samples each, whose rounds take so many seconds; some have reported losses."""
    world = tiny()
    for name in seconds:
        device(world, name).data = range(10)
    reported = world.server.store(ReportedLosses)
    for name, values in losses.items():
        for value in values:
            reported.add(name, 1, value)
        reported.report(name, 1)
    world.forecast = lambda client: Forecast(seconds[client.name], seconds[client.name], 0, 0, 0, 0, 0)
    return world


def draw(policy: Oort, world: World, size: int, round: int, seed: int = 0) -> list[str]:
    return [client.name for client in policy.choose(world.clients, size, round, Seeds(seed))]


def test_utility_is_statistical_and_stale_and_penalised() -> None:
    """Losses 1, 2 and 3 are utilities 10, 20 and 30, so 0, 1/2 and 1. c takes 8 s where 4 are preferred: a quarter."""
    world = crowd({"a": 2, "b": 4, "c": 8}, {"a": [1.0], "b": [2.0], "c": [3.0]})
    record = Participation(last={"a": 1, "b": 5, "c": 9})
    statistical = dict(zip(world.clients, (10.0, 20.0, 30.0), strict=True))
    utilities = Oort(pace=0.5).utilities(world.clients, 9, record, statistical)
    staleness = [sqrt(0.1 * log(9) / last) for last in (1, 5, 9)]
    assert utilities == pytest.approx([staleness[0], 0.5 + staleness[1], (1 + staleness[2]) * (4 / 8) ** 2], rel=1e-12)


def test_the_loss_of_a_client_is_the_root_of_the_mean_square() -> None:
    """a: sqrt((1 + 49) / 2) = 5, b: 4.9 each time, though its mean is higher than a's 4."""
    world = crowd({"a": 1, "b": 1}, {"a": [1.0, 7.0], "b": [4.9, 4.9]})
    assert draw(EXPLOITS, world, 1, 1) == ["a"]


def test_only_those_close_to_the_best_are_drawn_in_proportion() -> None:
    """Utilities 0, 1/3, 2/3, 1 for a cohort of 2: with a cutoff of half the second best, b to d; c + d come most."""
    world = crowd(dict.fromkeys("abcd", 1.0), {"a": [1.0], "b": [2.0], "c": [3.0], "d": [4.0]})
    policy = Oort(exploration=0.0, exploration_least=0.0, cutoff=0.5)
    counts = Counter(draw(policy, world, 1, 1, seed)[0] for seed in range(3000))
    assert counts.keys() == {"c", "d"}  # for a cohort of 1: at least half of 1
    assert abs(counts["d"] - 3000 * 0.6) < 5 * (3000 * 0.24) ** 0.5
    assert {name for seed in range(50) for name in draw(policy, world, 2, 1, seed)} == {"b", "c", "d"}


def test_a_share_of_the_cohort_explores_and_falls() -> None:
    world = crowd(dict.fromkeys("abcdefgh", 1.0), {name: [1.0] for name in "abcd"})
    policy = Oort(exploration=1.0, exploration_decay=0.5, exploration_least=0.25)
    explored = [sum(name in "efgh" for name in draw(policy, world, 4, number)) for number in (1, 2, 3, 4)]
    assert explored == [4, 2, 1, 1]


def test_a_share_of_less_than_one_client_is_drawn() -> None:
    world = crowd({"a": 1.0, "b": 1.0}, {"a": [1.0]})
    policy = Oort(exploration=0.3, exploration_decay=1.0)
    explored = sum(draw(policy, world, 1, 1, seed) == ["b"] for seed in range(2000))
    assert abs(explored - 600) < 5 * (2000 * 0.21) ** 0.5


def test_whoever_is_faster_is_explored_more() -> None:
    """Nobody has trained: one of two is drawn by 1 / t, a three times as often as b."""
    world = crowd({"a": 1.0, "b": 3.0}, {})
    first = Counter(draw(Oort(), world, 1, 1, seed)[0] for seed in range(2000))
    assert abs(first["a"] - 1500) < 5 * (2000 * 0.1875) ** 0.5


def test_longer_rounds_are_allowed_once_less_is_gained() -> None:
    """Four draws gain 10 each, the next four 5 each: with windows of 4, the pace changes at draw 8 and not before."""
    world = crowd({"a": 1.0, "b": 2.0}, {})
    policy, reported = Oort(window=4, pace=0.0, pace_step=0.5), world.server.store(ReportedLosses)
    record = world.server.store(Participation)
    steps = []
    for number in range(1, 10):
        reported.add("a", number, 1.0 if number <= 4 else 0.5)
        reported.report("a", number)
        draw(policy, world, 1, number)
        steps.append(record.steps)
    assert steps == [0, 0, 0, 0, 0, 0, 0, 1, 1]


def test_a_draw_without_news_gains_nothing() -> None:
    world = crowd({"a": 1.0}, {"a": [2.0]})
    for number in (1, 2, 3):
        draw(Oort(), world, 1, number)
    assert world.server.store(Participation).gains == [20.0, 0.0, 0.0]


def test_a_client_that_diverged_does_no_harm() -> None:
    world = crowd(dict.fromkeys("abc", 1.0), {"a": [float("nan")], "b": [1.0], "c": [2.0]})
    assert sorted(draw(EXPLOITS, world, 2, 3)) == ["a", "c"]


def test_a_client_in_flight_counts_when_it_is_back() -> None:
    """b trains for the second time while a is drawn twice; then its new losses, 3 instead of 1, are a gain of 30."""
    world = crowd(dict.fromkeys("ab", 1.0), {"a": [2.0], "b": [1.0]})
    draw(Oort(), world, 1, 1)
    reported, (a, b) = world.server.store(ReportedLosses), world.clients
    for number in (2, 3):
        reported.add("b", 2, 3.0)
        reported.report("b", 2)
        Oort().choose([a], 1, number, Seeds(0))
    Oort().choose([a, b], 1, 4, Seeds(0))
    assert world.server.store(Participation).gains == [30.0, 0.0, 0.0, 30.0]

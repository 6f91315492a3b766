"""Each policy against hand computations, in worlds of a few devices without data sets and models."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scheduling.selection.all import All
from simulator.scheduling.selection.available import Available
from simulator.scheduling.selection.base import Selection, weighted
from simulator.scheduling.selection.by_weight import ByWeight
from simulator.scheduling.selection.fedcs import FedCS
from simulator.scheduling.selection.longest_battery import LongestBattery
from simulator.scheduling.selection.oort import Oort
from simulator.scheduling.selection.power_of_choice import PowerOfChoice
from simulator.scheduling.selection.round_robin import RoundRobin
from simulator.scheduling.selection.uniform import Uniform
from simulator.settings.errors import UnfitError
from simulator.settings.seeds import Seeds
from simulator.world.clients import Client, Forecast
from simulator.world.world import World
from tests.helpers.worlds import device, tiny

POLICIES: list[Selection] = [
    Uniform(),
    All(),
    RoundRobin(),
    ByWeight(),
    LongestBattery(),
    Available(),
    FedCS.model_validate({"deadline": "1000 s"}),
    PowerOfChoice(candidates=4),
    Oort(),
]
BY_NAME = [policy.name for policy in POLICIES]


def crowd(samples: str | list[int] = "aaaaaa") -> World:
    """Devices a, b, c .. with so many samples each; a round of each takes as many seconds as it has samples."""
    sizes = [1] * len(samples) if isinstance(samples, str) else samples
    world = tiny()
    for name, size in zip("abcdefghijklmnopqrst", sizes, strict=False):
        client = device(world, name)
        client.data = range(size)
    world.forecast = lambda client: predicted(len(client.data))
    return world


def predicted(seconds: float, down: float = 0.0, up: float = 0.0, first: float | None = None) -> Forecast:
    return Forecast(seconds, seconds if first is None else first, down, 0.0, up, 0.0, 0.0)


def draw(policy: Selection, world: World, size: int, round: int = 1, among: str = "", seed: int = 0) -> str:
    clients = [client for client in world.clients if not among or client.name in among]
    return "".join(client.name for client in policy.choose(clients, size, round, Seeds(seed)))


@pytest.mark.parametrize("policy", POLICIES, ids=BY_NAME)
def test_nobody_is_chosen_twice_or_while_away_or_too_small(policy: Selection) -> None:
    for number in range(1, 20):
        world = crowd()
        world.clients[1].site.leave()
        world.clients[4].fits = False
        chosen = draw(policy, world, 3, number)
        assert len(set(chosen)) == len(chosen) == (4 if policy.name == "all" else 3)
        assert set(chosen) <= set("acdf")


@pytest.mark.parametrize("policy", POLICIES, ids=BY_NAME)
def test_who_is_there_takes_part_where_fewer_are_there_than_asked_for(policy: Selection) -> None:
    world = crowd("aaaa")
    world.clients[2].site.leave()
    assert sorted(draw(policy, world, 9)) == ["a", "b", "d"]


@pytest.mark.parametrize("policy", POLICIES, ids=BY_NAME)
def test_nobody_is_chosen_where_nobody_is_there(policy: Selection) -> None:
    world = crowd("aa")
    for client in world.clients:
        client.site.leave()
    assert draw(policy, world, 2) == draw(policy, tiny(), 2) == ""


@pytest.mark.parametrize("policy", POLICIES, ids=BY_NAME)
def test_the_same_seed_gives_the_same_cohorts(policy: Selection) -> None:
    def cohorts(seed: int) -> list[str]:
        world = crowd([3, 1, 4, 1, 5, 9])
        return [draw(policy, world, 2, number, seed=seed) for number in range(1, 9)]

    assert cohorts(5) == cohorts(5)
    assert (cohorts(5) == cohorts(6)) == (policy.name in ("all", "round_robin"))


def test_all_ignores_the_size() -> None:
    assert draw(All(), crowd(), 2) == "abcdef"


def test_round_robin_goes_on_where_it_stopped() -> None:
    world = crowd("aaaaa")
    assert [draw(RoundRobin(), world, size) for size in (2, 2, 2, 1, 4)] == ["ab", "cd", "ea", "b", "cdea"]


def test_round_robin_passes_over_who_cannot_take_part_or_is_in_flight() -> None:
    """After a and b, c is away and d in flight: e and a are next; then everyone is there again, and b's turn is next"""
    world, robin = crowd("aaaaa"), RoundRobin()
    assert draw(robin, world, 2) == "ab"
    world.clients[2].site.leave()
    assert draw(robin, world, 2, among="abce") == "ea"
    world.clients[2].site.come_back()
    assert draw(robin, world, 2) == "bc"


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_round_robin_chooses_all_equally_often(sizes: list[int]) -> None:
    world, robin = crowd("aaaaaa"), RoundRobin()
    counts = Counter({client.name: 0 for client in world.clients})
    for number, size in enumerate(sizes, start=1):
        counts.update(draw(robin, world, size, number))
        assert max(counts.values()) - min(counts.values()) <= 1


def test_by_weight_draws_in_proportion_to_samples() -> None:
    """The first drawn is each with probability w / W; a pair comes in an order with (w1 / W) (w2 / (W - w1))."""
    samples, draws = [1, 2, 3, 4], 8000
    world = crowd(samples)
    counts = Counter(draw(ByWeight(), world, 2, number) for number in range(draws))
    weight = dict(zip("abcd", samples, strict=True))
    for one, other in permutations("abcd", 2):
        chance = weight[one] / 10 * weight[other] / (10 - weight[one])
        assert abs(counts[one + other] - draws * chance) < 5 * (draws * chance * (1 - chance)) ** 0.5


def test_absence_does_not_change_the_weighted_order_of_the_others() -> None:
    for number in range(20):
        world = crowd([3, 1, 4, 1, 5])
        everybody = draw(ByWeight(), world, 5, number)
        world.clients[2].site.leave()
        assert draw(ByWeight(), world, 4, number) == everybody.replace("c", "")


def test_who_has_no_weight_comes_last() -> None:
    world = crowd("aaaa")
    for number in range(20):
        order = weighted(world.clients, [0, 1, 0, 1], Seeds(0).stream(number))
        assert {client.name for client in order[:2]} == {"b", "d"}


def charged(world: World, **levels: float) -> World:
    for client in world.clients:
        if client.name in levels:
            client.site.battery = SimpleNamespace(level=levels[client.name])  # type: ignore[attr-defined]
    return world


def test_the_fullest_batteries_are_chosen_and_mains_count_as_full() -> None:
    world = charged(crowd("aaaa"), a=0.2, b=0.9, d=0.5)
    assert [draw(LongestBattery(), world, size) for size in (1, 2, 3, 4)] == ["c", "cb", "cbd", "cbda"]


def test_equal_batteries_are_drawn() -> None:
    world = charged(crowd("aaaa"), a=0.2, b=0.9, c=0.9, d=0.1)
    assert {draw(LongestBattery(), world, 1, number) for number in range(30)} == {"b", "c"}


def staying(world: World, **stays: float) -> World:
    for client in world.clients:
        if client.name in stays:
            stay = stays[client.name]
            client.site.presence = SimpleNamespace(expected_stay=lambda now, stay=stay: stay - now)  # type: ignore[attr-defined]
    return world


def test_only_those_who_stay_for_long_enough_are_chosen() -> None:
    """Rounds of 10 s: a stays for exactly that, b for less, c for ever; with a margin of 2, a is out, too."""
    world = staying(crowd([10, 10, 10, 10]), a=10.0, b=9.9, c=float("inf"))
    assert {"".join(sorted(draw(Available(), world, 4, n))) for n in range(9)} == {"acd"}
    assert {"".join(sorted(draw(Available(margin=2.0), world, 4, n))) for n in range(9)} == {"cd"}


def test_the_first_round_of_a_client_may_take_longer() -> None:
    world = staying(crowd("aa"), a=10.0)
    world.forecast = lambda client: predicted(9.0, first=11.0)
    assert draw(Available(), world, 2) == "b"
    world.clients[0].round_index = 1
    assert sorted(draw(Available(), world, 2)) == ["a", "b"]


def test_where_nobody_stays_for_long_enough_it_is_who_gets_furthest() -> None:
    """a stays for half of its round, b for four fifths, c for a quarter."""
    world = staying(crowd([10, 5, 40]), a=5.0, b=4.0, c=10.0)
    assert {draw(Available(), world, 2, number) for number in range(9)} == {"b"}


def test_no_round_is_predicted_for_who_is_always_there() -> None:
    world = crowd("aaa")
    world.forecast = lambda client: pytest.fail("nobody needs to know")
    assert len(draw(Available(), world, 2)) == 2


def test_available_is_uniform_among_those_who_stay() -> None:
    world, draws = staying(crowd([10] * 5), b=1.0), 3000
    counts = Counter(name for number in range(draws) for name in draw(Available(), world, 2, number))
    assert counts.keys() == set("acde")
    assert all(abs(count - draws / 2) < 5 * (draws / 4) ** 0.5 for count in counts.values())


TIMES = {"a": predicted(8, down=1, up=2), "b": predicted(9, down=3, up=1), "c": predicted(12, down=1, up=5)}
"""Updates take 5, 5 and 6 s. In Algorithm 3: a ends at 1 + 5 + 2 = 8; then b at 3 + max(7, 5) + 1 = 11, while c would
at 1 + max(7, 6) + 5 = 13; then c at 3 + max(8, 6) + 5 = 16."""


@pytest.mark.parametrize(
    ("deadline", "chosen"), [(7.9, None), (8, "a"), (10.9, "a"), (11, "ab"), (15.9, "ab"), (16, "abc")]
)
def test_fedcs_adds_clients_until_the_deadline(deadline: float, chosen: str | None) -> None:
    world, policy = crowd("aaa"), FedCS.model_validate({"deadline": f"{deadline} s"})
    world.forecast = lambda client: TIMES[client.name]
    if chosen is None:
        with pytest.raises(UnfitError, match="a round of the fastest, a, takes 8 s"):
            draw(policy, world, 3)
    else:
        assert draw(policy, world, 3) == chosen
        assert draw(policy, world, 1) == chosen[0]


def test_fedcs_takes_its_candidates_at_random() -> None:
    world, policy = crowd("aaa"), FedCS.model_validate({"deadline": "100 s", "candidates": 1})
    world.forecast = lambda client: TIMES[client.name]
    assert {draw(policy, world, 3, number) for number in range(30)} == {"a", "b", "c"}


def test_fedcs_draws_others_where_no_candidate_is_fast_enough() -> None:
    world, policy = crowd("aaa"), FedCS.model_validate({"deadline": "8.5 s", "candidates": 1})
    world.forecast = lambda client: TIMES[client.name]
    assert {draw(policy, world, 3, number) for number in range(30)} == {"a"}


def test_fedcs_takes_the_fastest_where_all_that_are_fast_enough_are_away() -> None:
    world, policy = crowd("aaa"), FedCS.model_validate({"deadline": "8.5 s"})
    world.forecast = lambda client: TIMES[client.name]
    world.clients[0].site.leave()
    assert {draw(policy, world, 3, number) for number in range(30)} == {"b"}


def test_fedcs_counts_provisioning_as_download() -> None:
    """In its first round, d receives for 1 + 4 s and is done after 12; later it is done after 8."""
    world, policy = crowd("a"), FedCS.model_validate({"deadline": "9 s"})
    world.forecast = lambda client: predicted(8, down=1, up=2, first=12)
    with pytest.raises(UnfitError, match="takes 12 s"):
        draw(policy, world, 1)
    world.clients[0].round_index = 1
    assert draw(policy, world, 1) == "a"


def test_cohorts_do_not_depend_on_time_where_a_policy_does_not_say_so() -> None:
    """Every client is three times as slow, and the clock stands elsewhere."""
    for policy in POLICIES:
        cohorts: list[list[str]] = []
        for factor, start in ((1, 0.0), (3, 1e6)):
            world = tiny(start)
            for name in "abcdef":
                client: Client = device(world, name)
                client.data = range(4)
            world.forecast = lambda client, factor=factor: predicted(factor * ord(client.name))  # type: ignore[misc]
            cohorts.append([draw(policy, world, 2, number) for number in range(1, 6)])
        assert policy.depends_on_time or cohorts[0] == cohorts[1], policy.name


def test_a_world_without_a_forecast_says_so() -> None:
    world: Any = tiny()
    with pytest.raises(RuntimeError, match="what a round of a costs: this world has no forecast"):
        device(world).forecast()

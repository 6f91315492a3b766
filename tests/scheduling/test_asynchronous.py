"""Asynchronous drivers, by hand: each client of a toy algorithm adds its own number to the one number of the state."""

from __future__ import annotations

from typing import ClassVar

import pytest

from simulator.accounting.ledger import RoundRow
from simulator.algorithms.base import OwnOrder
from simulator.algorithms.splitfed import SplitFed
from simulator.scheduling.drivers.base import Driver
from simulator.scheduling.drivers.fedasync import FedAsync
from simulator.scheduling.drivers.fedbuff import FedBuff
from simulator.scheduling.drivers.semi_async import SemiAsync
from simulator.scheduling.staleness.constant import Constant
from simulator.scheduling.staleness.hinge import Hinge
from simulator.scheduling.staleness.polynomial import Polynomial
from simulator.settings.errors import UnfitError
from tests.helpers.adding import TOY, Adding, Training, crowd, drive


def mix(state: float, update: float, share: float) -> float:
    return (1 - share) * state + share * update


def test_fedasync_mixes_each_update_by_its_staleness_as_it_arrives() -> None:
    """a is done at 2, 4, 6, 8 s, b at 3, 6, 9 s, c at 7 s; each update is its base state plus its own number."""
    driver = FedAsync(mixing=0.5, staleness=Polynomial(exponent=1.0))
    world = crowd()
    seen = drive(driver, Adding(**TOY), world, rounds=6)
    w1 = mix(0, 0 + 1, 0.5)  # a at 2 s, from version 0
    w2 = mix(w1, 0 + 10, 0.5 / 2)  # b at 3 s, from version 0: one aggregation later
    w3 = mix(w2, w1 + 1, 0.5 / 2)  # a at 4 s, from version 1 (which b's was not in)
    w4 = mix(w3, w3 + 1, 0.5)  # a at 6 s: it began before b in this round, so it is first
    w5 = mix(w4, w2 + 10, 0.5 / 3)  # b at 6 s, from version 2
    w6 = mix(w5, 0 + 100, 0.5 / 6)  # c at 7 s, from version 0
    expected = {w4, mix(w3, w2 + 10, 0.5 / 2)}  # a and b are done at the same moment: either may be first
    assert [clock for clock, _ in seen] == [0, 2, 3, 4, 6, 6, 7]
    assert [value for _, value in seen[:4]] == pytest.approx([0, w1, w2, w3], rel=1e-12)
    assert any(seen[4][1] == pytest.approx(value, rel=1e-12) for value in expected)
    if seen[4][1] == pytest.approx(w4, rel=1e-12):
        assert [value for _, value in seen[5:]] == pytest.approx([w5, w6], rel=1e-12)


def test_fedbuff_aggregates_the_changes_of_a_full_buffer_by_their_staleness() -> None:
    """The buffer is full at 3 s (a, b), at 6 s (a at 4 s from version 0, then a at 6 s and b at 6 s)."""
    driver = FedBuff(buffer=2, concurrency=3, staleness=Polynomial(exponent=0.5))
    world = crowd()
    seen = drive(driver, Adding(**TOY), world, rounds=2)
    w1 = (1 + 10) / 2  # both from version 0
    assert seen[1] == (3, pytest.approx(w1, rel=1e-12))
    assert seen[2][0] == 6
    rows = [row for row in world.ledger.attempts if row.round == 2]
    adds = {"a": 1.0, "b": 10.0}
    moved = [w1 + adds[row.client] * (row.staleness + 1) ** -0.5 for row in rows]
    assert seen[2][1] == pytest.approx(sum(moved) / 2, rel=1e-12)
    assert sorted((row.client, row.start, row.seconds, row.base, row.staleness) for row in rows)[0] == ("a", 2, 2, 0, 1)


def test_semi_async_aggregates_at_the_ends_of_intervals_and_counts_the_empty_ones() -> None:
    """Only c takes part; it is done at 7, 14 and 21 s; intervals of 3 s end at 9, 15 and 21 s.

    It begins again at 7 and 14 s, before the aggregations at 9 and 15 s: from its second attempt on it is stale by one.
    """
    driver = SemiAsync(seconds="3 s", concurrency=1)
    world = crowd("c")
    seen = drive(driver, Adding(**TOY), world, rounds=3)
    stale = 100 * 2**-0.5
    assert seen == [(0, 0), (9, 100), (15, pytest.approx(100 + stale)), (21, pytest.approx(100 + 2 * stale))]
    assert list(world.ledger.rounds) == [RoundRow(1, 0, 9, 1, 2), RoundRow(2, 9, 6, 1, 1), RoundRow(3, 15, 6, 1, 1)]


def test_what_arrives_in_the_moment_in_which_an_interval_ends_counts() -> None:
    driver = SemiAsync(seconds="7 s", concurrency=1)
    assert drive(driver, Adding(**TOY), crowd("c"), rounds=1) == [(0, 0), (7, 100)]


def test_an_update_that_is_too_stale_is_lost_and_said_to_be() -> None:
    driver = FedBuff(buffer=1, concurrency=3, max_staleness=2)
    world = crowd()
    drive(driver, Adding(**TOY), world, rounds=7)
    (lost,) = [row for row in world.ledger.attempts if row.reason == "stale"]
    assert (lost.client, lost.start, lost.seconds, lost.round) == ("c", 0, 7, 0)
    assert lost.staleness == 5


def test_no_more_clients_train_at_the_same_time_than_the_concurrency() -> None:
    world = crowd("abcdef")
    toy = Adding(seconds=dict.fromkeys("abcdef", 2) | {"a": 5}, adds=dict.fromkeys("abcdef", 1.0))
    drive(FedBuff(buffer=2, concurrency=3), toy, world, rounds=9)
    spans = [(row.start, row.start + row.seconds) for row in world.ledger.attempts]
    for start, _ in spans:
        assert sum(begin <= start < end for begin, end in spans) <= 3


def test_each_attempt_of_a_client_has_a_number_of_its_own_that_rises() -> None:
    world = crowd()
    drive(FedBuff(buffer=2, concurrency=3), Adding(**TOY), world, rounds=6)
    for name in "abc":
        numbers = [
            row.attempt for row in sorted(world.ledger.attempts, key=lambda row: row.start) if row.client == name
        ]
        assert numbers == sorted(set(numbers))


def test_every_attempt_is_used_lost_or_unfinished_and_none_twice() -> None:
    world = crowd("abcdef")
    toy = Adding(seconds={name: 2 + index for index, name in enumerate("abcdef")}, adds=dict.fromkeys("abcdef", 1.0))
    drive(FedBuff(buffer=2, concurrency=4), toy, world, rounds=8)
    rows = list(world.ledger.attempts)
    assert len({(row.client, row.attempt) for row in rows}) == len(rows)
    assert all(bool(row.round) != bool(row.reason) for row in rows)
    assert sum(row.updates for row in world.ledger.rounds) == sum(bool(row.round) for row in rows) == world.updates


def test_engagements_add_up_to_the_time_of_the_attempts_and_belong_to_the_round_they_lie_in() -> None:
    world = crowd()
    drive(FedBuff(buffer=2, concurrency=3), Adding(**TOY), world, rounds=6)
    for name in "abc":
        engaged = sum(row.seconds for row in world.ledger.engagements if row.client == name)
        assert engaged == pytest.approx(sum(row.seconds for row in world.ledger.attempts if row.client == name))
    bounds = {row.round: (row.start, row.start + row.seconds) for row in world.ledger.rounds}
    for row in world.ledger.engagements:
        start, end = bounds.get(row.round, (world.now, world.now))
        assert start <= row.start
        assert row.start + row.seconds <= end or row.round not in bounds


def test_a_client_whose_device_leaves_is_replaced_and_its_attempt_is_lost() -> None:
    world = crowd("abc")
    toy = Adding(seconds={"a": 4, "b": 4, "c": 4}, adds={"a": 1.0, "b": 1.0, "c": 1.0})

    def leave(number: int) -> None:
        if not number:
            world.change(world.clients[0].site, "away", 3.0, lambda: world.clients[0].site.leave("away"))

    drive(FedBuff(buffer=1, concurrency=3), toy, world, rounds=4, between=leave)
    lost = [row for row in world.ledger.attempts if row.reason == "away"]
    assert [(row.client, row.start, row.seconds) for row in lost] == [("a", 0, 3)]


def test_an_outage_of_the_server_loses_what_it_had_received_and_goes_on_from_the_last_aggregation() -> None:
    """a and b are done at 2 and 3 s; the server is away from 2.5 to 5 s, so only what comes later is aggregated."""
    world = crowd()

    def outage(number: int) -> None:
        if not number:
            world.change(world.server, "outage", 2.5, begin)

    def begin() -> None:
        world.server.leave("outage")
        assert world.main is not None
        world.main.stop("outage")
        world.change(world.server, "outage", 5.0, lambda: world.server.come_back("outage"))

    seen = drive(FedBuff(buffer=2, concurrency=3), Adding(**TOY), world, rounds=1, between=outage)
    lost = [(row.client, row.start) for row in world.ledger.attempts if row.reason == "outage"]
    assert ("a", 0) in lost
    assert seen[1][0] >= 5


class InTurn(OwnOrder):
    """An algorithm that orders its rounds itself."""

    name: ClassVar[str] = "in_turn"


@pytest.mark.parametrize("driver", [FedBuff(), FedAsync(), SemiAsync(seconds="1 s")])
def test_an_algorithm_with_an_order_of_its_own_is_refused_by_name(driver: Driver) -> None:
    with pytest.raises(UnfitError, match=f"in_turn orders its rounds itself, so {driver.name} cannot run it"):
        driver.check(InTurn(), Training(), 10)  # type: ignore[arg-type]


def test_an_order_of_turns_within_a_cohort_is_refused_for_there_is_none() -> None:
    shared = SplitFed(version="v2", body="exclusive", order="random")
    with pytest.raises(UnfitError, match="splitfed needs to know its cohort for its order of turns"):
        FedBuff().check(shared, Training(), 10)  # type: ignore[arg-type]


def test_a_buffer_larger_than_the_concurrency_is_refused() -> None:
    with pytest.raises(UnfitError, match=r"only 3 clients train at the same time \(allowed: 1 to 3"):
        FedBuff(buffer=4, concurrency=3).check(Adding(**TOY), Training(), 10)  # type: ignore[arg-type]


def test_more_in_flight_than_devices_is_refused() -> None:
    with pytest.raises(UnfitError, match=r"the world has 3 devices.*allowed: 1 to 3"):
        FedAsync(concurrency=4).check(Adding(**TOY), Training(), 3)  # type: ignore[arg-type]


def test_the_weights_of_staleness_are_those_of_the_formulas() -> None:
    assert [Constant().weight(age) for age in (0, 9)] == [1, 1]
    assert [Polynomial(exponent=0.5).weight(age) for age in (0, 3, 8)] == pytest.approx([1, 1 / 2, 1 / 3])
    assert [Hinge(free=4, slope=10.0).weight(age) for age in (0, 4, 5, 7)] == pytest.approx([1, 1, 1 / 11, 1 / 31])

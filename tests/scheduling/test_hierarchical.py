"""The hierarchical driver, by hand; `test_hierarchical_learning` compares it with the same algorithms without tiers."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch

from simulator.accounting.ledger import RoundRow
from simulator.algorithms.base import Algorithm, Update
from simulator.scheduling.drivers.hierarchical import Hierarchical
from simulator.settings.errors import UnfitError
from simulator.transport.wire import Wire
from simulator.world.attendance import have_outages
from simulator.world.timetable import Timetable
from simulator.world.world import World
from tests.helpers.learners import training
from tests.helpers.tiers import drive, put_behind
from tests.helpers.worlds import Steps, after, device, job, tiny

INF = float("inf")


class Adding(Algorithm):
    """Client `a` adds 1 in 3 s, `b` adds 3 in 5 s, and `c`, which weighs twice as much, adds 10 in 4 s."""

    name: ClassVar[str] = "adding"

    def begin(self, world: World, task: Any) -> Any:
        return {"w": torch.tensor(0.0)}

    def client(self, world: World, task: Any, client: Any, state: Any) -> Steps:
        seconds, adds, weight = {"a": (3, 1, 1), "b": (5, 3, 1), "c": (4, 10, 2)}[client.name]
        yield from client.compute(job(seconds, name="train"))
        yield from client.server.compute(job(0, name="part of the server"))
        return Update({"w": state["w"] + adds}, weight)


def hall_and_lab(rate: float = INF) -> World:
    """`a` and `b` behind the hall, `c` behind the lab, whose links carry so many bytes/s; a state has 4 bytes."""
    world = tiny()
    world.wire = Wire("fp32")
    for name in "abc":
        device(world, name)
    put_behind(world, {"hall": [0, 1], "lab": [2]}, rate)
    return world


def test_edges_average_their_clients_and_the_server_averages_edges_by_their_weight() -> None:
    """The hall adds (1 + 3) / 2 twice, the lab 10 twice: (2 x 4 + 2 x 20) / 4."""
    assert drive(Hierarchical(edge_rounds=2), Adding(), hall_and_lab(), None, rounds=1)["w"] == 12


def test_a_round_lasts_as_the_slowest_edge_and_is_one_round_of_the_ledger() -> None:
    """The state goes down in 4 s and up in 4 s, at 1 B/s; the hall's clients take 5 s, twice."""
    world = hall_and_lab(rate=1)
    drive(Hierarchical(edge_rounds=2), Adding(), world, None, rounds=1)
    (row,) = world.ledger.rounds
    assert (row.start, row.seconds, row.updates) == (0, pytest.approx(18), 6)
    assert [(row.source, row.target, row.kind, row.phase, row.client, row.bytes) for row in world.ledger.transfers] == [
        ("server", "hall", "model", "model exchange", None, 4),
        ("server", "lab", "model", "model exchange", None, 4),
        ("lab", "server", "model", "model exchange", None, 4),
        ("hall", "server", "model", "model exchange", None, 4),
    ]
    assert {(row.client, row.seconds) for row in world.ledger.engagements} == {(name, row.seconds) for name in "abc"}


def test_each_round_at_an_edge_is_an_attempt() -> None:
    world = hall_and_lab()
    drive(Hierarchical(edge_rounds=2), Adding(), world, None, rounds=2)
    attempts = [(row.client, row.attempt, row.base, row.round, row.seconds) for row in world.ledger.attempts]
    assert sorted(attempts) == [
        *(("a", number, base, base + 1, 3) for number, base in ((1, 0), (2, 0), (3, 1), (4, 1))),
        *(("b", number, base, base + 1, 5) for number, base in ((1, 0), (2, 0), (3, 1), (4, 1))),
        *(("c", number, base, base + 1, 4) for number, base in ((1, 0), (2, 0), (3, 1), (4, 1))),
    ]
    assert world.updates == 12


def test_clients_do_with_their_edge_what_they_do_with_the_server_otherwise() -> None:
    world = hall_and_lab()
    seen = []
    drive(Hierarchical(), Adding(), world, None, 2, lambda number: seen.append({c.server for c in world.clients}))
    at = {row.client: row.site for row in world.ledger.works if row.work == "part of the server"}
    assert at == {"a": "hall", "b": "hall", "c": "lab"}
    assert seen == [{world.server}] * 3, "between rounds, as selection policies know it"


def test_clients_behind_no_edge_do_the_same_at_the_server() -> None:
    """The server averages 1 and 3 twice, beside the lab."""
    world = tiny()
    world.wire = Wire("fp32")
    for name in "abc":
        device(world, name)
    put_behind(world, {"lab": [2]})
    assert drive(Hierarchical(edge_rounds=2), Adding(), world, None, rounds=1)["w"] == 12
    assert {row.source for row in world.ledger.transfers} == {"server", "lab"}


def test_a_client_that_leaves_is_missing_at_its_edge_until_it_is_back() -> None:
    """`b` leaves at 2 s and is back at 4: the hall adds 1, then 1, then 2, as it starts anew at 3, 6 and at 9 s."""
    world = hall_and_lab()
    b = world.clients[1].site

    def leave(number: int) -> None:
        if number == 0:
            world.start(after(world, 2, b.leave))
            world.start(after(world, 4, b.come_back))

    state = drive(Hierarchical(edge_rounds=3), Adding(), world, None, 1, leave)
    rows = [(row.attempt, row.start, row.reason) for row in world.ledger.attempts if row.client == "b"]
    assert rows == [(1, 0, "left"), (3, 6, "")]
    assert state["w"] == pytest.approx((2 * (1 + 1 + 2) + 2 * 30) / 4)


@pytest.mark.parametrize("back", [9.0, 26.0])
def test_an_edge_whose_clients_are_all_away_waits_for_one_while_other_edges_go_on(back: float) -> None:
    """`c` is done at 4 s and leaves at 5; it has three more rounds if it is back before the hall is done at 25 s."""
    world = hall_and_lab()

    def leave(number: int) -> None:
        if number == 0:
            world.start(after(world, 5, world.clients[2].site.leave))
            world.start(after(world, back, world.clients[2].site.come_back))

    state = drive(Hierarchical(edge_rounds=5), Adding(), world, None, 1, leave)
    rows = [(row.attempt, row.start, row.seconds, row.reason) for row in world.ledger.attempts if row.client == "c"]
    more = [(number, 9 + 4 * (number - 3), 4, "") for number in (3, 4, 5)] if back == 9 else []
    assert rows == [(1, 0, 4, ""), (2, 4, 1, "left"), *more]
    assert state["w"] == pytest.approx((2 * 5 * 2 + 2 * 10 * (1 + len(more))) / 4)
    assert [row.seconds for row in world.ledger.rounds] == [25]


def test_edges_whose_clients_are_all_away_do_not_wait_for_each_other() -> None:
    """The round ends at 5 s, when the last client leaves."""
    world = hall_and_lab()

    def leave(number: int) -> None:
        for index, moment in enumerate((4, 5, 2)) if number == 0 else ():
            world.start(after(world, moment, world.clients[index].site.leave))

    drive(Hierarchical(edge_rounds=3), Adding(), world, None, 1, leave)
    assert list(world.ledger.rounds) == [RoundRow(1, 0, 5, 1)]


@pytest.mark.parametrize("edges", ["aggregate", "forward"])
def test_a_client_that_leaves_before_the_state_is_there_has_lost_an_attempt(edges: str) -> None:
    """The state of 4 bytes arrives at 4 s, at 1 B/s; `a` leaves at 2 s, and `b`, behind the same edge, stays."""
    world = hall_and_lab(rate=1)

    def leave(number: int) -> None:
        if number == 0:
            world.start(after(world, 2, world.clients[0].site.leave))
            world.start(after(world, 6, world.clients[0].site.come_back))

    drive(Hierarchical(edges=edges), Adding(), world, None, 2, leave)
    rows = [(row.attempt, row.base, row.start, row.seconds, row.round, row.reason) for row in world.ledger.attempts]
    assert (1, 0, 4, 0, 0, "left") in rows
    assert_each_of_a_cohort_has_an_attempt(world)


def test_an_outage_while_the_state_is_on_its_way_loses_the_attempts_of_all() -> None:
    """They have not begun by then."""
    world = hall_and_lab(rate=1)
    have_outages(world.server, Timetable([(0.0, 2.0), (3.0, INF)], stays_on=True), patience=60.0)
    drive(Hierarchical(), Adding(), world, None, 2)
    lost = [(row.client, row.start, row.reason) for row in world.ledger.attempts if row.base == 0]
    assert lost == [(name, 2, "outage") for name in "abc"]
    assert_each_of_a_cohort_has_an_attempt(world)


def assert_each_of_a_cohort_has_an_attempt(world: World) -> None:
    attempts = {(row.client, row.base + 1) for row in world.ledger.attempts}
    assert {(row.client, row.round) for row in world.ledger.engagements} == attempts


def test_an_edge_without_any_update_sends_nothing() -> None:
    world = hall_and_lab()

    def leave(number: int) -> None:
        if number == 0:
            world.start(after(world, 2, world.clients[2].site.leave))

    assert drive(Hierarchical(edge_rounds=2), Adding(), world, None, 1, leave)["w"] == 4
    assert [row.source for row in world.ledger.transfers] == ["server", "server", "hall"]
    assert [(row.round, row.reason) for row in world.ledger.attempts if row.client == "c"] == [(0, "left")]


@pytest.mark.parametrize("edges", ["aggregate", "forward"])
def test_an_outage_of_the_server_loses_the_round_at_the_edges_too(edges: str) -> None:
    """The second round begins at 5 s; the server is away from 7 s to 8 s, and `b` still works until 10 s."""
    world = hall_and_lab()
    have_outages(world.server, Timetable([(0.0, 7.0), (8.0, INF)], stays_on=True), patience=60.0)
    seen: list[tuple[int, float]] = []
    state = drive(Hierarchical(edges=edges), Adding(), world, None, 3, lambda number: seen.append((number, world.now)))
    assert [row.reason for row in world.ledger.attempts if row.base == 1] == ["outage"] * 3
    assert [row.updates for row in world.ledger.rounds] == [3, 0, 3]
    assert seen == [(0, 0), (1, 5), (2, 7), (3, 15)]
    assert state["w"] == 12


def test_a_forwarded_update_outlives_its_device() -> None:
    """`a` is done at 3 s; its 4 bytes are then on the way for 4 s, in which its device leaves."""
    world = hall_and_lab(rate=1)

    def leave(number: int) -> None:
        if number == 0:
            world.start(after(world, 8, world.clients[0].site.leave))

    drive(Hierarchical(edges="forward"), Adding(), world, None, 1, leave)
    assert [(row.client, row.reason) for row in world.ledger.attempts] == [("a", ""), ("b", ""), ("c", "")]


class Changing(Adding):
    """Its updates are changes, and ``aggregate`` adds their mean to the state."""

    name: ClassVar[str] = "changing"

    def client(self, world: World, task: Any, client: Any, state: Any) -> Steps:
        yield from client.compute(job(1, name="train"))
        return Update({"w": (10 - state["w"]) / 2}, 1)

    def aggregate(self, site: Any, task: Any, state: Any, updates: list[Update]) -> Steps:
        mean = yield from super().aggregate(site, task, state, updates)
        return {"w": state["w"] + mean["w"]}


class SayingHow(Changing):
    """The same, with edges that add the mean of changes to their states, so that edges send states."""

    name: ClassVar[str] = "saying how"

    def combine(self, site: Any, task: Any, state: Any, updates: list[Update]) -> Steps:
        mean = yield from super().combine(site, task, state, updates)
        return {"w": state["w"] + mean["w"]}

    def aggregate(self, site: Any, task: Any, state: Any, updates: list[Update]) -> Steps:
        return (yield from Algorithm.combine(self, site, task, state, updates))


class Mistaken(Adding):
    """What it combines is no state."""

    name: ClassVar[str] = "mistaken"

    def combine(self, site: Any, task: Any, state: Any, updates: list[Update]) -> Steps:
        mean = yield from super().combine(site, task, state, updates)
        return {"v": mean["w"]}


def test_edges_do_not_take_a_mean_of_changes_for_a_state() -> None:
    with pytest.raises(UnfitError, match="changing overrides aggregate but not combine"):
        Hierarchical().check(Changing(), training(), 3)
    Hierarchical(edges="forward").check(Changing(), training(), 3)


def test_an_algorithm_may_say_how_its_changes_are_combined() -> None:
    """Each round at an edge goes half of the way to 10: 5, 7.5, 8.75, 9.375."""
    Hierarchical().check(SayingHow(), training(), 3)
    state = drive(Hierarchical(edge_rounds=2), SayingHow(), hall_and_lab(), None, rounds=2)
    assert state["w"] == 9.375


def test_what_is_combined_must_be_a_state() -> None:
    with pytest.raises(UnfitError, match="what combine of mistaken returns is not a state: 'w'"):
        drive(Hierarchical(), Mistaken(), hall_and_lab(), None, rounds=1)


def test_edges_that_forward_have_one_round() -> None:
    with pytest.raises(ValueError, match="have nothing to start another round from"):
        Hierarchical(edge_rounds=2, edges="forward")


def test_the_ledger_has_a_round_for_each_aggregation_at_the_server() -> None:
    world = hall_and_lab()
    drive(Hierarchical(edge_rounds=2), Adding(), world, None, rounds=2)
    assert list(world.ledger.rounds) == [RoundRow(1, 0, 10, 6), RoundRow(2, 10, 10, 6)]

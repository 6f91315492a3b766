"""Turns: who holds what clients share, whatever they need to get there and whoever leaves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.algorithms.steps.turns import Turns
from simulator.world.clients import Client
from simulator.world.world import World
from tests.helpers.worlds import Steps, after, device, job, pause, tiny

FIXED = [0, 1, 2]


def reversed_every_other(clients: int) -> Any:
    """An order that goes back and forth: the cohort's in even steps, the reverse in odd ones."""
    return lambda step: list(range(clients))[:: -1 if step % 2 else 1]


class Round:
    """A round of clients that prepare each batch for a time of their own, then hold the server for a second.

    Attributes:
        world: the world.
        held: the (client, batch) of each turn, in the order in which turns began.
    """

    def __init__(self, prepares: Sequence[Sequence[float]], order: Any = lambda step: FIXED) -> None:
        self.world, self.held, self.prepares = tiny(), [], prepares
        self.clients = [device(self.world, name) for name in "abcdef"[: len(prepares)]]
        self.order, self.turns = order, None

    def client(self, client: Client) -> Steps:
        seconds = self.prepares[self.clients.index(client)]
        if self.turns is None:
            self.turns = Turns(self.world, self.clients, self.order)
        self.turns.expect(client, len(seconds))
        for batch, each in enumerate(seconds):
            yield from client.compute(job(each))
            with self.turns.turn(client) as turn:
                yield turn
                self.held.append((client.name, batch))
                yield from client.server.compute(job(1))

    def run(self, *beside: Steps, start: Sequence[int] | None = None) -> World:
        def driver() -> Steps:
            for steps in beside:
                self.world.start(steps)
            clients = [self.clients[index] for index in start or range(len(self.clients))]
            yield from self.world.together(*(self.world.start(self.client(client), client) for client in clients))

        self.world.run(driver())
        return self.world

    def expected(self) -> list[tuple[str, int]]:
        """By hand: step by step, those that still have a batch, in the order of the step."""
        steps = range(max((len(each) for each in self.prepares), default=0))
        return [
            (self.clients[index].name, step)
            for step in steps
            for index in self.order(step)
            if step < len(self.prepares[index])
        ]


times = st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(times)
def test_turns_are_in_the_order_of_each_step_whatever_the_times(prepares: list[list[int]]) -> None:
    case = Round(prepares, reversed_every_other(len(prepares)))
    case.run()
    assert case.held == case.expected()


@settings(max_examples=60, deadline=None)
@given(times, st.integers(0, 4), st.floats(0, 12))
def test_the_others_have_all_their_turns_when_a_device_leaves(
    prepares: list[list[int]], gone: int, moment: float
) -> None:
    """What is left of the order is that of the others; nobody holds the server while somebody else does."""
    case = Round(prepares, reversed_every_other(len(prepares)))
    leaver = case.clients[gone % len(prepares)]
    world = case.run(after(case.world, moment, leaver.site.leave))
    others = [turn for turn in case.held if turn[0] != leaver.name]
    assert others == [turn for turn in case.expected() if turn[0] != leaver.name]
    rows = sorted((row.start, row.start + row.seconds) for row in world.ledger.works if row.site == "server")
    assert all(before[1] <= after[0] for before, after in pairwise(rows))


def test_the_server_waits_for_the_client_whose_turn_it_is_by_hand() -> None:
    """The first needs five seconds for each batch, the second one: it is ready at 1, and has its turn at 6."""
    case = Round([[5, 5], [1, 1]], lambda step: [0, 1])
    world = case.run()
    assert [row.start for row in world.ledger.works if row.site == "server"] == [5, 6, 11, 12]
    assert world.now == 13


def test_whoever_has_no_batch_left_is_not_waited_for() -> None:
    """The first has one batch; when it has had its turn it computes for a hundred seconds more."""
    case = Round([[1], [1, 1]], lambda step: [0, 1])
    first = case.client(case.clients[0])

    def longer() -> Steps:
        yield from first
        yield from case.clients[0].compute(job(100))

    case.client = lambda client, plain=case.client: longer() if client is case.clients[0] else plain(client)  # type: ignore[method-assign, misc]
    world = case.run()
    assert [row.start for row in world.ledger.works if row.site == "server"] == [1, 2, 4]


def test_those_who_were_never_started_are_passed_over() -> None:
    case = Round([[1], [1], [1]])
    case.run(start=[2, 1])
    assert case.held == [("b", 0), ("c", 0)]


def test_a_turn_that_was_given_to_somebody_who_is_stopped_at_that_moment_is_passed_on() -> None:
    """At 5 the slow one has its turn, and it leaves then."""
    case = Round([[5, 5], [1, 1]], lambda step: [0, 1])
    case.run(after(case.world, 5, case.clients[0].site.leave))
    assert [turn for turn in case.held if turn[0] == "b"] == [("b", 0), ("b", 1)]


def test_a_client_from_outside_the_cohort_is_refused() -> None:
    world = tiny()
    one, other = device(world, "a"), device(world, "b")

    def driver() -> Steps:
        turns = Turns(world, [one], lambda step: [0])
        yield from pause(world, 1)
        turns.expect(other, 1)

    with pytest.raises(RuntimeError, match="<client b> is not in the cohort of round 0"):
        world.run(driver())


def test_more_turns_than_were_expected_are_refused() -> None:
    case = Round([[1]], lambda step: [0])

    def twice(client: Client) -> Steps:
        yield from Round.client(case, client)
        assert case.turns is not None
        with case.turns.turn(client):
            pass

    case.client = twice  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="<client a> has no turn left in round 0"):
        case.run()

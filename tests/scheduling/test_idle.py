"""The clients that are not at work: in the order of the scenario, however they come and go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulator.scheduling.drivers.idle import Idle


@pytest.mark.parametrize("seed", range(5))
def test_those_that_are_left_are_in_the_order_of_the_scenario(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clients: list[Any] = [f"phone-{number}" for number in range(30)]
    idle, at_work = Idle(clients), set[Any]()
    for _ in range(300):
        client = clients[rng.integers(len(clients))]
        if client in at_work:
            idle.add(client)
            at_work.remove(client)
        else:
            idle.remove(client)
            at_work.add(client)
        assert idle.clients() == [other for other in clients if other not in at_work]
        assert len(idle) == len(clients) - len(at_work)


@pytest.mark.parametrize("count", [0, 1, 40])
def test_many_that_begin_at_once_leave_the_others_in_order(count: int) -> None:
    clients: list[Any] = [f"phone-{number}" for number in range(100)]
    idle, going = Idle(clients), clients[3 : 3 + count]
    idle.remove(*reversed(going))
    assert idle.clients() == [client for client in clients if client not in going]
    for client in going:
        idle.add(client)
    assert idle.clients() == clients


def test_the_list_that_is_handed_out_is_the_callers_own() -> None:
    clients: list[Any] = ["a", "b"]
    idle = Idle(clients)
    idle.clients().clear()
    assert idle.clients() == ["a", "b"]

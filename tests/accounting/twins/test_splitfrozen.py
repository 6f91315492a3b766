"""The twins of SplitFrozen's pipeline against the simulator."""

from __future__ import annotations

import pytest

from simulator.accounting.twins.splitfrozen import Stage, in_turn, pipelined
from simulator.algorithms.splitfrozen import SplitFrozen
from tests.helpers.twins import IMAGE, LABEL, ROW, Toy


@pytest.mark.parametrize("pipeline", [True, False])
@pytest.mark.parametrize("room", [1, 3])
@pytest.mark.parametrize(("rate", "slowest"), [(2e9, "device"), (2e7, "server")])
def test_a_round(pipeline: bool, room: int, rate: float, slowest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices differ: some wait for their uplink, others compute; the server is the slowest stage, or is not."""
    monkeypatch.setattr("tests.helpers.twins.SERVER_RATE", rate)
    toy = Toy(SplitFrozen(pipeline=pipeline, room=room), 40)
    cut = toy.task.cut(1, 0)
    head, rest = toy.sizes(cut.head, 8, IMAGE), toy.sizes(cut.rest, 8)
    stages = [Stage(toy.on(at, head.forward), toy.up(at, (ROW + LABEL) * 8)) for at in range(4)]
    server = toy.served(4 * (rest.forward + rest.backward))
    assert (max(stage.slowest for stage in stages) < server.seconds) == (slowest == "server")
    toy.check((pipelined if pipeline else in_turn)(stages, server, 5))

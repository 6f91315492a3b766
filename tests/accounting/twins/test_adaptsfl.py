"""The staged latency against the simulator's SplitFed V2 with one batch for each device."""

from __future__ import annotations

from random import Random

import pytest

from simulator.accounting.twins.adaptsfl import Stages, served_in_turn, staged
from simulator.algorithms.splitfed import SplitFed
from tests.helpers.twins import IMAGE, LABEL, ROW, Toy


def stages(toy: Toy, size: int) -> list[Stages]:
    cut = toy.task.cut(1, 0)
    head, rest, model = toy.sizes(cut.head, size, IMAGE), toy.sizes(cut.rest, size), toy.trained(cut.head)
    return [
        Stages(
            toy.on(at, head.forward).seconds,
            toy.up(at, (ROW + LABEL) * size).seconds,
            toy.served(rest.forward + rest.backward).seconds,
            toy.down(at, ROW * size).seconds,
            toy.on(at, head.backward).seconds,
            toy.up(at, model).seconds,
            toy.down(at, model).seconds,
        )
        for at in range(toy.clients)
    ]


def test_equal_devices_take_as_long_as_the_staged_form() -> None:
    toy = Toy(SplitFed(version="v2", labels="sent"), 8, alike=True)
    assert toy.simulated()["seconds"] == pytest.approx(staged(stages(toy, 8)), rel=1e-9)


@pytest.mark.parametrize("rate", [2e9, 2e7, 2e6])
def test_devices_that_differ_are_served_as_they_arrive(rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.helpers.twins.SERVER_RATE", rate)
    toy = Toy(SplitFed(version="v2", labels="sent"), 8)
    found = toy.simulated()["seconds"]
    assert found == pytest.approx(served_in_turn(stages(toy, 8)), rel=1e-9)
    assert found < staged(stages(toy, 8)), "where devices differ, not all stages wait for all"


def test_the_staged_form_is_a_bound() -> None:
    random = Random(0)
    for _ in range(200):
        devices = [Stages(*(random.random() for _ in range(7))) for _ in range(random.randint(1, 5))]
        assert served_in_turn(devices) <= staged(devices) * (1 + 1e-12)
        alike = devices[:1] * len(devices)
        assert served_in_turn(alike) == pytest.approx(staged(alike), rel=1e-12)

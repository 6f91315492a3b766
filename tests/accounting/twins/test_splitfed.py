"""The twins of SplitFed and of split learning against the simulator."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.accounting.twins.base import Transfer, Work
from simulator.accounting.twins.splitfed import SplitBatch, SplitDevice, split_learning, version_1, version_2
from simulator.algorithms.split_learning import SplitLearning
from simulator.algorithms.splitfed import SplitFed
from tests.helpers.twins import IMAGE, LABEL, ROW, Toy, batches, u_shaped

SAMPLES = (10, 19, 7, 16)


def sent(toy: Toy, at: int, size: int) -> SplitBatch:
    """One batch of a device whose labels are sent: the server does all in one service."""
    cut = toy.task.cut(1, 0)
    head, rest = toy.sizes(cut.head, size, IMAGE), toy.sizes(cut.rest, size)
    return SplitBatch(
        head_forward=toy.on(at, head.forward),
        smashed=toy.up(at, (ROW + LABEL) * size),
        body_forward=toy.served(rest.forward + rest.backward),
        smashed_gradient=toy.down(at, ROW * size),
        head_backward=toy.on(at, head.backward),
    )


STEPS = {"private": u_shaped, "sent": sent}


def devices(toy: Toy, labels: str, samples: tuple[int, ...], epochs: int = 1) -> list[SplitDevice]:
    cut = toy.task.cut(1, 1)
    model = toy.trained(cut.head, cut.tail) if labels == "private" else toy.trained(cut.head)
    return [
        SplitDevice(
            toy.down(at, model),
            [(times, STEPS[labels](toy, at, size)) for times, size in batches(shard, epochs=epochs)],
            toy.up(at, model),
        )
        for at, shard in enumerate(samples)
    ]


@pytest.mark.parametrize("labels", ["private", "sent"])
def test_v1_with_a_slot_for_each(labels: Any) -> None:
    toy = Toy(SplitFed(labels=labels), SAMPLES, settings={"local_epochs": 2})
    toy.check(version_1(devices(toy, labels, SAMPLES, epochs=2)))


def test_v1_with_too_few_slots_takes_longer_than_its_twin() -> None:
    """The assumption is needed: with one slot, works wait."""
    toy = Toy(SplitFed(), 16, alike=True, slots=1)
    twin = version_1(devices(toy, "private", (16,) * 4))
    assert toy.simulated()["seconds"] > (1 + 1e-6) * twin.seconds


@pytest.mark.parametrize("rate", [2e9, 2e7])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_equal_devices_with_one_slot_take_turns(version: Any, rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a fast server nobody waits after the first batch, with a slow one the server is always busy."""
    monkeypatch.setattr("tests.helpers.twins.SERVER_RATE", rate)
    toy = Toy(SplitFed(version=version, labels="sent"), 32, alike=True, slots=1)
    device = devices(toy, "sent", (32,))[0]
    ((count, batch),) = device.batches
    assert count == 4
    assert (batch.turn * 4 > batch.seconds) == (rate == 2e7), "one of both cases"
    toy.check(version_2(device, 4))


@pytest.mark.parametrize("slots", [1, 4])
def test_an_exclusive_body_is_held_from_forward_to_step(slots: int) -> None:
    toy = Toy(SplitFed(version="v2", body="exclusive"), 24, alike=True, slots=slots)
    toy.check(version_2(devices(toy, "private", (24,))[0], 4))


def test_v2_asks_for_equal_batches() -> None:
    toy = Toy(SplitFed(version="v2", labels="sent"), 20, alike=True)
    with pytest.raises(ValueError, match="the batch size divides the shard"):
        version_2(devices(toy, "sent", (20,))[0], 4)


@pytest.mark.parametrize("labels", ["private", "sent"])
def test_split_learning_is_a_sum(labels: Any) -> None:
    toy = Toy(SplitLearning(labels=labels), SAMPLES, slots=1)
    toy.check(split_learning(devices(toy, labels, SAMPLES)))


def test_the_way_back_does_not_wait_for_the_servers_step() -> None:
    """A batch ends with the later of both: by hand."""
    batch = SplitBatch(
        Work(1), Transfer(0, 2), Work(3), body_step=Work(5), smashed_gradient=Transfer(0, 1), step=Work(2)
    )
    assert batch.seconds == 1 + 2 + 3 + 5
    assert batch._replace(step=Work(7)).seconds == 1 + 2 + 3 + 1 + 7

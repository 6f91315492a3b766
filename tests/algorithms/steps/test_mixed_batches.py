"""What the server has collected lies in its memory, from its arrival until it has been trained on, and not longer."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from simulator.algorithms.base import Algorithm
from simulator.algorithms.epsl import EPSL
from simulator.algorithms.sfpl import SFPL
from simulator.algorithms.splitfrozen import SplitFrozen
from simulator.algorithms.steps.staging import StagedBatches
from simulator.learning.settings import TrainingSettings
from simulator.world.memory import Memory
from simulator.world.sites import Site
from simulator.world.world import World
from tests.helpers.driving import drive as driven
from tests.helpers.learners import go, make, training

BATCH = 8 * (4 * 5 * 16 + 8)
"""Bytes of a batch of eight: five tokens of sixteen numbers, and a label."""
LORA = {"lora": {"rank": 2}}
ALGORITHMS = {
    "sfpl": SFPL(),
    "epsl": EPSL(),
    "whole": SplitFrozen(),
    "decomposed": SplitFrozen(backward="decomposed"),
    "in sequence": SplitFrozen(pipeline=False),
    "cached": SplitFrozen(cache=True),
    "roomy": SplitFrozen(room=5),
}


def settings(algorithm: Algorithm, **more: Any) -> TrainingSettings:
    adapters = LORA if isinstance(algorithm, SplitFrozen) else {}
    return training("lora" if adapters else "full", **{"clients_per_round": 16, **adapters, **more})


class Watched(Memory):
    """A memory that notes how much waits there, change after change."""

    def __init__(self, memory: Memory) -> None:
        for name in Memory.__slots__:
            setattr(self, name, getattr(memory, name))
        self.levels = [0]

    def wait(self, nbytes: int) -> None:
        self.levels.append(self.levels[-1] + nbytes)
        super().wait(nbytes)


def watched(site: Site) -> list[int]:
    """How much waits at a site, change after change."""
    site.memory = memory = Watched(site.memory)
    return memory.levels


def drive(algorithm: Algorithm, world: World, task: Any, beside: Callable[[], Iterator[Any]] | None = None) -> None:
    """One round with all clients, and something beside it."""
    driven(algorithm, world, task, beside=beside and beside())


class TestPile:
    def test_a_batch_lies_there_once_however_many_need_it(self) -> None:
        world, _ = make(SFPL(), settings(SFPL()), clients=1, dry=True)
        memory, batch = world.server.memory, (torch.empty(2, 3), torch.empty(2, dtype=torch.int64))
        found = []
        with StagedBatches(world.server) as pile:
            for change in (pile.add, pile.add, pile.remove, pile.remove):
                change(batch)
                found.append(memory.bytes)
        assert found == [40, 40, 40, 0]

    def test_what_is_left_goes_at_the_end_whatever_happened(self) -> None:
        world, _ = make(SFPL(), settings(SFPL()), clients=1, dry=True)

        def fails() -> None:
            with StagedBatches(world.server) as pile:
                pile.add((torch.empty(2, 3),))
                pile.add((torch.empty(2, 3),))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fails()
        assert world.server.memory.bytes == 0
        assert world.server.memory.peak_bytes == 48


@pytest.mark.parametrize(
    ("algorithm", "how"),
    [(SFPL(), {"train": "linear"}), (SFPL(), {"train": "lora", **LORA}), (SplitFrozen(), {"train": "lora", **LORA})],
)
def test_the_peak_grows_by_a_batch_with_each_client(algorithm: Algorithm, how: dict[str, Any]) -> None:
    """A batch of each, and one step at a time on as many rows as ever."""
    peaks = {}
    for clients in (2, 3, 4, 16):
        found = go(algorithm, training(rounds=1, clients_per_round=16, **how), clients=clients, samples=8, dry=True)
        peaks[clients] = found.world.server.memory.peak_bytes
        assert found.world.server.memory.fullest.doing == "train_step"
    assert [peaks[clients] - peaks[2] for clients in peaks] == [0, BATCH, 2 * BATCH, 14 * BATCH]


@pytest.mark.parametrize("name", ["sfpl", "epsl", "whole"])
@pytest.mark.parametrize("clients", [2, 5])
def test_all_that_was_collected_lies_there_while_it_is_trained_on(name: str, clients: int) -> None:
    algorithm = ALGORITHMS[name]
    world, task = make(algorithm, settings(algorithm), clients=clients, samples=16, dry=True, server=1e9)
    levels, seen = watched(world.server), []
    begin = world.server.memory.begin

    def look(client: Any, part: Any, peak_bytes: int, doing: str = "", round: int = 0) -> None:
        if doing in ("train_step", "loss_backward"):
            seen.append(levels[-1])
        begin(client, part, peak_bytes, doing, round)

    world.server.memory.begin = look  # type: ignore[method-assign]
    drive(algorithm, world, task)
    assert seen[-1] == clients * BATCH
    assert min(seen) >= clients * BATCH  # a pipeline has further ones there
    assert levels[-1] == 0


@pytest.mark.parametrize("name", ALGORITHMS)
def test_after_a_round_nothing_is_left(name: str) -> None:
    algorithm = ALGORITHMS[name]
    world, task = make(algorithm, settings(algorithm, local_epochs=2), samples=(10, 19, 7, 30), dry=True, server=1e7)
    sites = {site: watched(site) for site in world.sites}
    drive(algorithm, world, task)
    assert all((levels[-1], min(levels)) == (0, 0) for levels in sites.values())
    assert max(sites[world.server]) >= 4 * BATCH - 3 * 328  # one of each, one of them of seven rows


@pytest.mark.parametrize("name", ["whole", "cached"])
def test_what_the_server_holds_takes_no_room_twice(name: str) -> None:
    """All three batches lie there once: the server is slow, and has room for all of them."""
    algorithm = ALGORITHMS[name].model_copy(update={"room": 9})
    world, task = make(algorithm, settings(algorithm), clients=1, samples=24, dry=True, server=1e4)
    levels = watched(world.server)
    drive(algorithm, world, task)
    assert max(levels) == 3 * BATCH


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("moment", [0.0005, 0.02, 0.03, 0.05, 0.1, 0.15])
def test_a_device_that_leaves_leaves_nothing_behind(name: str, moment: float) -> None:
    """Neither in its own memory nor in the server's, whatever it is doing then."""
    algorithm = ALGORITHMS[name]
    world, task = make(algorithm, settings(algorithm), samples=40, dry=True, server=1e7)
    sites = {site: watched(site) for site in world.sites}
    gone = world.clients[1].site

    def leave() -> Iterator[Any]:
        yield world.env.timeout(moment)
        gone.leave()
        yield world.env.timeout(1e-9)
        assert sites[gone][-1] == 0

    drive(algorithm, world, task, leave)
    assert all((levels[-1], min(levels)) == (0, 0) for levels in sites.values())


def test_batches_that_wait_on_a_device_are_gone_with_it() -> None:
    algorithm = SplitFrozen(room=3)
    world, task = make(algorithm, settings(algorithm), clients=1, samples=160, dry=True, server=1e4)
    device = world.clients[0].site
    levels, before = watched(device), []

    def leave() -> Iterator[Any]:
        yield world.env.timeout(0.5)
        before.append(levels[-1])
        device.leave()

    drive(algorithm, world, task, leave)
    assert before == [4 * BATCH]  # three wait for the uplink, and one for room among them; what was sent is gone
    assert levels[-1] == device.memory.bytes == 0


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("moment", [0.02, 0.05, 0.1])
def test_a_run_that_is_stopped_leaves_nothing_behind(name: str, moment: float) -> None:
    algorithm = ALGORITHMS[name]
    world, task = make(algorithm, settings(algorithm), samples=40, dry=True, server=1e6)
    sites = {site: watched(site) for site in world.sites}

    def fail() -> Iterator[Any]:
        yield world.env.timeout(moment)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        drive(algorithm, world, task, fail)
    assert all(levels[-1] == 0 for levels in sites.values())

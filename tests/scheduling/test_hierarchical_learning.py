"""What is learned under the hierarchical driver, against the same algorithms without tiers; and which cannot run."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.scheduling.drivers.hierarchical import Hierarchical
from simulator.scheduling.drivers.synchronous import Synchronous
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import ALGORITHMS
from tests.helpers.grids import grid
from tests.helpers.learners import equal, largest_difference, make, training
from tests.helpers.tiers import drive, put_behind

LEARNERS: dict[str, dict[str, Any]] = {
    "fedavg": {},
    "fedprox": {"mu": 0.1},
    "splitfed": {"head": 1, "tail": 1},
    "sfprompt": {"head": 1, "tail": 1},
    "ditto": {},
    "pfedme": {"inner_steps": 1},
    "fedlora": {},
}
OPTIMIZERS: dict[str, dict[str, Any]] = {"fedadam": {}, "fedyogi": {}, "fedavgm": {}}
ALIKE = ("fedprox", "fedlora", "fedyogi")
"""They learn at edges as another one does."""
GROUPS = {"hall": [0, 2], "lab": [1]}


def learned(
    name: str, keys: dict[str, Any], driver: Any, groups: dict[str, list[int]], rounds: int = 2, **settings: Any
) -> Any:
    """Run an algorithm with three clients of unequal shards, and return its last state."""
    algorithm: Any = ALGORITHMS.find(name)(**keys)
    how = training(rounds=settings.pop("scheduled", rounds), **settings)
    world, task = make(algorithm, how, clients=3, samples=(10, 14, 6))
    if groups:
        put_behind(world, groups)
    return drive(driver, algorithm, world, task, rounds)


@pytest.mark.parametrize("name", grid(LEARNERS, often=lambda name: name not in ALIKE))
def test_one_edge_learns_in_its_rounds_what_a_server_learns_in_as_many(name: str) -> None:
    keys = LEARNERS[name]
    flat = learned(name, keys, Synchronous(), {}, rounds=4)
    assert equal(learned(name, keys, Hierarchical(edge_rounds=2), {"hall": [0, 1, 2]}, rounds=2), flat)


@pytest.mark.parametrize("name", grid(LEARNERS | OPTIMIZERS, often=lambda name: name not in ALIKE))
def test_edges_that_average_once_learn_what_a_server_learns(name: str) -> None:
    """A mean of means is the mean but for rounding, which an optimizer at the server may make larger."""
    keys = (LEARNERS | OPTIMIZERS)[name]
    flat, tiers = (
        learned(name, keys, driver, groups) for driver, groups in ((Synchronous(), {}), (Hierarchical(), GROUPS))
    )
    assert largest_difference(flat, tiers) < (1e-3 if name in ("fedadam", "fedyogi") else 1e-5)


@pytest.mark.parametrize("name", grid(LEARNERS | OPTIMIZERS, often=lambda name: name not in ALIKE))
def test_edges_that_forward_learn_the_same_to_the_digit(name: str) -> None:
    keys = (LEARNERS | OPTIMIZERS)[name]
    flat = learned(name, keys, Synchronous(), {})
    assert equal(learned(name, keys, Hierarchical(edges="forward"), GROUPS), flat)


def test_what_an_edge_held_for_clients_is_freed_after_each_of_its_rounds() -> None:
    peaks = []
    for edge_rounds in (1, 3):
        algorithm: Any = ALGORITHMS.find("splitfed")(head=1, tail=1)
        world, task = make(algorithm, training(), clients=3)
        hall = put_behind(world, {"hall": [0, 1, 2]})["hall"]
        drive(Hierarchical(edge_rounds=edge_rounds), algorithm, world, task, 1)
        peaks.append((hall.memory.peak_bytes, [client.site.memory.peak_bytes for client in world.clients]))
        assert hall.memory.bytes == 0
    assert peaks[0] == peaks[1]


@pytest.mark.parametrize(
    ("name", "keys", "why"),
    [
        ("splitfed", {"version": "v2"}, "all its clients train one body"),
        ("splitlora", {}, "all its clients train one body"),
        ("flexp_sfl", {}, "all its clients train one body"),
        ("flora", {}, "the stacks of all rounds that it missed"),
        ("local", {}, "nothing is aggregated"),
        *(
            (name, {}, "orders its rounds itself")
            for name in ("epsl", "sfpl", "split_learning", "splitfrozen", "centralized")
        ),
    ],
)
def test_an_algorithm_that_needs_one_server_is_refused(name: str, keys: dict[str, Any], why: str) -> None:
    algorithm: Any = ALGORITHMS.find(name)(**keys)
    with pytest.raises(UnfitError, match=why) as error:
        Hierarchical().check(algorithm, training(), 3)
    assert name in str(error.value)


@pytest.mark.parametrize("name", LEARNERS | OPTIMIZERS)
def test_the_others_are_not(name: str) -> None:
    Hierarchical().check(ALGORITHMS.find(name)(), training(), 3)  # type: ignore[arg-type]

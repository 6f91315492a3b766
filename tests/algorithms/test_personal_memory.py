"""What devices need that keep a model of their own, in multiples of a model's weights, and what they keep."""

from collections.abc import Iterator
from typing import Any

import pytest

from simulator.algorithms.base import Algorithm
from simulator.algorithms.ditto import Ditto
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.local import Local
from simulator.algorithms.pfedme import PFedMe
from simulator.algorithms.steps.personal import PersonalModel, has_trained
from simulator.world.store import Live
from tests.helpers.driving import drive as driven
from tests.helpers.learners import MODEL_BYTES as P
from tests.helpers.learners import equal, go, make, training

OPTIMIZERS: list[tuple[dict[str, Any], int]] = [
    ({"name": "sgd", "learning_rate": 0.1}, 2),
    ({"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}, 3),
    ({"name": "adamw"}, 4),
]
"""Optimizers, and what a model that they train takes: weights, gradients, and their state."""


def peak(algorithm: Algorithm, optimizer: dict[str, Any], rounds: int = 3, dry: bool = False) -> int:
    settings = training(rounds=rounds, clients_per_round=1, optimizer=optimizer)
    (client,) = go(algorithm, settings, clients=1, dry=dry).clients
    return client.site.memory.peak_bytes


@pytest.fixture(params=OPTIMIZERS, ids=lambda param: "-".join(map(str, param[0].values())))
def trained(request: pytest.FixtureRequest) -> tuple[dict[str, Any], int, int]:
    """An optimizer, the bytes of a model that it trains, and what the passes of a batch need beside."""
    optimizer, copies = request.param
    return optimizer, copies * P, peak(FedAvg(), optimizer) - copies * P


def test_training_alone_needs_what_fedavg_needs(trained: tuple[dict[str, Any], int, int]) -> None:
    optimizer, model, passes = trained
    assert passes > 0
    assert peak(Local(), optimizer) == peak(Local(), optimizer, dry=True) == model + passes


def test_ditto_trains_one_model_at_a_time(trained: tuple[dict[str, Any], int, int]) -> None:
    """Beside the one that is trained: what was received, and the other, which waits to be trained or to be sent."""
    optimizer, model, passes = trained
    assert peak(Ditto(), optimizer) == peak(Ditto(), optimizer, dry=True) == model + 2 * P + passes
    assert peak(Ditto(), optimizer, rounds=1) == peak(Ditto(), optimizer)


def test_pfedme_does_not_keep_the_model_of_the_round_before(trained: tuple[dict[str, Any], int, int]) -> None:
    """Beside theta: w, and either what the passes need, or the w that takes its place."""
    optimizer, model, passes = trained
    wanted = model + P + max(passes, P)
    assert peak(PFedMe(), optimizer) == peak(PFedMe(), optimizer, dry=True) == wanted


@pytest.mark.parametrize("algorithm", [Local(), Ditto(), PFedMe()])
def test_between_rounds_nothing_but_the_personal_model_is_there(algorithm: Algorithm) -> None:
    (client,) = go(algorithm, training(clients_per_round=1), clients=1).clients
    assert client.site.memory.bytes == P
    assert isinstance(client.store(PersonalModel).tensors, Live), "no optimizer lives on"


@pytest.mark.parametrize("algorithm", [Local(), Ditto(), PFedMe()])
def test_a_device_that_leaves_keeps_its_model_as_far_as_it_was_trained(algorithm: Algorithm) -> None:
    """And is looked at by what was trained of it alone: frozen weights are the server's. It comes back and goes on."""
    settings = training("bias", rounds=2, clients_per_round=1, wire_dtype="bf16")
    world, task = make(algorithm, settings, clients=1)
    (client,), seen = world.clients, []

    def leave() -> Iterator[Any]:
        steps = [row for row in world.ledger.works if row.site == client.name]
        while not steps or steps[-1].phase not in ("training", "personal training") or not has_trained(client):
            yield world.env.timeout(1e-4)
            steps = [row for row in world.ledger.works if row.site == client.name]
        client.site.leave()

    def after(number: int, state: Any) -> None:
        seen.append(dict(algorithm.model_for(world, task, state, client)))
        client.site.come_back()

    driven(algorithm, world, task, rounds=2, clients_per_round=1, beside=leave(), on_round=after)
    assert all(view.keys() == task.trainable().keys() for view in seen)
    assert not equal(seen[0], seen[1])
    assert not equal(seen[1], seen[2])
    assert client.site.memory.bytes == sum(4 * x.numel() for x in seen[2].values())

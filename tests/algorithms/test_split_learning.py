"""Sequential split learning against plain training on one client's data after the other's."""

from itertools import pairwise

import pytest
import torch
from torch.nn.functional import cross_entropy

from simulator.algorithms.split_learning import SplitLearning
from tests.helpers.learners import go, training
from tests.helpers.models import vit


@pytest.mark.parametrize("labels", ["private", "sent"])
def test_clients_in_turn_are_one_model_trained_on_all_in_that_order(labels: str) -> None:
    settings = training(rounds=1, clients_per_round=3)
    run = go(SplitLearning(labels=labels, head=1, tail=1), settings)  # type: ignore[arg-type]
    in_order = sorted(run.world.ledger.transfers, key=lambda row: row.start)
    order = list(dict.fromkeys(row.client for row in in_order))
    plain = vit()
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for name in order:
        client = next(client for client in run.clients if client.name == name)
        for batch in client.batches("train"):
            optimizer.zero_grad()
            cross_entropy(plain(batch.x.tensor()), batch.y).backward()
            optimizer.step()
    assert len(order) == 3
    for ours, theirs in (
        ("embed.proj.weight", plain.patch_embed.proj.weight),
        ("block1.mlp.fc1.weight", plain.blocks[1].mlp.fc1.weight),
        ("head.head.weight", plain.head.weight),
    ):
        torch.testing.assert_close(run.trained[ours], theirs.detach(), rtol=1e-4, atol=1e-5)


def test_a_device_that_trains_nothing_is_sent_no_model() -> None:
    run = go(SplitLearning(labels="sent"), training("linear"))
    assert {row.kind for row in run.world.ledger.transfers} == {"frozen weights", "smashed data and labels"}
    assert all(not torch.equal(run.trained[name], start) for name, start in run.task.trainable().items())


def test_only_one_client_is_at_work_at_any_time() -> None:
    run = go(SplitLearning(), training(rounds=1, clients_per_round=3))
    rows = sorted((row.start, row.start + row.seconds) for row in run.world.ledger.transfers)
    assert all(after[0] >= before[1] - 1e-12 for before, after in pairwise(rows))

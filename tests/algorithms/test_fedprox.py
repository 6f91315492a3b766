"""FedProx: the pull towards the start."""

import torch
from torch.nn.functional import cross_entropy

from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.fedprox import FedProx
from tests.helpers.learners import go, largest_difference, training
from tests.helpers.models import vit


def test_without_a_pull_it_is_fedavg() -> None:
    assert largest_difference(go(FedProx(mu=0.0)).trained, go(FedAvg()).trained) < 1e-6


def test_two_steps_by_hand() -> None:
    """Two batches of one client: the second gradient gains mu (w - w_global)."""
    settings = training(rounds=1, clients_per_round=1, batch_size=9)
    run = go(FedProx(mu=2.0), settings, clients=1, samples=18)
    plain, start = vit(), {name: tensor.detach().clone() for name, tensor in vit().named_parameters()}
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    client = run.clients[0]
    for batch in client.batches("train"):
        optimizer.zero_grad()
        pull = sum(((tensor - start[name]) ** 2).sum() for name, tensor in plain.named_parameters())
        (cross_entropy(plain(batch.x.tensor()), batch.y) + pull).backward()  # mu / 2 = 1
        optimizer.step()
    torch.testing.assert_close(run.trained["head.head.weight"], plain.head.weight.detach(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        run.trained["block1.mlp.fc2.weight"], plain.blocks[1].mlp.fc2.weight.detach(), rtol=1e-4, atol=1e-6
    )


def test_the_pull_is_paid_for() -> None:
    settings = training(rounds=1, clients_per_round=1, batch_size=18)
    prox, plain = (go(algorithm, settings, clients=1) for algorithm in (FedProx(), FedAvg()))
    touched = [sum(row.bytes_touched for row in run.works(site="phone-0")) for run in (prox, plain)]
    model_bytes = sum(tensor.numel() * 4 for tensor in prox.trained.values())
    assert touched[0] - touched[1] == 4 * model_bytes

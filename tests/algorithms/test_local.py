"""Local training: nothing is exchanged, each model goes on from where it was."""

import torch
from torch.nn.functional import cross_entropy

from simulator.algorithms.local import Local
from tests.helpers.learners import MODEL_BYTES, go, training
from tests.helpers.models import vit


def test_a_device_is_sent_the_model_once_and_sends_nothing() -> None:
    run = go(Local(), training(rounds=3, clients_per_round=2), clients=2)
    sent = sorted((row.target, row.bytes) for row in run.world.ledger.transfers)
    assert sent == [("phone-0", MODEL_BYTES), ("phone-1", MODEL_BYTES)]


def test_a_model_goes_on_from_round_to_round() -> None:
    run = go(Local(), training(rounds=2, clients_per_round=1, batch_size=18), clients=1)
    plain = vit()
    data = run.clients[0].data
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        cross_entropy(plain(data.inputs.rows(data.index)), data.labels).backward()
        optimizer.step()
    (mine,) = Local().evaluated_models(run.world, run.task, run.state, run.clients)
    torch.testing.assert_close(mine["head.head.weight"], plain.head.weight.detach(), rtol=1e-4, atol=1e-6)


def test_accuracy_is_the_mean_over_the_models_of_those_who_trained() -> None:
    run = go(Local(), training(rounds=1, clients_per_round=2), clients=3)
    views = Local().evaluated_models(run.world, run.task, run.state, run.clients)
    assert len(views) == 2
    each = [run.task.evaluate([view]) for view in views]
    both = run.task.evaluate(views)
    assert both is not None
    assert both.loss == sum(score.loss for score in each if score) / 2

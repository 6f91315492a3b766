"""pFedMe: envelopes by hand, and the limits in which it is something else."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import cross_entropy

from simulator.algorithms.base import UnfitError
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.pfedme import PFedMe
from simulator.algorithms.steps.personal import PersonalModel
from tests.helpers.learners import MODEL_BYTES, equal, go, largest_difference, make, training
from tests.helpers.models import vit


def test_two_rounds_by_hand() -> None:
    """Two clients, two batches each, three inner steps: a loop of plain torch with the proximal term in its loss."""
    steps, lam, eta, beta = 3, 4.0, 0.1, 0.5
    run = go(
        PFedMe(inner_steps=steps, lam=lam, eta=eta, beta=beta),
        training(rounds=2, clients_per_round=2, batch_size=9),
        clients=2,
        samples=18,
    )
    names = [name for name, _ in vit().named_parameters()]
    shared = [parameter.detach().clone() for parameter in vit().parameters()]
    own: dict[str, list[Tensor]] = {}
    for turn in (1, 2):
        updates = []
        for client in run.clients:
            client.round_index = turn
            model, local = vit(), [value.clone() for value in shared]
            with torch.no_grad():
                for parameter, value in zip(model.parameters(), shared, strict=True):
                    parameter.copy_(value)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            for batch in client.batches("train"):
                for _ in range(steps):
                    optimizer.zero_grad()
                    pull = sum(((p - a) ** 2).sum() for p, a in zip(model.parameters(), local, strict=True))
                    (cross_entropy(model(batch.x.tensor()), batch.y) + lam / 2 * pull).backward()
                    optimizer.step()
                theta = [parameter.detach().clone() for parameter in model.parameters()]
                local = [w - eta * lam * (w - t) for w, t in zip(local, theta, strict=True)]
            own[client.name] = theta
            updates.append(local)
        shared = [(1 - beta) * w + beta * (one + two) / 2 for w, one, two in zip(shared, *updates, strict=True)]
    places = {"head.head.weight": "head.weight", "block1.mlp.fc2.weight": "blocks.1.mlp.fc2.weight"}
    for ours, theirs in places.items():
        for client in run.clients:
            mine = dict(zip(names, own[client.name], strict=True))[theirs]
            torch.testing.assert_close(client.store(PersonalModel).tensors[ours], mine, rtol=1e-4, atol=1e-6)
        everybodys = dict(zip(names, shared, strict=True))[theirs]
        torch.testing.assert_close(run.trained[ours], everybodys, rtol=1e-4, atol=1e-6)


def test_where_w_goes_all_the_way_after_one_step_it_is_fedavg() -> None:
    """Theta is at w when each batch begins, so nothing pulls; shards are equal, and so are the weights of the mean."""
    every, plain = go(PFedMe(inner_steps=1, lam=4.0, eta=0.25)), go(FedAvg())
    assert largest_difference(every.trained, plain.trained) < 1e-6


def test_without_a_pull_the_global_model_stays_and_personal_ones_are_trained_alone() -> None:
    settings = training(rounds=2, clients_per_round=2, batch_size=18)
    run = go(PFedMe(inner_steps=1, lam=0.0), settings, clients=2)
    assert equal(run.trained, run.task.trainable())
    for client in run.clients:
        plain = vit()
        optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
        cross_entropy(plain(client.data.inputs.rows(client.data.index)), client.data.labels).backward()
        optimizer.step()
        mine = client.store(PersonalModel).tensors["head.head.weight"]
        torch.testing.assert_close(mine, plain.head.weight.detach(), rtol=1e-4, atol=1e-6)


def test_a_server_that_goes_half_the_way_goes_half_the_way() -> None:
    half, whole = (go(PFedMe(beta=beta), training(rounds=1)) for beta in (0.5, 1.0))
    start = half.task.trainable()
    expected = {name: (start[name] + whole.trained[name]) / 2 for name in start}
    assert largest_difference(half.trained, expected) < 1e-6


def test_a_server_may_go_beyond_the_mean() -> None:
    beyond, whole = (go(PFedMe(beta=beta), training(rounds=1)) for beta in (1.5, 1.0))
    start = beyond.task.trainable()
    expected = {name: start[name] + 1.5 * (whole.trained[name] - start[name]) for name in start}
    assert largest_difference(beyond.trained, expected) < 1e-6


def test_clients_count_the_same_whatever_they_have() -> None:
    algorithm = PFedMe()
    world, task = make(algorithm, training(), clients=2, samples=(4, 16))
    state = algorithm.begin(world, task)
    jobs = (algorithm.client(world, task, client, state) for client in world.clients)
    updates = world.run(
        world.together(*(world.start(job, client) for job, client in zip(jobs, world.clients, strict=True)))
    )
    assert [update.weight for update in updates] == [1, 1]


def test_inner_steps_are_paid_for_on_the_device() -> None:
    settings = training(rounds=1, clients_per_round=1, batch_size=18)
    pfedme, plain = (go(algorithm, settings, clients=1) for algorithm in (PFedMe(inner_steps=3), FedAvg()))
    used = [sum(row.flops for row in run.works(site="phone-0")) for run in (pfedme, plain)]
    assert used[0] == 3 * used[1]
    touched = [sum(row.bytes_touched for row in run.works(site="phone-0")) for run in (pfedme, plain)]
    assert touched[0] == 3 * (touched[1] + 4 * MODEL_BYTES) + 3 * MODEL_BYTES


@pytest.mark.parametrize(
    "setting", [{"lam": -1.0}, {"eta": -0.1}, {"beta": -0.5}, {"beta": 0.0}, {"beta": 2.5}, {"inner_steps": 0}]
)
def test_what_makes_no_sense_is_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        PFedMe.model_validate(setting)


def test_a_step_that_goes_too_far_is_refused_in_words() -> None:
    run = go(PFedMe(), training(rounds=1, clients_per_round=1), clients=1)
    PFedMe(lam=19.9, eta=0.1).check(run.task.model, run.task.training)
    with pytest.raises(UnfitError) as caught:
        PFedMe(lam=30.0, eta=0.1).check(run.task.model, run.task.training)
    assert (caught.value.key, caught.value.allowed) == ("eta", "0 to 0.0666667")

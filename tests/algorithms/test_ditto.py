"""Ditto: the global part is FedAvg's, the personal one stays between local training and the global model."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import cross_entropy

from simulator.algorithms.ditto import Ditto
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.local import Local
from simulator.algorithms.steps.personal import PersonalModel, has_trained
from tests.helpers.learners import MODEL_BYTES, Run, equal, go, largest_difference, training
from tests.helpers.models import vit

EVERYBODY = training(rounds=3, clients_per_round=2)


def personal(run: Run) -> list[dict[str, Tensor]]:
    return [client.store(PersonalModel).tensors for client in run.clients if has_trained(client)]


def test_the_global_model_is_fedavgs_to_the_bit_and_so_is_the_traffic() -> None:
    ditto, plain = go(Ditto(lam=1.0)), go(FedAvg())
    assert equal(ditto.trained, plain.trained)
    sent = [[row.bytes for row in run.transfers(target="server")] for run in (ditto, plain)]
    assert sent[0] == sent[1]


def test_without_a_pull_the_personal_model_is_local_trainings() -> None:
    ditto, alone = go(Ditto(lam=0.0), EVERYBODY, clients=2), go(Local(), EVERYBODY, clients=2)
    for one, other in zip(personal(ditto), alone.clients, strict=True):
        assert largest_difference(one, other.store(PersonalModel).tensors) < 1e-6


def test_the_stronger_the_pull_the_nearer_to_the_global_model() -> None:
    apart = []
    for lam in (0.0, 1.0, 8.0):
        run = go(Ditto(lam=lam), training(rounds=1, clients_per_round=1), clients=1, samples=40)
        start = {name: tensor.detach() for name, tensor in run.task.trainable().items()}
        apart.append(sum(float((personal(run)[0][name] - start[name]).square().sum()) for name in start))
    assert apart[0] > apart[1] > apart[2]


def test_two_rounds_by_hand() -> None:
    """Two clients, two batches each: a loop of plain torch with the proximal term in its loss."""
    lam, settings = 2.0, training(rounds=2, clients_per_round=2, batch_size=9)
    run = go(Ditto(lam=lam), settings, clients=2, samples=18)
    names = [name for name, _ in vit().named_parameters()]
    shared = [parameter.detach().clone() for parameter in vit().parameters()]
    own: dict[str, list[Tensor]] = {}

    def trained(client: object, start: list[Tensor], anchor: list[Tensor], strength: float) -> list[Tensor]:
        model = vit()
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), start, strict=True):
                parameter.copy_(value)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for batch in client.batches("train"):  # type: ignore[attr-defined]
            optimizer.zero_grad()
            pull = sum(((p - a) ** 2).sum() for p, a in zip(model.parameters(), anchor, strict=True))
            (cross_entropy(model(batch.x.tensor()), batch.y) + strength / 2 * pull).backward()
            optimizer.step()
        return [parameter.detach().clone() for parameter in model.parameters()]

    for turn in (1, 2):
        updates = []
        for client in run.clients:
            client.round_index = turn
            updates.append(trained(client, shared, shared, 0.0))
            own[client.name] = trained(client, own.get(client.name, shared), shared, lam)
        shared = [(one + two) / 2 for one, two in zip(*updates, strict=True)]
    for client in run.clients:
        mine = dict(zip(names, own[client.name], strict=True))
        found = client.store(PersonalModel).tensors
        torch.testing.assert_close(found["head.head.weight"], mine["head.weight"], rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(
            found["block1.mlp.fc2.weight"], mine["blocks.1.mlp.fc2.weight"], rtol=1e-4, atol=1e-6
        )
    torch.testing.assert_close(
        run.trained["head.head.weight"], dict(zip(names, shared, strict=True))["head.weight"], rtol=1e-4, atol=1e-6
    )


def test_a_client_that_was_never_chosen_uses_the_global_model() -> None:
    run = go(Ditto(), training(rounds=1, clients_per_round=1), clients=2)
    views = [Ditto().model_for(run.world, run.task, run.state, client) for client in run.clients]
    own = [has_trained(client) for client in run.clients]
    assert sorted(own) == [False, True]
    wanted = [run.state, run.clients[own.index(True)].store(PersonalModel).tensors]
    for view, model in zip([views[own.index(False)], views[own.index(True)]], wanted, strict=True):
        assert view.keys() == model.keys()
        assert all(view[name] is model[name] for name in model), "the same tensors, so that they are looked at once"


def test_the_personal_model_is_paid_for_on_the_device() -> None:
    """As many FLOPs again for each of its epochs, the pull besides in bytes, and one more model in memory for good."""
    settings = training(rounds=1, clients_per_round=1, batch_size=18)
    ditto, plain = (go(algorithm, settings, clients=1) for algorithm in (Ditto(personal_epochs=2), FedAvg()))
    used = [sum(row.flops for row in run.works(site="phone-0")) for run in (ditto, plain)]
    assert used[0] == 3 * used[1]
    touched = [sum(row.bytes_touched for row in run.works(site="phone-0")) for run in (ditto, plain)]
    assert touched[0] == 3 * touched[1] + 2 * 4 * MODEL_BYTES
    assert {row.phase for row in ditto.works(work="proximal_step")} == {"personal training"}
    seconds = sum(row.seconds for row in ditto.works(site="phone-0"))
    uploads = ditto.transfers(target="server")
    assert uploads[0].start > seconds
    assert ditto.clients[0].site.memory.bytes == plain.clients[0].site.memory.bytes + MODEL_BYTES


@pytest.mark.parametrize("setting", [{"lam": -0.1}, {"personal_epochs": 0}, {"personal_learning_rate": 0.0}])
def test_what_makes_no_sense_is_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Ditto.model_validate(setting)

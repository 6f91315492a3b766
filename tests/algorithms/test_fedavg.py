"""FedAvg against plain torch, against SplitFed, and its bytes by hand."""

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.splitfed import SplitFed
from tests.helpers.learners import MODEL_BYTES, SAMPLES, go, largest_difference, make, training
from tests.helpers.models import vit


def test_one_client_and_one_step_are_plain_sgd() -> None:
    settings = training(rounds=1, clients_per_round=1, batch_size=SAMPLES)
    run = go(FedAvg(), settings, clients=1)
    plain = vit()
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    data = run.clients[0].data
    cross_entropy(plain(data.inputs.rows(data.index)), data.labels).backward()
    optimizer.step()
    for ours, theirs in (
        ("embed.proj.weight", plain.patch_embed.proj.weight),
        ("block2.attn.qkv.weight", plain.blocks[2].attn.qkv.weight),
        ("head.norm.bias", plain.norm.bias),
        ("head.head.weight", plain.head.weight),
    ):
        torch.testing.assert_close(run.trained[ours], theirs.detach(), rtol=1e-5, atol=1e-6)
    assert largest_difference(run.trained, run.task.trainable()) > 1e-3


def test_the_average_weighs_clients_by_their_samples() -> None:
    """Two clients, one batch each: the average of one step each is one step of the weighted mean of the gradients."""
    settings = training(rounds=1, clients_per_round=2, batch_size=32)
    run = go(FedAvg(), settings, clients=2, samples=(6, 18))
    plain = vit()
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    losses = []
    for client in run.clients:
        data = client.data
        losses.append(cross_entropy(plain(data.inputs.rows(data.index)), data.labels) * len(data) / 24)
    sum(losses).backward()  # type: ignore[union-attr]
    optimizer.step()
    torch.testing.assert_close(run.trained["head.head.weight"], plain.head.weight.detach(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(
        run.trained["block0.mlp.fc1.weight"], plain.blocks[0].mlp.fc1.weight.detach(), rtol=1e-5, atol=1e-6
    )


SGD = {"name": "sgd", "learning_rate": 0.1}
MOMENTUM = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.01}
ADAMW = {"name": "adamw", "learning_rate": 0.003}


@pytest.mark.parametrize("labels", ["private", "sent"])
@pytest.mark.parametrize(
    ("train", "optimizer", "tolerance"),
    [
        pytest.param("full", SGD, 2e-6, marks=pytest.mark.slow),
        ("full", MOMENTUM, 5e-6),
        ("full", ADAMW, 1e-3),
        ("linear", MOMENTUM, 5e-6),
        pytest.param("bias", MOMENTUM, 5e-6, marks=pytest.mark.slow),
        ("prompt", MOMENTUM, 5e-6),
    ],
)
def test_sfl_v1_is_fedavg(train: str, labels: Any, optimizer: dict[str, Any], tolerance: float) -> None:
    """Cut or not, averaged in one piece or two: the same weights but for the order of sums (AdamW divides by them)."""
    settings = training(train, optimizer=optimizer, local_epochs=2)
    whole = go(FedAvg(), settings, samples=(12, 9, 8, 10))
    split = go(SplitFed(labels=labels), settings, samples=(12, 9, 8, 10))
    assert largest_difference(whole.trained, split.trained) < tolerance
    assert largest_difference(whole.trained, whole.task.trainable()) > 10 * tolerance


@pytest.mark.parametrize("train", ["full", "linear", "bias", "prompt"])
def test_bytes_by_hand(train: str) -> None:
    """2 |W| b_f K a round for what is trained; the frozen rest once for each device that was chosen."""
    run = go(FedAvg(), training(train))
    dim, classes, prompts = 16, 5, 4
    classifier = dim * classes + classes
    biases = dim + 3 * (dim + 3 * dim + dim + dim + 4 * dim + dim) + dim + classes  # patches, blocks, norm, classifier
    trained = {
        "full": MODEL_BYTES // 4,
        "linear": classifier,
        "bias": biases + dim * classes,
        "prompt": prompts * dim + classifier,
    }[train]
    up, down = run.transfers(target="server"), run.transfers(source="server", kind="model")
    assert [row.bytes for row in up + down] == [4 * trained] * 12  # two rounds of three
    installed = run.transfers(kind="frozen weights")
    chosen = {row.client for row in up}
    frozen = MODEL_BYTES - 4 * (trained - (prompts * dim if train == "prompt" else 0))
    assert [(row.bytes, row.phase) for row in installed] == [(frozen, "provisioning")] * (len(chosen) if frozen else 0)


def test_a_frozen_backbone_is_charged_forward_only() -> None:
    """Linear: forward through everything, and one product for the classifier's weights, whatever is remembered."""
    run = go(FedAvg(), training("linear"))
    forward = run.task.model.sizes(run.task.model.whole, (1, 3, 16, 16)).forward
    classifier = 2 * 16 * 5
    steps = run.works(work="train_step")
    assert sum(row.flops for row in steps) == 6 * SAMPLES * (forward + classifier)


def test_local_epochs() -> None:
    once, thrice = (go(FedAvg(), training(local_epochs=epochs)) for epochs in (1, 3))
    assert [len(run.works(work="train_step")) for run in (once, thrice)] == [6 * 2, 6 * 6]


def test_the_schedule_changes_the_rate_of_later_rounds() -> None:
    """A step schedule that has fallen to nothing: the second round changes next to nothing."""
    settings = training(schedule={"name": "step", "every": 1, "gamma": 1e-6})
    one = go(FedAvg(), training(rounds=1))
    two = go(FedAvg(), settings)
    assert 0 < largest_difference(one.trained, two.trained) < 1e-6


def test_optimizer_state_begins_anew_each_round() -> None:
    """Two rounds of one client with one step each: with momentum as without, for the first step has no past."""
    base = {"rounds": 2, "clients_per_round": 1, "batch_size": SAMPLES}
    plain = go(FedAvg(), training(**base, optimizer={**SGD}), clients=1)
    heavy = go(FedAvg(), training(**base, optimizer={**SGD, "momentum": 0.9}), clients=1)
    assert largest_difference(plain.trained, heavy.trained) == 0


def test_the_backbone_is_never_stepped() -> None:
    world, task = make(FedAvg(), training())
    before = {name: tensor.clone() for name, tensor in task.backbone.items()}
    run = go(FedAvg(), training())
    assert all(torch.equal(before[name], run.task.backbone[name]) for name in before)
    assert not world.ledger.works

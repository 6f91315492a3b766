"""Frozen weights are sent once, counted apart, and computed with as they arrived."""

from typing import Any

import pytest
import torch

from simulator.algorithms.base import Algorithm
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.sfprompt import SFPrompt
from simulator.algorithms.splitfed import SplitFed
from simulator.learning.models.parts import Part
from tests.helpers.learners import equal, go, training

CASES: dict[str, tuple[Algorithm, str]] = {
    "fl linear": (FedAvg(), "linear"),
    "fl prompt": (FedAvg(), "prompt"),
    "sfl linear": (SplitFed(), "linear"),
    "sfl linear, labels sent": (SplitFed(labels="sent"), "linear"),
    "sfprompt": (SFPrompt(), "full"),
}


@pytest.mark.parametrize("case", CASES)
def test_once_for_each_device_that_is_chosen(case: str) -> None:
    algorithm, train = CASES[case]
    run = go(algorithm, training(train, rounds=3, clients_per_round=2))
    sent = run.transfers(phase="provisioning")
    assert sorted(row.target for row in sent) == sorted({row.client for row in run.world.ledger.engagements})
    assert len(sent) < len(run.world.ledger.engagements), "a device must have been chosen twice"
    assert len({row.bytes for row in sent}) == 1
    assert sent[0].bytes > 0


@pytest.mark.parametrize("case", CASES)
def test_preinstalled_sends_nothing_and_learns_the_same(case: str) -> None:
    algorithm, train = CASES[case]
    sent, there = (go(algorithm, training(train), provisioning=how) for how in ("first_use", "preinstalled"))
    assert not there.transfers(phase="provisioning")
    assert there.world.now < sent.world.now
    assert equal(sent.trained, there.trained)
    rest = [row for row in sent.world.ledger.transfers if row.phase != "provisioning"]
    assert sorted((row.kind, row.bytes) for row in rest) == sorted(
        (row.kind, row.bytes) for row in there.world.ledger.transfers
    )


def test_full_training_installs_nothing() -> None:
    for algorithm in (FedAvg(), SplitFed()):
        assert not go(algorithm).transfers(phase="provisioning")


@pytest.mark.parametrize("case", CASES)
def test_devices_compute_with_the_rounded_weights_and_the_server_with_its_own(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    algorithm, train = CASES[case]
    seen: dict[str, list[tuple[str, torch.Tensor]]] = {"device": [], "server": []}
    call = Part.__call__

    def watched(part: Part, x: Any, tensors: Any = None) -> Any:
        (first, _), (_, last) = part.ranges[0], part.ranges[-1]
        whole = last == len(part.model) and "sent" not in case  # the tail, or what ends in it
        seen["device" if first == 0 or whole else "server"] += [(name, part.weights[name]) for name in part.frozen]
        return call(part, x, tensors)

    monkeypatch.setattr(Part, "__call__", watched)
    run = go(algorithm, training(train, wire_dtype="fp16"))
    start = run.task.backbone
    assert seen["device"]
    assert all(torch.equal(tensor, start[name].half().float()) for name, tensor in seen["device"])
    assert not all(torch.equal(tensor, start[name]) for name, tensor in seen["device"])
    assert bool(seen["server"]) == (not isinstance(algorithm, FedAvg))
    assert all(torch.equal(tensor, start[name]) for name, tensor in seen["server"])


@pytest.mark.parametrize("case", CASES)
def test_the_servers_backbone_is_never_changed(case: str) -> None:
    algorithm, train = CASES[case]
    run = go(algorithm, training(train, wire_dtype="fp16"))
    fresh = go(algorithm, training(train, rounds=1, clients_per_round=1))
    assert equal(dict(run.task.backbone), dict(fresh.task.backbone))


def test_half_the_bytes_on_a_smaller_wire() -> None:
    sizes = []
    for dtype in ("fp32", "fp16"):
        run = go(FedAvg(), training("linear", wire_dtype=dtype))
        sizes.append([row.bytes for row in run.transfers(phase="provisioning")])
    assert sizes[0] == [2 * size for size in sizes[1]]

"""What works are made of: the same stages under the same names, however a model is cut, and nothing left over."""

import subprocess
import sys
from collections import Counter

import pytest
import torch

from simulator.accounting.costs import Cost
from simulator.learning.costs.flops import stage_cost
from simulator.learning.costs.keys import stage_key
from simulator.learning.models.parts import Part
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.adamw import AdamW
from simulator.learning.optimizers.base import Optimizer
from simulator.learning.optimizers.sgd import Sgd
from tests.helpers.caches import forget
from tests.helpers.models import CLASSES, chain, pictures, staged, vit, weights_of

BATCH = 6


def left(cost: Cost) -> tuple[int, int]:
    """FLOPs and bytes of a cost that are no piece's."""
    flops, touched = (sum(values) for values in zip(*((p.flops, p.bytes_touched) for p in cost.made_of), strict=True))
    return cost.flops - flops, cost.bytes_touched - touched


def names(*costs: Cost) -> Counter[str]:
    return Counter(piece.what for cost in costs for piece in cost.made_of)


def ways(found: Counter[str]) -> Counter[str]:
    """The same without what makes one stage differ from another of its kind."""
    return Counter(" ".join(name.split()[::2]) for name in found.elements())


def whole(train: str = "full", prompts: int = 0, optimizer: Optimizer | None = None) -> Part:
    model, tensors = staged(vit(), train, prompts)
    return Part(model, Weights(tensors, optimizer or Sgd(), 0.1), model.whole)


@pytest.mark.parametrize("train", ["full", "linear", "bias", "prompt"])
def test_pieces_are_all_of_a_cost(train: str) -> None:
    part = whole(train, prompts=2 if train == "prompt" else 0)
    x, y = pictures(BATCH)
    for work in (part.infer, part.forward, part.loss_backward, part.train_step):
        cost = work.cost(x, y)
        assert left(cost) == (0, 0), work
        assert all(piece.samples == BATCH or piece.what.endswith(" sgd") for piece in cost.made_of)


def test_there_and_back_through_every_stage_and_a_step() -> None:
    found = names(whole().train_step.cost(*pictures(BATCH)))
    stages = Counter({"Embed": 1, "Block": 3, "Head": 1})
    assert ways(found) == {f"{kind} {way}": n for kind, n in stages.items() for way in ("forward", "backward", "sgd")}
    assert len(found) == 9  # blocks are alike


def test_frozen_stages_are_only_gone_through() -> None:
    found = names(whole("linear").train_step.cost(*pictures(BATCH)))
    assert ways(found) == {
        **{"Embed infer": 1, "Block infer": 3, "Head forward": 1},
        **{"Head backward": 1, "Head sgd": 1},
    }


@pytest.mark.parametrize("train", ["full", "linear", "bias", "prompt"])
def test_the_parts_of_a_cut_are_made_of_what_the_whole_is_made_of(train: str) -> None:
    x, y = pictures(BATCH)
    part = whole(train, prompts=1 if train == "prompt" else 0)
    model, weights = part.model, part.weights
    costs: list[Cost] = []
    for one in chain(model, weights, (2, len(model) - 1)):
        passed = one.forward(x)
        costs.append(one.forward.cost(x))
        if one.learns:
            costs.append(passed.backward.cost(passed.output))
        if one.trainable:
            costs.append(weights.step.cost(passed))
        x = passed.output
    assert names(*costs) == names(part.train_step.cost(*pictures(BATCH)))
    assert y.shape == (BATCH,)


def test_a_step_of_several_passes_steps_each_stage_once() -> None:
    part = whole()
    head, tail = chain(part.model, part.weights, (2,))
    x, y = pictures(BATCH)
    sent = head.forward(x)
    graded = tail.loss_backward(sent.output, y)
    steps = part.weights.step.cost
    assert names(steps(sent, graded)) == names(steps(part.loss_backward(x, y))) == names(steps(sent, graded, sent))
    assert left(steps(sent, graded, sent)) == (0, 0)


@pytest.mark.parametrize("train", ["linear", "bias"])
def test_the_way_forward_alone_has_one_name_whatever_is_trained(train: str) -> None:
    x, _ = pictures(BATCH)
    assert names(whole(train).infer.cost(x)) == names(whole("full").infer.cost(x))


@pytest.mark.parametrize(("one", "other"), [("full", "linear"), ("full", "bias"), ("linear", "bias")])
def test_what_is_trained_is_in_the_name_of_the_way_back(one: str, other: str) -> None:
    ours, theirs = (
        {name for name in names(whole(train).loss_backward.cost(*pictures(BATCH))) if name.endswith(" backward")}
        for train in (one, other)
    )
    assert ours
    assert theirs
    assert not ours & theirs


def test_the_name_of_a_step_is_of_its_rule_and_not_of_its_rate() -> None:
    def stepped(optimizer: Optimizer) -> set[str]:
        part = whole(optimizer=optimizer)
        return set(names(part.weights.step.cost(part.loss_backward(*pictures(2)))))

    assert stepped(Sgd(learning_rate=0.1)) == stepped(Sgd(learning_rate=0.5))
    different = [stepped(rule) for rule in (Sgd(), Sgd(momentum=0.9), AdamW())]
    assert not different[0] & different[1]
    assert not different[1] & different[2]


def test_the_sizes_of_a_batch_are_in_no_name() -> None:
    part = whole()
    assert names(part.train_step.cost(*pictures(2))) == names(part.train_step.cost(*pictures(7)))


def test_a_name_does_not_depend_on_who_asks_first() -> None:
    """A shape may come as a tuple or as torch.Size, which are equal but written differently."""
    model, _ = staged(vit())
    stage = model.stages["block0"]
    first = stage_cost(stage, stage_key(stage), torch.Size((5, 16)), grad=True).label
    assert names(whole().loss_backward.cost(*pictures(2)))[f"{first} forward"] == 3


NAMES = """
import torch
from torch import nn
from simulator.learning.models.parts import Part
from simulator.learning.models.staged import Staged
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.sgd import Sgd
stages = {"block0": nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 4)), "head": nn.Linear(4, 2)}
weights = Weights(dict(nn.ModuleDict(stages).state_dict()), Sgd(), 0.1)
model = Staged(stages, lambda name: name.startswith("head"))
names = sorted({piece.what for piece in Part(model, weights, model.whole).train_step.cost(torch.empty(2, 4)).made_of})
"""
"""Of a model that is made without timm, which takes long to be imported again."""


def test_names_are_the_same_in_another_process() -> None:
    here: dict[str, list[str]] = {}
    exec(NAMES, here)
    there = subprocess.run([sys.executable, "-c", f"{NAMES}print(names)"], capture_output=True, text=True, check=True)
    assert len(here["names"]) > 2
    assert there.stdout.strip() == str(here["names"])


def test_names_are_the_same_however_torch_writes_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """From some version on torch writes "bias=True" in a LayerNorm, and a table measured before was not found."""
    found = names(whole().train_step.cost(*pictures(2)))
    forget()
    monkeypatch.setattr(torch.nn.LayerNorm, "extra_repr", lambda norm: f"{norm.normalized_shape}")
    assert "(norm1): LayerNorm((16,))" in repr(staged(vit())[0].stages["block0"])
    assert names(whole().train_step.cost(*pictures(2))) == found


def test_another_number_of_classes_is_another_head_and_nothing_else() -> None:
    other, tensors = staged(vit(num_classes=CLASSES + 1))
    x, _ = pictures(2)
    ours, theirs = (
        set(names(part.loss_backward.cost(x))) for part in (whole(), Part(other, weights_of(tensors), other.whole))
    )
    assert {name.split()[0] for name in ours ^ theirs} == {"Head"}

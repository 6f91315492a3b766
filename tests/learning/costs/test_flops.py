"""FLOPs are torch's own count, exactly."""

import copy
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from simulator.learning.costs import flop_trace
from simulator.learning.costs.flops import stage_cost
from simulator.learning.costs.keys import stage_key
from simulator.learning.models.parts import Part
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import TRAINED, stages_of
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.sgd import Sgd
from tests.helpers.caches import forget
from tests.helpers.grids import grid
from tests.helpers.models import chain, pictures, staged, vit, weights_of
from tests.helpers.passes import CUTS, compare, counted

TRAININGS: dict[str, Callable[[str], bool]] = {**TRAINED, "position": lambda name: name == "embed.pos_embed"}
SAMPLES = 3


@pytest.mark.parametrize(
    ("train", "cuts"), grid(TRAININGS, CUTS, often=lambda train, cuts: train == "full" or cuts == CUTS[-1])
)
def test_forward_and_backward_of_every_part(train: str, cuts: tuple[int, ...]) -> None:
    prompts = 2 if train == "prompt" else 0
    stages = stages_of(vit(), prompts)
    tensors = {name: torch.randn(p.shape) for name, p in nn.ModuleDict(stages).named_parameters()}
    parts = chain(Staged(stages, TRAININGS[train]), weights_of(tensors), cuts)
    found = compare(parts, pictures(SAMPLES)[0])
    assert [ours for ours, _ in found] == [theirs for _, theirs in found]
    assert len(found) > len(parts)
    assert sum(theirs for _, theirs in found) > 0


@pytest.mark.parametrize(
    "settings",
    [
        {"global_pool": "map"},
        {"global_pool": "avg", "reg_tokens": 2},
        {"init_values": 0.1, "qk_norm": True, "pre_norm": True},
    ],
    ids=["attention pooling", "registers", "norms"],
)
def test_other_kinds_of_vit(settings: dict[str, Any]) -> None:
    model, tensors = staged(vit(**settings))
    for ours, theirs in compare(chain(model, weights_of(tensors), (2, 3)), pictures(SAMPLES)[0]):
        assert ours == theirs


class Residual(nn.Module):
    """Two convolutions and a batch norm."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(out)
        self.short = nn.Conv2d(channels, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(x)) + self.short(x))


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.mean(dim=(2, 3)))


@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_convolutions_with_batch_norm(frozen: int) -> None:
    stages = OrderedDict(block0=Residual(3, 6, 1), block1=Residual(6, 8, 2), head=Pooled())
    plain = nn.Sequential(copy.deepcopy(stages))
    x, y = pictures(4)
    for name, parameter in plain.named_parameters():
        parameter.requires_grad_(name.split(".")[0] not in list(stages)[:frozen])
    theirs, _ = counted(lambda: cross_entropy(plain(x), y).backward())
    model = Staged(stages, lambda name: name.split(".")[0] not in list(stages)[:frozen])
    whole = Part(model, Weights(dict(plain.state_dict()), Sgd()), model.whole)
    assert whole.loss_backward.cost(x, y).flops == theirs


@pytest.fixture(scope="module")
def vit_large() -> Staged:
    with torch.device("meta"):
        model = timm.create_model("vit_large_patch16_224", num_classes=10)
    return Staged(stages_of(model), TRAINED["full"])


def test_a_block_of_vit_large(vit_large: Staged) -> None:
    """12 D^2 multiply-adds a token in the four linear maps, and 2 T D in attention; T = 197, D = 1024."""
    tokens, dim, batch = 197, 1024, 32
    sizes = vit_large.sizes(((1, 2),), (batch, tokens, dim))
    assert sizes.forward == 2 * batch * tokens * (12 * dim**2 + 2 * tokens * dim)
    assert round(sizes.forward / 1e9, 3) == 163.732


def test_vit_large_forward_is_what_others_count(vit_large: Staged) -> None:
    """61.55 GMAC at 1,000 classes (public tables count the encoder and the patches); ours has 10."""
    sizes = vit_large.sizes(vit_large.whole, (1, 3, 224, 224))
    assert sizes.forward / 2e9 == pytest.approx(61.55, rel=1e-3)


def test_full_training_is_three_forwards_but_for_the_first_product() -> None:
    """Nobody wants the gradient of the images: the patches' convolution is the one product with two, not three."""
    model, _ = staged(vit())
    sizes = model.sizes(model.whole, (SAMPLES, 3, 16, 16))
    patches = 2 * SAMPLES * 4 * (3 * 8 * 8) * 16
    assert sizes.forward + sizes.backward == 3 * sizes.forward - patches


def test_the_chain_is_what_must_come_in_order() -> None:
    """Of a block with everything trained: weight gradients of the linear maps can wait, the rest is a chain."""
    model, _ = staged(vit())
    cost = model.stage_costs(((1, 2),), (5, 16))[0]
    linear = 2 * 5 * 12 * 16**2
    assert cost.forward == linear + 2 * 5 * 2 * 5 * 16
    assert cost.weights == linear
    assert cost.chain == linear + 2 * (cost.forward - linear)


def test_stages_that_differ_only_in_what_is_trained_have_different_keys_and_costs() -> None:
    costs = {}
    for train in ("full", "bias", "linear"):
        model, _ = staged(vit(), train)
        stage = model.stages["block1"]
        costs[train] = stage_cost(stage, stage_key(stage), (5, 16), grad=train != "linear")
    assert costs["full"].weights > costs["bias"].weights == costs["linear"].weights == 0
    assert costs["full"].chain == costs["bias"].chain > costs["linear"].chain == 0


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"num_heads": 2}, {"num_heads": 4}),
        ({"global_pool": "map"}, {"global_pool": "map", "pool_include_prefix": True}),
        ({"global_pool": "avg", "fc_norm": False}, {"global_pool": "max", "fc_norm": False}),
    ],
    ids=["heads", "what is pooled", "how it is pooled"],
)
def test_stages_whose_parameters_are_alike_but_whose_structure_differs_have_different_keys(
    one: dict[str, Any], two: dict[str, Any]
) -> None:
    keys = [[stage_key(stage) for stage in staged(vit(**settings))[0].stages.values()] for settings in (one, two)]
    assert keys[0] != keys[1]


def test_equal_stages_are_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    traced: list[nn.Module] = []
    analysis = flop_trace.FlopCountAnalysis
    monkeypatch.setattr(flop_trace, "FlopCountAnalysis", lambda stage, x: traced.append(stage) or analysis(stage, x))
    model, _ = staged(vit(depth=6))
    model.sizes(model.whole, (2, 3, 16, 16))
    assert len(traced) == 3  # the embedding, one of six blocks, the head
    model.sizes(model.whole, (7, 3, 16, 16))
    assert len(traced) == 3


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_costs_asked_for_first_without_gradients_are_the_same(mode: Any) -> None:
    model, _ = staged(vit(), "bias")

    def asked() -> list[Any]:
        forget()
        model._sizes.clear()
        return [model.sizes(model.whole, (2, 3, 16, 16)), model.sizes(((2, 4),), (2, 5, 16))]

    plain = asked()
    with mode():
        assert asked() == plain
    assert plain[0].kept > 0


def test_a_batch_costs_what_its_samples_cost() -> None:
    model, _ = staged(vit())
    one, many = (model.sizes(model.whole, (samples, 3, 16, 16)) for samples in (1, 17))
    assert (many.forward, many.backward) == (17 * one.forward, 17 * one.backward)
    assert math.prod(many.shape) == 17 * math.prod(one.shape)

"""The bytes that operations move, by hand; and their FLOPs, which fvcore counts in another way."""

import pytest
import torch
from torch import nn

from simulator.accounting.roofline import Operations
from simulator.learning.costs.flops import stage_cost
from simulator.learning.costs.keys import stage_key
from simulator.learning.costs.traffic import _trace, traffic
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.lora import Lora
from simulator.learning.models.stages import TRAINED, stages_of
from tests.helpers.models import vit

FLOAT = 4


def linear(trained: bool) -> nn.Linear:
    layer = nn.Linear(3, 5, device="meta")
    return layer.requires_grad_(trained)


def test_the_bytes_of_a_linear_layer_by_hand() -> None:
    samples, tokens = 7, 2
    rows = samples * tokens
    found = traffic(linear(True), stage_key(linear(True)), (tokens, 3), True, samples, "fused")
    x, w, b, y = rows * 3, 3 * 5, 5, rows * 5
    assert found.forward.bytes == FLOAT * (x + w + b + y)
    assert found.chain.bytes == FLOAT * (y + w + x)  # the gradient of the output, the weights, that of the input
    assert found.weights.bytes == FLOAT * (y + x + w + y + b)  # a product for the weights, and a sum for the bias
    assert found.forward.flops == found.chain.flops == found.weights.flops == 2 * rows * 3 * 5


def test_a_frozen_layer_only_passes_gradients_on() -> None:
    found = traffic(linear(False), stage_key(linear(False)), (2, 3), True, 4, "fused")
    assert (found.weights.flops, found.weights.bytes) == (0, 0)
    assert found.backward == found.chain


def test_nothing_comes_back_through_a_frozen_first_layer() -> None:
    found = traffic(linear(False), stage_key(linear(False)), (2, 3), False, 4, "fused")
    assert (found.backward.flops, found.backward.bytes) == (0, 0)


def test_views_move_nothing() -> None:
    class Reshaped(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.transpose(1, 2).flatten(2).unsqueeze(1)[:, 0]

    assert traffic(Reshaped(), ("reshaped",), (6, 4), True, 5, "fused").forward.bytes == 0


def test_the_way_back_of_a_slice_of_everything_moves_nothing() -> None:
    """Early versions of PyTorch dispatch it for every slice that names the dimension; this names it to all of them."""

    class Whole(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.ops.aten.slice.Tensor(x, 1, 0, 6)

    class Half(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.ops.aten.slice.Tensor(x, 1, 0, 3)

    assert traffic(Whole(), ("whole",), (6, 4), True, 5, "fused").backward.bytes == 0
    assert traffic(Half(), ("half",), (6, 4), True, 5, "fused").backward.bytes == FLOAT * 5 * 4 * (3 + 6)


def test_a_convolution_by_hand() -> None:
    layer = nn.Conv2d(2, 3, kernel_size=3, bias=False, device="meta")
    found = traffic(layer, stage_key(layer), (2, 8, 8), True, 5, "fused")
    x, w, y = 5 * 2 * 64, 3 * 2 * 9, 5 * 3 * 36
    columns = 5 * 2 * 9 * 36
    assert found.forward.bytes == FLOAT * (x + w + y)
    assert found.forward.copied == 2 * FLOAT * (columns + x + y)  # written and read: columns, and another layout
    assert found.chain.bytes == FLOAT * (y + w + x)
    assert found.weights.bytes == FLOAT * (y + x + w)
    assert found.chain.copied == found.weights.copied == 2 * FLOAT * columns


def test_fused_attention_never_moves_its_scores() -> None:
    stages = stages_of(vit().to("meta"))
    block, key = stages["block0"], stage_key(stages["block0"])
    width = block.norm1.normalized_shape[0]  # type: ignore[union-attr, index, operator]
    few, many = (
        [traffic(block, key, (tokens, width), True, 2, attention).forward.bytes for tokens in (64, 128)]
        for attention in ("fused", "math")
    )
    weights = FLOAT * sum(parameter.numel() for parameter in block.parameters())
    assert few[1] - weights == pytest.approx(2 * (few[0] - weights), rel=1e-2), "bytes grow with the tokens"
    assert many[1] - weights > 2.2 * (many[0] - weights), "scores grow with their square"


@pytest.mark.parametrize("targets", [("q",), ("v",), ("q", "v"), ("k", "v")])
def test_attention_goes_back_only_to_what_needs_a_gradient(targets: tuple[str, ...]) -> None:
    _, model = adapted(vit(), Adaptation(lambda name, _: ".lora." in name, lora=Lora(targets=targets)))
    cost, stage = model.stage_costs(model.whole, (3, 16, 16))[1], model.stages["block0"]
    found = traffic(stage, stage_key(stage), (5, 16), False, 3, "fused")
    assert (found.chain.flops, found.weights.flops) == (3 * cost.chain, 3 * cost.weights)


@pytest.mark.parametrize("attention", ["fused", "math"])
@pytest.mark.parametrize("train", ["full", "linear", "bias"])
def test_operations_have_the_flops_that_fvcore_counts_and_grow_with_the_batch(train: str, attention: str) -> None:
    stages = stages_of(vit().to("meta"))
    for name, parameter in nn.ModuleDict(stages).named_parameters():
        parameter.requires_grad_(TRAINED[train](name))
    shape: tuple[int, ...] = (3, 16, 16)
    grad = False
    for name, stage in stages.items():
        key = stage_key(stage)
        counted = stage_cost(stage, key, shape, grad)
        for samples in (1, 2, 9):
            found = traffic(stage, key, shape, grad, samples, attention)
            flops = found.forward.flops, found.chain.flops, found.weights.flops
            assert flops == tuple(samples * part for part in (counted.forward, counted.chain, counted.weights)), name
        whole = _trace(stage, (9, *shape), grad, attention)
        assert [found.forward, found.chain, found.weights] == [*map(Operations, whole)], name
        shape, grad = counted.shape, counted.grad

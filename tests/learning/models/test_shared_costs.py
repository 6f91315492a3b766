"""Costs that parts of a model share are those that each would have worked out by itself."""

from __future__ import annotations

import pytest
import torch

from simulator.accounting.costs import Cost, Piece, made_of
from simulator.learning.models.dry_weights import DryWeights, Overlaid
from simulator.learning.models.parts import Part
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.adamw import AdamW
from simulator.learning.optimizers.base import Optimizer
from simulator.learning.optimizers.sgd import Sgd
from simulator.world.hardware import MOST_KNOWN, Hardware
from tests.helpers.models import staged, vit

RULES: list[Optimizer] = [
    Sgd(learning_rate=0.1),
    Sgd(learning_rate=0.1, momentum=0.9),
    AdamW(learning_rate=0.1),
]


def costs(part: Part, samples: int) -> list[Cost]:
    x = torch.empty(samples, 3, 16, 16, device="meta")
    return [work.cost(x) for work in (part.infer, part.forward, part.loss_backward, part.train_step)]


@pytest.mark.parametrize("rule", RULES, ids=range(len(RULES)))
def test_shared_costs_are_those_of_a_model_that_nobody_has_used(rule: Optimizer) -> None:
    model, tensors = staged(vit())
    for other in RULES:  # others use the model first, with the same shapes and with other ones
        for samples in (4, 2):
            costs(Part(model, Weights(tensors, other), model.whole), samples)
    fresh, _ = staged(vit())
    for samples in (2, 4, 5):
        part = Part(model, Weights(tensors, rule), model.whole)
        assert costs(part, samples) == costs(Part(fresh, Weights(tensors, rule), fresh.whole), samples)
        assert part.train_step.cost(torch.empty(samples, 3, 16, 16, device="meta")).bytes_touched == (
            part.loss_backward.cost(torch.empty(samples, 3, 16, 16, device="meta")).bytes_touched
            + rule.passes * sum(tensor.nbytes for tensor in tensors.values())
        )


def test_weights_without_values_cost_and_count_what_others_do() -> None:
    model, tensors = staged(vit())
    blank = {name: tensor.to("meta") for name, tensor in tensors.items()}
    dry = DryWeights(Overlaid(blank).with_all({}), RULES[2], 0.1)
    real = Weights(tensors, RULES[2], 0.1)
    one, other = Part(model, dry, model.whole), Part(model, real, model.whole)
    assert costs(one, 3) == costs(other, 3)
    assert [row[1:] for row in one.resident()] == [row[1:] for row in other.resident()]
    x, y = torch.empty(3, 3, 16, 16), torch.zeros(3, dtype=torch.int64)
    passes = [part.forward(x.to(part.weights["head.head.weight"].device)) for part in (one, other) for _ in range(2)]
    for first, second in (passes[:2], passes[2:]):
        first.part.loss_backward(first._x, y)
        first.run_backward(torch.ones_like(first.output) if not first.output.is_meta else first.output)
        first.part.weights.step(first)
        assert second.version == 0
    assert dry.version == real.version == 1
    assert dry.earlier_bytes == real.earlier_bytes == sum(tensor.nbytes for tensor in tensors.values())


def test_seconds_of_a_cost_are_looked_up_by_the_very_cost() -> None:
    """More costs than are remembered, of which later ones may lie where earlier ones lay."""
    hardware = Hardware(flops_per_s=2.0)
    for number in range(3 * MOST_KNOWN):
        cost = made_of((Piece("a", 1, flops=number),))
        assert hardware.seconds(cost) == hardware.seconds(cost) == number / 2


def test_weights_without_values_are_saved_and_restored_as_others_are() -> None:
    model, tensors = staged(vit())
    blank = {name: tensor.to("meta") for name, tensor in tensors.items()}
    entries = Overlaid(blank).with_all({})
    saved, other = DryWeights(entries, RULES[1], 0.5), DryWeights(entries, RULES[1])
    part = Part(model, saved, model.whole)
    saved.step(part.loss_backward(torch.empty(2, 3, 16, 16, device="meta"), torch.zeros(2, dtype=torch.int64)))
    other.restore(saved.state())
    assert (other.learning_rate, list(other)) == (0.5, list(blank))
    assert other.state().keys() == Weights(blank).state().keys()

"""Weights are saved and restored as plain data: what goes on from them is what would have gone on."""

from __future__ import annotations

import io

import pytest
import torch

from simulator.learning.models.parts import Part
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.adamw import AdamW
from simulator.learning.optimizers.base import Optimizer
from simulator.learning.optimizers.sgd import Sgd
from simulator.settings.seeds import Seeds
from tests.helpers.models import pictures, staged, vit


def trained(part: Part, steps: int, first: int = 0) -> list[float]:
    """The losses of so many steps, each on a batch of its own."""
    return [float(part.train_step(*pictures(4, first + number)).output) for number in range(steps)]


@pytest.mark.parametrize("optimizer", [Sgd(momentum=0.9), AdamW()])
def test_what_goes_on_from_a_saved_state_is_what_would_have_gone_on(optimizer: Optimizer) -> None:
    structure, tensors = staged(vit())
    weights = Weights(tensors, optimizer, 0.05)
    weights.random, weights.round = Seeds(3).stream("dropout"), 7
    part = Part(structure, weights, structure.whole)
    trained(part, 3)
    file = io.BytesIO()
    torch.save(weights.state(), file)
    drawn, wanted = weights.random.integers(10**9), trained(part, 3, first=3)

    _, tensors = staged(vit())
    other = Weights(tensors, optimizer, 0.01)
    file.seek(0)
    other.restore(torch.load(file, weights_only=True))
    assert (other.round, other.learning_rate, other.version) == (7, 0.05, weights.version)
    assert other.random is not None
    assert other.random.integers(10**9) == drawn
    assert trained(Part(structure, other, structure.whole), 3, first=3) == wanted
    assert all(torch.equal(weights[name], other[name]) for name in weights)


def test_steps_after_a_save_leave_what_was_saved_as_it_was() -> None:
    structure, tensors = staged(vit())
    weights = Weights(tensors, Sgd(momentum=0.9), 0.05)
    part = Part(structure, weights, structure.whole)
    trained(part, 1)
    state = weights.state()
    before = {name: tensor.clone() for name, tensor in state["tensors"].items()}
    weights.restore(state)
    trained(part, 2)
    assert all(torch.equal(before[name], state["tensors"][name]) for name in before)


def test_only_some_tensors_may_be_saved_and_none_that_is_not_there_restored() -> None:
    weights = Weights({"a": torch.zeros(2), "b": torch.ones(2)}, Sgd(), 0.1)
    state = weights.state(["b"])
    assert state["tensors"].keys() == {"b"}
    with pytest.raises(KeyError, match="have no b"):
        Weights({"a": torch.zeros(2)}, Sgd(), 0.1).restore(state)

"""Our steps are torch.optim's, and they write only into what is theirs."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.adamw import AdamW
from simulator.learning.optimizers.base import Optimizer
from simulator.learning.optimizers.sgd import Sgd
from tests.helpers.models import chain, pictures, staged, vit, weights_of

RULES: dict[str, tuple[Optimizer, Any]] = {
    "sgd": (Sgd(), lambda p: torch.optim.SGD(p, 0.05)),
    "momentum": (Sgd(momentum=0.9), lambda p: torch.optim.SGD(p, 0.05, momentum=0.9)),
    "decay": (
        Sgd(momentum=0.8, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, 0.05, momentum=0.8, weight_decay=0.1),
    ),
    "decay without momentum": (Sgd(weight_decay=0.1), lambda p: torch.optim.SGD(p, 0.05, weight_decay=0.1)),
    "adamw": (AdamW(), lambda p: torch.optim.AdamW(p, 0.05)),
    "adamw, all settings": (
        AdamW(beta1=0.8, beta2=0.95, epsilon=1e-4, weight_decay=0.2),
        lambda p: torch.optim.AdamW(p, 0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.2),
    ),
    "adamw without decay": (AdamW(weight_decay=0), lambda p: torch.optim.AdamW(p, 0.05, weight_decay=0)),
}


def gradients(steps: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(6, 4, generator=generator, dtype=torch.float64) for _ in range(steps)]


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("rule", RULES)
def test_five_steps_are_those_of_torch(rule: str, in_place: bool) -> None:
    ours, theirs = RULES[rule]
    start = torch.randn(6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    parameter = torch.nn.Parameter(start.clone())
    optimizer = theirs([parameter])
    weight, slots = start.clone(), {}
    for grad in gradients(5):
        parameter.grad = grad.clone()
        optimizer.step()
        given = grad.clone()
        stepped = ours.step(weight, given, slots, 0.05, in_place)
        assert (stepped is weight) == in_place
        assert torch.equal(given, grad), "a step must not write into the gradient it was given"
        weight = stepped
        torch.testing.assert_close(weight, parameter.detach(), rtol=1e-12, atol=1e-14)
    kept = [value for value in slots.values() if isinstance(value, Tensor)]
    assert len(kept) == ours.copies


def test_what_a_step_touches() -> None:
    """Weight and gradient read, weight written; each tensor of state read and written."""
    assert [Sgd().passes, Sgd(momentum=0.9).passes, AdamW().passes] == [3, 5, 7]


def test_the_state_begins_anew() -> None:
    weights = Weights({"w": torch.zeros(2)}, Sgd(momentum=0.9), 1.0)
    once = weights.optimizer
    grad = torch.ones(2)
    slots: dict[str, Any] = {}
    once.step(weights["w"], grad, slots, 1.0, False)
    weights._slots["w"] = slots
    weights.reset_optimizer(Sgd(momentum=0.9), 0.5)
    assert weights._slots == {}
    assert weights.learning_rate == 0.5


def steps(model: Any, weights: Weights, count: int) -> None:
    (whole,) = chain(model, weights, ())
    for number in range(count):
        whole.train_step(*pictures(4, seed=number))


def test_the_first_step_does_not_write_into_the_tensors_it_came_from() -> None:
    model, tensors = staged(vit())
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    weights = weights_of(tensors)
    steps(model, weights, 3)
    assert all(torch.equal(before[name], tensors[name]) for name in tensors)
    assert not any(torch.equal(before[name], weights[name]) for name in tensors)


def test_later_steps_are_in_place() -> None:
    model, tensors = staged(vit())
    weights = weights_of(tensors)
    steps(model, weights, 1)
    first = {name: tensor.data_ptr() for name, tensor in weights.items()}
    steps(model, weights, 1)
    assert {name: tensor.data_ptr() for name, tensor in weights.items()} == first


def test_what_was_picked_is_written_no_more() -> None:
    model, tensors = staged(vit())
    weights = weights_of(tensors)
    steps(model, weights, 2)
    picked = weights.release_copy(tensors)
    kept = {name: tensor.clone() for name, tensor in picked.items()}
    steps(model, weights, 2)
    assert all(torch.equal(kept[name], picked[name]) for name in kept)


def test_a_pass_opened_before_a_step_still_has_the_right_gradient() -> None:
    model, tensors = staged(vit())
    weights = weights_of(tensors)
    steps(model, weights, 2)  # from here on a step might be in place
    (whole,) = chain(model, weights, ())
    x, _ = pictures(4, seed=9)
    alone = {name: tensor.clone() for name, tensor in weights.items()}
    opened = whole.forward(x)
    other = whole.loss_backward(*pictures(4, seed=8))
    weights.step(other)
    weights.step(whole.loss_backward(*pictures(4, seed=7)))
    grad = torch.randn(opened.output.shape, generator=torch.Generator().manual_seed(2))
    opened.backward(grad)
    (fresh,) = chain(model, Weights(alone), ())
    wanted = fresh.forward(x)
    wanted.backward(grad)
    assert all(torch.equal(opened.grads[name], wanted.grads[name]) for name in whole.trainable)


def test_gradients_of_one_name_in_several_passes_add() -> None:
    model, tensors = staged(vit(), "linear")
    weights = weights_of(tensors, rate=0.5)
    (whole,) = chain(model, weights, ())
    one, two = (whole.loss_backward(*pictures(4, seed=seed)) for seed in (1, 2))
    weights.step(one, two)
    name = "head.head.weight"
    wanted = tensors[name] - 0.5 * (one.grads[name] + two.grads[name])
    torch.testing.assert_close(weights[name], wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Sgd(momentum=0.9, weight_decay=0.01), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01)),
        (AdamW(), lambda p: torch.optim.AdamW(p, 0.1)),
    ],
)
def test_training_a_vit_is_training_it_with_torch(ours: Optimizer, theirs: Any) -> None:
    plain = vit().double()
    optimizer = theirs(plain.parameters())
    model, tensors = staged(vit())
    weights = Weights({name: tensor.double() for name, tensor in tensors.items()}, ours, 0.1)
    (whole,) = chain(model, weights, ())
    for number in range(5):
        x, y = pictures(4, seed=number, dtype=torch.float64)
        optimizer.zero_grad()
        loss = cross_entropy(plain(x), y)
        loss.backward()
        optimizer.step()
        done = whole.train_step(x, y)
        torch.testing.assert_close(done.output, loss.detach(), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(weights["block1.mlp.fc1.weight"], plain.blocks[1].mlp.fc1.weight.detach())
    torch.testing.assert_close(weights["embed.cls_token"], plain.cls_token.detach())


def test_a_step_costs_what_the_rule_of_the_moment_touches() -> None:
    """Prices are remembered: for each set of parts, and until another optimizer begins."""
    model, tensors = staged(vit())
    weights, (x, _) = weights_of(tensors), pictures(4)
    head, tail = chain(model, weights, [2])
    sent = head.forward(x)
    got = tail.forward(sent.output)
    for rule, passes in ((Sgd(), 3), (AdamW(), 7), (Sgd(momentum=0.9), 5)):
        weights.reset_optimizer(rule, 0.1)
        for parts in ([sent], [got], [sent, got], [sent]):
            size = sum(4 * weights[name].numel() for one in parts for name in one.part.trainable)
            assert weights.step.cost(*parts).bytes_touched == passes * size


def test_a_price_is_of_the_batch_it_is_asked_for() -> None:
    model, tensors = staged(vit())
    (whole,) = chain(model, weights_of(tensors), [])
    small, large = (pictures(samples)[0] for samples in (2, 6))
    for work in (whole.infer, whole.forward, whole.loss_backward, whole.train_step, whole.loss_chain):
        one, three, again = (work.cost(x, None).flops for x in (small, large, small))
        assert (three, again) == (3 * one, one)
    works = (whole.infer, whole.forward, whole.loss_backward)
    inferred, forward, both = (work.cost(small, None).flops for work in works)
    assert inferred == forward < both

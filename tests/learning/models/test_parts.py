"""A model that is cut learns what the uncut model learns."""

from collections import OrderedDict
from itertools import combinations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from simulator.learning.models.stages import stages_of
from tests.helpers.models import chain, pictures, staged, vit, weights_of
from tests.helpers.passes import converse

CUTS = [(), *((cut,) for cut in range(1, 5)), *combinations(range(1, 5), 2), (1, 2, 3, 4)]
"""Where a model of five stages (embedding, three blocks, head) may be cut."""


def uncut(train: str, prompts: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss and gradients by torch alone."""
    model = nn.Sequential(OrderedDict(stages_of(vit(), prompts))).double()
    if prompts:
        with torch.no_grad():
            model.prompt.tokens.copy_(torch.randn(1, prompts, 16, generator=torch.manual_seed(3)))
    x, y = pictures(6, dtype=torch.float64)
    loss = cross_entropy(model(x), y)
    loss.backward()
    wanted = {
        "full": lambda name: True,
        "linear": lambda name: name in ("head.head.weight", "head.head.bias"),
        "bias": lambda name: name.split(".")[-1] == "bias" or name == "head.head.weight",
        "prompt": lambda name: name in ("prompt.tokens", "head.head.weight", "head.head.bias"),
    }[train]
    return loss.detach(), {name: p.grad for name, p in model.named_parameters() if wanted(name) and p.grad is not None}


@pytest.mark.parametrize("cuts", CUTS, ids=str)
@pytest.mark.parametrize(("train", "prompts"), [("full", 0), ("linear", 0), ("bias", 0), ("prompt", 3)])
def test_split_loss_and_gradients_are_those_of_the_uncut_model(train: str, prompts: int, cuts: tuple[int, ...]) -> None:
    model, tensors = staged(vit(), train, prompts)
    cuts = tuple(cut + (cut > 1 and prompts > 0) for cut in cuts)  # the prompt is a stage of its own
    loss, grads = converse(
        chain(model, weights_of(tensors, dtype=torch.float64), cuts), *pictures(6, dtype=torch.float64)
    )
    wanted_loss, wanted = uncut(train, prompts)
    assert grads.keys() == wanted.keys()
    torch.testing.assert_close(loss, wanted_loss, rtol=0, atol=1e-10)
    for name, grad in wanted.items():
        torch.testing.assert_close(grads[name], grad, rtol=0, atol=1e-10)
        assert grad.abs().max() > 1e-4, f"{name}: a test that cannot fail"


def test_the_gradient_at_the_cut_reaches_the_prompts() -> None:
    """Finite differences of one prompt's values through head, body and tail in float64."""
    model, tensors = staged(vit(), "prompt", prompts=3)
    weights = weights_of(tensors, dtype=torch.float64)
    x, y = pictures(4, dtype=torch.float64)
    parts = chain(model, weights, (3, 5))
    _, grads = converse(parts, x, y)

    def loss() -> float:
        value = x
        for part in parts:
            value = part.infer(value)
        return float(cross_entropy(value, y))

    step, start = 1e-5, weights["prompt.tokens"].clone()
    for place in ((0, 0, 0), (0, 1, 7), (0, 2, 15)):
        values = []
        for sign in (1, -1):
            moved = start.clone()
            moved[place] += sign * step
            weights["prompt.tokens"] = moved
            values.append(loss())
        slope = (values[0] - values[1]) / (2 * step)
        assert slope == pytest.approx(float(grads["prompt.tokens"][place]), rel=1e-6)
        assert abs(slope) > 1e-6


def test_a_pass_keeps_no_graph_and_leaves_no_gradient_on_weights() -> None:
    model, tensors = staged(vit())
    weights = weights_of(tensors)
    head, tail = chain(model, weights, (2,))
    x, y = pictures(4)
    sent = head.forward(x)
    graded = tail.loss_backward(sent.output, y)
    sent.backward(graded.input_grad)
    found = [sent.output, graded.output, graded.input_grad, *sent.grads.values(), *weights.values()]
    assert not any(tensor.requires_grad for tensor in found)
    assert all(tensor.grad is None for tensor in weights.values())


def test_two_passes_of_one_part_do_not_mix() -> None:
    model, tensors = staged(vit())
    head, tail = chain(model, weights_of(tensors), (2,))
    x, y = pictures(8)
    together = [head.forward(x[:4]), head.forward(x[4:])]
    graded = [tail.loss_backward(one.output, y[i : i + 4]) for one, i in zip(together, (0, 4), strict=True)]
    for one, grade in reversed(list(zip(together, graded, strict=True))):
        one.backward(grade.input_grad)
    for i, one in zip((0, 4), together, strict=True):
        alone = head.forward(x[i : i + 4])
        alone.backward(tail.loss_backward(alone.output, y[i : i + 4]).input_grad)
        assert all(torch.equal(alone.grads[name], one.grads[name]) for name in head.trainable)


def test_a_pass_goes_back_once() -> None:
    model, tensors = staged(vit())
    (whole,) = chain(model, weights_of(tensors), ())
    done = whole.loss_backward(*pictures(2))
    with pytest.raises(RuntimeError, match=r"this pass through embed\.\.head has been run backward already"):
        done.backward(torch.ones(()))


@pytest.mark.parametrize(
    ("train", "cuts", "input_grads", "learns"),
    [
        ("full", (1, 4), [False, True, True], [True, True, True]),
        ("linear", (1, 4), [False, False, False], [False, False, True]),
        ("prompt", (1, 4), [False, False, True], [False, True, True]),  # the prompt comes behind the embedding
        ("prompt", (2, 4), [False, True, True], [True, True, True]),
    ],
)
def test_whether_an_input_gradient_is_wanted_is_settled_by_the_cut(
    train: str, cuts: tuple[int, ...], input_grads: list[bool], learns: list[bool]
) -> None:
    model, tensors = staged(vit(), train, prompts=2 if train == "prompt" else 0)
    parts = chain(model, weights_of(tensors), cuts)
    assert [part.input_grad for part in parts] == input_grads
    assert [part.learns for part in parts] == learns


def test_el2n_by_hand() -> None:
    model, tensors = staged(vit())
    (whole,) = chain(model, weights_of(tensors), ())
    x, y = pictures(7)
    with torch.no_grad():
        logits = vit()(x)
    wanted = []
    for row, label in zip(logits.tolist(), y.tolist(), strict=True):
        exps = torch.tensor(row, dtype=torch.float64).exp()
        share = (exps / exps.sum()).tolist()
        share[label] -= 1
        wanted.append(sum(value * value for value in share) ** 0.5)
    assert whole.el2n(x, y).tolist() == pytest.approx(wanted, rel=1e-5)


def test_work_that_learns_nothing_leaves_no_pass_open() -> None:
    model, tensors = staged(vit(), "linear")
    weights = weights_of(tensors)
    head, tail = chain(model, weights, (2,))
    sent = head.forward(pictures(2)[0])
    assert not weights._open
    served = tail.forward(sent.output)
    assert list(weights._open) == [served]
    served.backward(torch.ones(2, 5))
    assert not weights._open

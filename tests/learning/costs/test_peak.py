"""The memory that a step is charged, against what torch's own profiler sees allocated in a real one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from simulator.learning.models.parts import Part
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import TRAINED, stages_of
from simulator.learning.models.weights import Weights
from simulator.learning.objectives import NextToken
from simulator.learning.optimizers.sgd import Sgd
from simulator.learning.training.alignment import Distilled, infer
from tests.helpers.models import staged, vit
from tests.helpers.texts import LENGTH, text_model


def allocated_at_once(run: Callable[[], Any]) -> int:
    """The most bytes that were allocated and not yet freed, beyond those there before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        run()
    now = peak = 0
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]  # type: ignore[union-attr]
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


@pytest.mark.parametrize("samples", [8, 32])
@pytest.mark.parametrize("train", ["full", "linear", "bias", "prompt"])
def test_a_step_takes_what_it_is_charged(train: str, samples: int) -> None:
    """Within a quarter: autograd frees what it kept as it goes back, which the rule does not know; and where nothing
    is kept, the residual stream lives beside the largest pair.
    """
    model, tensors = staged(
        vit(embed_dim=48, depth=3, img_size=32, patch_size=4, num_heads=3), train, prompts=2 * (train == "prompt")
    )
    weights = Weights(tensors, Sgd(momentum=0.9), 0.1)
    part = Part(model, weights, model.whole)
    images, labels = torch.randn(samples, 3, 32, 32), torch.randint(5, (samples,))
    for _ in range(2):  # the first step makes the optimizer's state, which lies there from then on
        part.train_step(images, labels)
    charged = part.train_step.cost(images, labels).peak_bytes + part.trainable_bytes  # and its gradients
    seen = allocated_at_once(lambda: part.train_step(images, labels))
    assert 0.75 * charged < seen < 1.25 * charged


def next_tokens(kind: str, train: str, vocabulary: int) -> Part:
    """Return a small model that predicts the next token and learns by SGD."""
    stages = stages_of(text_model(kind, None, vocabulary=vocabulary))
    tensors = {name: tensor.detach().clone() for name, tensor in nn.ModuleDict(stages).state_dict().items()}
    model = Staged(stages, TRAINED[train])
    model.objective = NextToken()
    return Part(model, Weights(tensors, Sgd(momentum=0.9), 0.1), model.whole)


@pytest.mark.parametrize(("kind", "train"), [("gpt2", "linear"), ("llama", "full")])
@pytest.mark.parametrize("vocabulary", [40, 1000])
def test_next_tokens_take_what_they_are_charged(kind: str, train: str, vocabulary: int) -> None:
    """Within a quarter, the loss included, whose logits are most of it where the vocabulary is large."""
    part = next_tokens(kind, train, vocabulary)
    ids, targets = torch.randint(40, (16, LENGTH)), torch.randint(40, (16, LENGTH))
    targets[:, -3:] = -100
    for _ in range(2):
        part.train_step(ids, targets)
    charged = part.train_step.cost(ids, targets).peak_bytes + part.trainable_bytes
    seen = allocated_at_once(lambda: part.train_step(ids, targets))
    assert 0.75 * charged < seen < 1.25 * charged


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_scores_of_next_tokens_take_what_they_are_charged(kind: str) -> None:
    """Within a tenth: the logits and their probabilities, beside which all else is small."""
    part = next_tokens(kind, "full", 1000)
    ids, targets = torch.randint(40, (16, LENGTH)), torch.randint(40, (16, LENGTH))
    part.el2n(ids, targets)
    charged = part.el2n.cost(ids, targets).peak_bytes
    seen = allocated_at_once(lambda: part.el2n(ids, targets))
    assert 0.9 * charged < seen < 1.1 * charged


@pytest.mark.parametrize(("kind", "train"), [("gpt2", "linear"), ("llama", "full")])
@pytest.mark.parametrize("vocabulary", [40, 1000])
def test_distillation_of_next_tokens_takes_what_it_is_charged(kind: str, train: str, vocabulary: int) -> None:
    """Within a quarter, beside the teacher's logits, which are kept from when they are computed until then."""
    part, teacher = (next_tokens(kind, train, vocabulary) for _ in range(2))
    ids, targets = torch.randint(40, (16, LENGTH)), torch.randint(40, (16, LENGTH))
    targets[:, -3:] = -100
    kept = infer(teacher, ids)
    assert infer.cost(teacher, ids).kept_bytes == kept.nbytes
    work = Distilled(part, kept, 0.5).loss_backward
    work(ids, targets)
    cost = work.cost(ids, targets)
    assert cost.kept_bytes == part.loss_backward.cost(ids, targets).kept_bytes - kept.nbytes
    seen = allocated_at_once(lambda: work(ids, targets))
    charged = cost.peak_bytes + part.trainable_bytes
    assert 0.75 * charged < seen < 1.25 * charged

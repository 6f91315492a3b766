"""The memory that a step is charged, against what torch's own profiler sees allocated in a real one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from simulator.learning.models.parts import Part
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.sgd import Sgd
from tests.helpers.models import staged, vit


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

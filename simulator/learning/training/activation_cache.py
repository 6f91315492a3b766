"""Smashed data that the server keeps, and steps on the gradients of several passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.learning.models.parts import Pass
from simulator.learning.models.weights import Weights
from simulator.learning.training.batches import gather


class CachedActivations(NamedTuple):
    """All that one client has sent.

    Attributes:
        smashed: one row a sample, [N, ...].
        labels: [N].
        images: which image of the data set each row was, int64 [N], ascending.
    """

    smashed: Any
    labels: Tensor
    images: Tensor


@work(cost=lambda arrived, images: gather.cost(arrived, images))
def hold(arrived: Sequence[tuple[Any, Tensor]], images: Tensor) -> CachedActivations:
    """Keep batches as they arrived; ``images``: which image each of their rows was."""
    ranked = images.argsort()
    smashed, labels = gather(arrived, ranked)
    return CachedActivations(smashed, labels, images[ranked])


def _look_up_cost(held: CachedActivations, images: Tensor) -> Cost:
    return gather.cost([(held.smashed, held.labels)], images)


@work(cost=_look_up_cost)
def look_up(held: CachedActivations, images: Tensor) -> tuple[Any, Tensor]:
    """The batch of these images, from what is held."""
    found: tuple[Any, Tensor] = gather([(held.smashed, held.labels)], torch.searchsorted(held.images, images))
    return found


def _together_cost(weights: Weights, passes: Sequence[Pass], samples: Sequence[int]) -> Cost:
    gradients = sum(one.part.trainable_bytes for one in passes)
    return weights.step.cost(*passes) + Cost(bytes_touched=2 * gradients)


@work(cost=_together_cost, writes=lambda weights, passes, samples: weights)
def step_together(weights: Weights, passes: Sequence[Pass], samples: Sequence[int]) -> None:
    """One step on the mean loss of several batches, of which each pass has the gradients of its own mean."""
    total = sum(samples)
    for one, size in zip(passes, samples, strict=True):
        one.grads = {n: grad if grad.is_meta else grad * (size / total) for n, grad in one.grads.items()}
    weights.step(*passes)

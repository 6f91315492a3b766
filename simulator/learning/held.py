"""Smashed data that the server keeps, and steps on the gradients of several passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.learning.mixing import gather
from simulator.learning.passes import Pass
from simulator.learning.weights import Weights


class Held(NamedTuple):
    """All that one client has sent.

    Attributes:
        smashed: one row a sample, [N, ...].
        labels: [N].
        images: which image of the data set each row was, int64 [N], ascending.
    """

    smashed: Any
    labels: Tensor
    images: Tensor

    @classmethod
    def of(cls, arrived: Sequence[tuple[Any, Tensor]], images: Tensor) -> Held:
        """Of batches as they arrived, and which image each of their rows was."""
        ranked = images.argsort()
        smashed, labels = gather(arrived, ranked)
        return cls(smashed, labels, images[ranked])

    def batch(self, images: Tensor) -> tuple[Any, Tensor]:
        """The rows of these images, and their labels."""
        found: tuple[Any, Tensor] = gather([(self.smashed, self.labels)], torch.searchsorted(self.images, images))
        return found


def _look_up_cost(held: Held, images: Tensor) -> Cost:
    return gather.cost([(held.smashed, held.labels)], images)


@work(cost=_look_up_cost)
def look_up(held: Held, images: Tensor) -> tuple[Any, Tensor]:
    """The batch of these images, from what is held."""
    return held.batch(images)


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

"""A cache of smashed data at the server, and steps on the gradients of several passes."""

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
    """The smashed data that one client has sent, with their labels.

    Attributes:
        smashed: one row per sample, [N, ...].
        labels: the label of each row, [N].
        images: the index in the data set of the image behind each row, int64 [N], ascending.
    """

    smashed: Any
    labels: Tensor
    images: Tensor


@work(cost=lambda arrived, images: gather.cost(arrived, images))
def hold(arrived: Sequence[tuple[Any, Tensor]], images: Tensor) -> CachedActivations:
    """Cache the smashed data of several batches, sorted by image.

    Args:
        arrived: the batches in the order of their arrival, each as smashed data and labels.
        images: the index in the data set of the image behind each row of these batches, int64 [N].
    """
    order = images.argsort()
    smashed, labels = gather(arrived, order)
    return CachedActivations(smashed, labels, images[order])


def _look_up_cost(held: CachedActivations, images: Tensor) -> Cost:
    return gather.cost([(held.smashed, held.labels)], images)


@work(cost=_look_up_cost)
def look_up(held: CachedActivations, images: Tensor) -> tuple[Any, Tensor]:
    """Return the smashed data and the labels of the given images, all of which must be in the cache."""
    batch: tuple[Any, Tensor] = gather([(held.smashed, held.labels)], torch.searchsorted(held.images, images))
    return batch


def _together_cost(weights: Weights, passes: Sequence[Pass], samples: Sequence[int]) -> Cost:
    gradients = sum(computed.part.trainable_bytes for computed in passes)
    return weights.step.cost(*passes) + Cost(bytes_touched=2 * gradients)


@work(cost=_together_cost, writes=lambda weights, passes, samples: weights)
def step_together(weights: Weights, passes: Sequence[Pass], samples: Sequence[int]) -> None:
    """Take one step on the mean loss over the samples of several batches.

    Args:
        weights: the weights to step.
        passes: one pass per batch, with the gradients of that batch's own mean loss; they are rescaled.
        samples: the number of samples in each batch.
    """
    total = sum(samples)
    for computed, size in zip(passes, samples, strict=True):
        computed.grads = {n: grad if grad.is_meta else grad * (size / total) for n, grad in computed.grads.items()}
    weights.step(*passes)

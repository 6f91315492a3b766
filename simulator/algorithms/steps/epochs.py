"""Epochs of a client's own batches: a step for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.algorithms.base import Steps

if TYPE_CHECKING:
    from simulator.learning.data.images import Batch
    from simulator.learning.models.parts import Part
    from simulator.world.clients import Client


def train_epochs(client: Client, model: Part, epochs: int, purpose: str = "train") -> Steps:
    """Train a model, or a part of one, on the device alone: forward, backward and a step for each batch.

    Args:
        epochs: how often each sample is seen.
        purpose: what the order of the batches is keyed by, beside the client and its round.
    """
    yield from each_batch(client, epochs, lambda batch: client.compute(model.train_step, *batch), purpose)


def each_batch(client: Client, epochs: int, step: Callable[[Batch], Steps], purpose: str = "train") -> Steps:
    """Take a step of one's own for each batch of so many epochs; arguments as of ``train_epochs``."""
    for batch in client.batches(purpose, epochs=epochs):
        yield from step(batch)

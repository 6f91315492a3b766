"""Epochs of training on a client's own batches, one step for each batch."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING

from simulator.algorithms.base import Steps

if TYPE_CHECKING:
    from simulator.learning.data.shards import Batch
    from simulator.learning.models.parts import Part
    from simulator.world.clients import Client


def train_epochs(client: Client, model: Part, epochs: int, purpose: str = "train") -> Steps:
    """Train a model, or a part of one, on the device alone: forward, backward and one step for each batch.

    Args:
        client: the client whose data are used and whose device computes.
        model: the model, or a part that computes logits from the input.
        epochs: the number of passes through the client's data.
        purpose: the key of the batches' random order, besides the client and its round.
    """
    for batch in client.batches(purpose, epochs=epochs):
        yield from client.compute(model.train_step, *batch)


def batches_in(client: Client, epochs: int) -> int:
    """Return how many batches a client has in so many passes through its data."""
    return epochs * ceil(len(client.data) / client.data.batch_size)


def each_batch(client: Client, epochs: int, step: Callable[[Batch], Steps], purpose: str = "train") -> Steps:
    """Run a custom training step for each batch of a number of epochs.

    Args:
        client: the client whose data are used.
        epochs: the number of passes through the client's data.
        step: the training step, called with each batch.
        purpose: the key of the batches' random order, besides the client and its round.
    """
    for batch in client.batches(purpose, epochs=epochs):
        yield from step(batch)

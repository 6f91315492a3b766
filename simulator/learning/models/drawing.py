"""What a pass draws at random, such as dropout, comes from a stream of its weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from simulator.learning.models.weights import Weights


@contextmanager
def drawing(weights: Weights) -> Iterator[None]:
    """Seed torch's global generator from the weights' own random stream, and restore it afterwards."""
    if weights.random is None:
        yield
        return
    devices = [tensor.device for tensor in weights.values() if tensor.is_cuda][:1]
    # manual_seed looks at every kind of device, and notes the call stack for each that is not in use yet
    seed = torch.manual_seed if devices else torch.default_generator.manual_seed
    with torch.random.fork_rng(devices):
        seed(int(weights.random.integers(2**63)))
        yield

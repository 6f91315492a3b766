"""How fast this machine trains a model, from a few steps of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

from simulator.experiments.trial.model import torch_device
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.build import build

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario

SLOWEST_FLOPS_PER_S = 3e9
"""Of a core at the smallest models; a real run that is short even so need not be timed."""
TIMED_PARAMETERS, TIMED_FLOPS = 100_000_000, 4e9
"""The largest model that is timed, and the FLOPs of a timed forward pass; larger ones reach a part of a matrix
product's rate."""


def training_rate(scenario: Scenario) -> float:
    """Return the FLOP/s at which this machine trains the model of a scenario; the slowest if that cannot be tried.

    Torch is left as it was: its threads and its random numbers.
    """
    model, device = scenario.model, torch_device(scenario, dry=False)
    if device == "cuda" and not torch.cuda.is_available():  # the run says so
        return SLOWEST_FLOPS_PER_S * scenario.threads
    key = json.dumps([model.name, model.image_size, model.keywords])
    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng([torch.cuda.current_device()] if device == "cuda" else []):
            return _rate(key, scenario.training.batch_size, scenario.threads, device)
    except RuntimeError:  # such as a GPU whose memory another process has
        return SLOWEST_FLOPS_PER_S * scenario.threads
    finally:
        torch.set_num_threads(threads)


@lru_cache(maxsize=16)
def _rate(key: str, batch: int, threads: int, device: str) -> float:
    """Return the FLOP/s of a few steps of a model, or of matrix products if it is large."""
    name, size, keywords = json.loads(key)
    torch.set_num_threads(threads)
    name = "random" if name == "bundled" else name
    meta = build(name, size, 10, 0, pretrained=False, dry=True, keywords=keywords).model
    tensors, model = adapted(meta, Adaptation(lambda *_: True))
    forward = model.sizes(model.whole, (1, 3, size, size)).forward
    if forward > TIMED_FLOPS or sum(tensor.numel() for tensor in tensors.values()) > TIMED_PARAMETERS:
        left, right = torch.randn(2, 1024, 1024, device=device)
        return 0.7 * 2 * 1024**3 / _seconds(lambda: (left @ right).sum().item(), device, threads)
    batch = max(1, min(batch, int(TIMED_FLOPS / max(1, forward))))
    network = build(name, size, 10, 0, pretrained=False, keywords=keywords).model.to(device)
    images = torch.randn(batch, 3, size, size, device=device)
    return 3 * batch * forward / _seconds(lambda: network(images).square().mean().backward(), device, threads)


def _seconds(action: Callable[[], Any], device: str, threads: int) -> float:
    """Return the seconds of an action: the median of a few, after one that does not count.

    On processors, these are seconds of a core of one's own: what else the machine does at the moment may soon end.
    """

    def clock() -> float:
        if device == "cpu":
            return time.process_time() / threads
        torch.cuda.synchronize()
        return time.perf_counter()

    taken: list[float] = []
    for _ in range(4):
        began = clock()
        action()
        taken.append(clock() - began)
        if sum(taken) > 2:
            break
    return max(1e-9, median(taken[1:] or taken))

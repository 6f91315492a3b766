"""How fast this machine trains a model, from a few steps of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from simulator.experiments.trial.model import load, torch_device
from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.build import build
from simulator.learning.models.text.build import config_of, is_text
from simulator.learning.models.text.config import changed
from simulator.learning.models.text.model import TextModel

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
    text = None
    if is_text(model.name):
        raw = load(scenario)
        text = model.length, raw.classes if raw.task == "classification" else None, model.weights
    key = json.dumps([model.name, model.image_size, model.keywords, text])
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
    name, size, keywords, text = json.loads(key)
    torch.set_num_threads(threads)
    model_of, sample = _language_model(name, keywords, *text) if text else _vision_model(name, size, keywords)
    tensors, model = adapted(model_of(True), Adaptation(lambda *_: True, tied=True))
    forward = model.sizes(model.whole, tuple(sample(1).shape)).forward
    if forward > TIMED_FLOPS or sum(tensor.numel() for tensor in tensors.values()) > TIMED_PARAMETERS:
        left, right = torch.randn(2, 1024, 1024, device=device)
        return 0.7 * 2 * 1024**3 / _seconds(lambda: (left @ right).sum().item(), device, threads)
    batch = max(1, min(batch, int(TIMED_FLOPS / max(1, forward))))
    network, samples = model_of(False).to(device), sample(batch).to(device)
    return 3 * batch * forward / _seconds(lambda: network(samples).square().mean().backward(), device, threads)


Make = tuple[Callable[[bool], Any], Callable[[int], Tensor]]
"""Returns a model with random weights, or on ``meta`` if so told; and returns so many random samples."""


def _vision_model(name: str, size: int, keywords: dict[str, Any]) -> Make:
    name = "random" if name == "bundled" else name

    def model_of(dry: bool) -> Any:
        return build(name, size, 10, 0, pretrained=False, dry=dry, keywords=keywords).model

    return model_of, lambda samples: torch.randn(samples, 3, size, size)


def _language_model(name: str, keywords: dict[str, Any], length: int, classes: int | None, weights: str | None) -> Make:
    config = changed(name, config_of(name, weights), keywords)

    def model_of(dry: bool) -> Any:
        with torch.device("meta" if dry else "cpu"):
            model = TextModel(config, length, classes)
        if not dry:
            model.reset(0)
        return model

    return model_of, lambda samples: torch.randint(config.vocabulary, (samples, length))


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

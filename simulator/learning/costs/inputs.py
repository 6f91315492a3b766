"""The input with which stages are traced: what the first of them takes, without values."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def blank_input(module: nn.Module, shape: tuple[int, ...], grad: bool, device: str = "meta") -> Tensor:
    """Return an input for a stage, or for a sequence of stages.

    It is int64 where the first stage takes tokens, which it says by its attribute ``takes``; else float32.

    Args:
        module: the stage, or the stages as one ``nn.Sequential``.
        shape: the shape of the input, batch included.
        grad: whether it requires a gradient; ids never do.
        device: the torch device of the input.
    """
    first = next(iter(module.children()), module) if isinstance(module, nn.Sequential) else module
    if getattr(first, "takes", None) == "tokens":
        return torch.zeros(shape, dtype=torch.int64, device=device)
    return torch.empty(shape, device=device).requires_grad_(grad)

"""What the cost of a stage depends on, and names for it that are the same on every machine."""

from __future__ import annotations

import hashlib
from typing import Any

from torch import nn

StageKey = tuple[Any, ...]


def stage_key(stage: nn.Module) -> StageKey:
    """What the cost of a stage depends on: its structure, and its parameters with what of them is trained.

    Of the structure, ``repr`` tells modules and their order; numbers such as how many heads attention has stand in
    plain attributes.
    """
    parameters = tuple((n, tuple(p.shape), p.dtype, p.requires_grad) for n, p in stage.named_parameters())
    numbers = tuple(
        (name, key, value)
        for name, module in stage.named_modules()
        for key, value in vars(module).items()
        if isinstance(value, int | float | str | tuple)
    )
    return repr(stage), numbers, parameters


def label(kind: str, *what: Any) -> str:
    """A short name for something of this kind; the same on every machine, as ``repr(what)`` must be."""
    return f"{kind} {hashlib.blake2b(repr(what).encode(), digest_size=5).hexdigest()}"

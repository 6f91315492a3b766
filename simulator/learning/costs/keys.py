"""Keys for all that the cost of a stage depends on, and labels that are the same on every machine."""

from __future__ import annotations

import hashlib
from typing import Any

from torch import nn

StageKey = tuple[Any, ...]


def stage_key(stage: nn.Module) -> StageKey:
    """Return all that the cost of a stage depends on: its structure, its parameters, and which of them are trained.

    The structure is the classes of its modules, by their names and in their order. Numbers such as the heads of
    attention are read from plain attributes. ``repr`` is not used: torch writes the same module differently from
    version to version, and a table that was measured with one version must be found with another.
    """
    structure = tuple((name, type(module).__name__) for name, module in stage.named_modules(remove_duplicate=False))
    parameters = tuple((n, tuple(p.shape), p.dtype, p.requires_grad) for n, p in stage.named_parameters())
    numbers = tuple(
        (name, key, value)
        for name, module in stage.named_modules()
        for key, value in vars(module).items()
        if isinstance(value, int | float | str | tuple)
    )
    return structure, numbers, parameters


def label(kind: str, *what: Any) -> str:
    """Return a short name: the kind, and a hash of ``repr(what)``, which must be the same on every machine."""
    return f"{kind} {hashlib.blake2b(repr(what).encode(), digest_size=5).hexdigest()}"

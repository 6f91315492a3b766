"""Models on ``meta`` are built without drawing their weights."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode


class Undrawn(TorchFunctionMode):
    """Skips the initialisation of weights on ``meta``: there are no values, and it takes most of the building time."""

    DRAWING = frozenset({"uniform_", "normal_", "erfinv_", "mul_", "add_", "clamp_", "zero_", "fill_"})

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(function, "__name__", "") in self.DRAWING:
            target = args[0] if args else (kwargs or {}).get("tensor")  # by name from torch.nn.init
            if isinstance(target, Tensor) and target.is_meta:
                return target
        return function(*args, **(kwargs or {}))

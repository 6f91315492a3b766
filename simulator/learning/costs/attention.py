"""Attention on ``meta`` as one operation, as fused kernels compute it; torch itself uses separate operations there."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

FUSED = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
FUSED_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


class Attention(TorchFunctionMode):
    """Computes attention as ``attention`` says, within this context.

    Args:
        attention: ``fused``, if attention is one operation that never stores its scores, or ``math``.

    Attributes:
        wanted: for each fused attention, by the storage of its queries, how many products its way back needs.
    """

    def __init__(self, attention: str) -> None:
        super().__init__()
        self.fused = attention == "fused"
        self.wanted: dict[int, int] = {}

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.fused and function is functional.scaled_dot_product_attention:
            return self._attend(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *_: Any, **others: Any
    ) -> Tensor:
        mask = None if attn_mask is None else attn_mask.expand(*query.shape[:-1], key.shape[-2])
        scores = query.requires_grad + key.requires_grad
        self.wanted[storage(query)] = scores + bool(scores) + value.requires_grad
        output: Tensor = FUSED(query, key, value, 0.0, others.get("is_causal", False), attn_mask=mask)[0]
        return output


def storage(tensor: Tensor) -> int:
    """Return what tells the storage of a tensor from others, as long as it lives."""
    return int(tensor.untyped_storage()._cdata)

"""The memory of a pass, in bytes, weights left out: what autograd keeps, and the largest live input and output."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Footprint(NamedTuple):
    """Of one pass of a batch.

    Attributes:
        kept: distinct storages that autograd keeps for the way back; 0 where nothing learns.
        pair: of the operation whose inputs and outputs together are largest.
    """

    kept: int
    pair: int


class Trace(NamedTuple):
    """Of one pass that was looked at: bytes kept, and of each operation in turn its inputs and outputs."""

    kept: int
    pairs: list[int]


FEW = 2, 3
"""Of larger batches these are looked at: each storage is a fixed number of bytes, and so many more for each sample. A
batch of one is looked at itself, for some operations take another way with it."""
_known: dict[tuple[Any, ...], Trace] = {}


def forget() -> None:
    """Forget every pass that was traced in this process."""
    _known.clear()


def footprint(
    module: nn.Module, keys: tuple[Any, ...], shape: tuple[int, ...], grad: bool, attention: str
) -> Footprint:
    """What a forward pass of ``module`` on ``meta`` needs and leaves for its backward pass.

    Args:
        module: on ``meta``, with its ``requires_grad`` pattern.
        keys: what the answer depends on beside the rest: the keys of its stages.
        shape: of the input, batch included.
        grad: whether the input requires a gradient.
        attention: ``fused``: queries, keys, values, output and one number a row; ``math``: the T x T tensors too.
    """

    def traced(samples: int) -> Trace:
        known = keys, (samples, *shape[1:]), grad, attention
        if known not in _known:
            with torch.inference_mode(False), torch.enable_grad():  # whoever asks first, and in which mode
                sample = torch.empty(known[1], device="meta").requires_grad_(grad)
                _known[known] = _count(module, sample, attention)
        return _known[known]

    if shape[0] < FEW[0]:
        kept, pairs = traced(shape[0])
        return Footprint(kept, max(pairs, default=0))
    few, one_more = map(traced, FEW)
    more = shape[0] - FEW[0]
    each = (size + more * (next_ - size) for size, next_ in zip(few.pairs, one_more.pairs, strict=True))
    return Footprint(few.kept + more * (one_more.kept - few.kept), max(each, default=0))


def _count(module: nn.Module, sample: Tensor, attention: str) -> Trace:
    weights = {tensor.untyped_storage()._cdata for tensor in module.state_dict(keep_vars=True).values()}
    kept: dict[int, tuple[int, Tensor]] = {}  # holds the tensors, so that no storage's address is used again

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes(), tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), _Pairs(weights) as pairs:
        if attention == "fused":
            with _Fused():
                module(sample)
        else:
            module(sample)
    return Trace(sum(size for size, _ in kept.values()), pairs.sizes)


class _Pairs(TorchDispatchMode):
    """Watches every operation for the bytes of its inputs and outputs, each storage once."""

    def __init__(self, weights: set[int]) -> None:
        super().__init__()
        self.weights, self.sizes = weights, list[int]()

    def see(self, tensors: Iterable[Any]) -> None:
        storages = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in tensors if isinstance(t, Tensor)}
        self.sizes.append(sum(size for key, size in storages.items() if key not in self.weights))

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = function(*args, **(kwargs or {}))
        self.see([*tree_leaves(args), *tree_leaves(kwargs or {}), *tree_leaves(output)])
        return output


class _Fused(TorchFunctionMode):
    """On ``meta`` torch always takes attention apart; this keeps what a fused kernel would keep."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is functional.scaled_dot_product_attention:
            return _FusedAttention.apply(*args[:3])
        return function(*args, **(kwargs or {}))


class _FusedAttention(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        *batch, heads, tokens, _ = q.shape
        output = q.new_empty((*batch, tokens, heads, v.shape[-1])).transpose(-2, -3)  # as kernels lay it out
        context.save_for_backward(q, k, v, output, q.new_empty(q.shape[:-1], dtype=torch.float32))
        return output

    @staticmethod
    def backward(context: Any, grad: Tensor) -> Any:
        raise RuntimeError("this attention is only there to be counted")

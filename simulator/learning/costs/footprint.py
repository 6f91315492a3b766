"""The memory of a pass without the weights, in bytes: what autograd keeps, and the largest operation's operands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from simulator.learning.costs.attention import Attention
from simulator.learning.costs.inputs import blank_input
from simulator.learning.costs.known import figure


class Footprint(NamedTuple):
    """The memory of one pass of a batch, without the weights.

    Attributes:
        kept: bytes of the distinct storages that autograd keeps for the backward pass; 0 where nothing is trained.
        pair: bytes of the inputs and outputs of one operation, where they are largest.
    """

    kept: int
    pair: int


class Trace(NamedTuple):
    """The memory of one pass that was traced, without the weights.

    Attributes:
        kept: bytes that autograd keeps for the backward pass.
        pairs: bytes of the inputs and outputs of each operation, in order.
    """

    kept: int
    pairs: list[int]


FEW = 2, 3
"""The batch sizes that are traced. Larger batches are extrapolated, for each further sample adds the same number of
bytes to a storage. A batch of one is traced itself, because some operations treat it differently."""
_known: dict[tuple[Any, ...], Trace] = {}
"""The passes that have been traced."""


def forget() -> None:
    """Forget every pass that was traced in this process."""
    _known.clear()


def footprint(
    module: nn.Module, keys: tuple[Any, ...], shape: tuple[int, ...], grad: bool, attention: str
) -> Footprint:
    """Return the memory that a forward pass needs, and what it keeps for its backward pass.

    Args:
        module: the stages in a row, on ``meta``, with ``requires_grad`` set on what is trained.
        keys: the keys of these stages, under which the result is cached.
        shape: the shape of the input, batch included.
        grad: whether the input requires a gradient.
        attention: what attention keeps. ``fused``: queries, keys, values, output and one number per row; ``math``: the
            T x T tensors too.
    """

    def traced(samples: int) -> Trace:
        key = keys, (samples, *shape[1:]), grad, attention
        if key not in _known:
            rest = (samples, *shape[1:]), grad, attention
            _known[key] = Trace(*figure("footprint", module, keys, rest, lambda real: _trace(real, *rest)))
        return _known[key]

    if shape[0] < FEW[0]:
        kept, pairs = traced(shape[0])
        return Footprint(kept, max(pairs, default=0))
    few, one_more = map(traced, FEW)
    further = shape[0] - FEW[0]
    sizes = (size + further * (larger - size) for size, larger in zip(few.pairs, one_more.pairs, strict=True))
    return Footprint(few.kept + further * (one_more.kept - few.kept), max(sizes, default=0))


def _trace(module: nn.Module, shape: tuple[int, ...], grad: bool, attention: str) -> Trace:
    with torch.inference_mode(False), torch.enable_grad():  # the caller's mode must not change the result
        batch = blank_input(module, shape, grad)
        return _count(module, batch, attention)


def _count(module: nn.Module, batch: Tensor, attention: str) -> Trace:
    weights = {tensor.untyped_storage()._cdata for tensor in module.state_dict(keep_vars=True).values()}
    kept: dict[int, tuple[int, Tensor]] = {}  # keeps the tensors alive, so that no address is used twice

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes(), tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), _Pairs(weights) as pairs:
        with Attention(attention):
            module(batch)
    return Trace(sum(size for size, _ in kept.values()), pairs.sizes)


class _Pairs(TorchDispatchMode):
    """Records the bytes of the inputs and outputs of every operation, counting each storage once."""

    def __init__(self, weights: set[int]) -> None:
        super().__init__()
        self.weights, self.sizes = weights, list[int]()

    def see(self, tensors: Iterable[Any]) -> None:
        """Record the storages of one operation; weights are left out."""
        storages = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in tensors if isinstance(t, Tensor)}
        self.sizes.append(sum(size for key, size in storages.items() if key not in self.weights))

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = function(*args, **(kwargs or {}))
        self.see([*tree_leaves(args), *tree_leaves(kwargs or {}), *tree_leaves(output)])
        return output

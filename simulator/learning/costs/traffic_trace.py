"""The trace of a stage's operations, as PyTorch dispatches them, with their operands and results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import conv_flop_count, flop_registry

from simulator.accounting.roofline import Operation
from simulator.learning.costs.attention import FUSED, FUSED_BACKWARD, Attention, storage
from simulator.learning.costs.inputs import blank_input

aten = torch.ops.aten
STILL = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach", "_unsafe_view"})
"""Operations that allocate or rename, and move nothing; so do views."""


Rows = tuple[Operation, ...]


def trace(stage: nn.Module, shape: tuple[int, ...], grad: bool, attention: str) -> tuple[Rows, Rows, Rows]:
    """Return the fields of ``Traffic``.

    Args:
        stage: the module, on ``meta``, with ``requires_grad`` set on what is trained.
        shape: the shape of the input, batch included.
        grad: whether the input requires a gradient.
        attention: ``fused`` or ``math``.
    """
    with torch.inference_mode(False), torch.enable_grad():  # the caller's mode must not change the result
        x = blank_input(stage, shape, grad)
        parameters = [parameter for parameter in stage.parameters() if parameter.requires_grad]
        with Attention(attention) as attended, _Seen() as forward:
            output = stage(x)
        if not output.requires_grad:
            return tuple(row.operation for row in forward.rows), (), ()
        with _Seen(attended.wanted) as backward:
            grads = torch.autograd.grad(output, [*parameters, *([x] if grad else [])], torch.empty_like(output))
    last = {storage(tensor) for tensor in grads[: len(parameters)]} - {
        storage(tensor) for tensor in grads[len(parameters) :]
    }
    chain = tuple(row.operation for row in backward.rows if not row.results or not row.results <= last)
    weights = tuple(row.operation for row in backward.rows if row.results and row.results <= last)
    return tuple(row.operation for row in forward.rows), chain, weights


class _Row(NamedTuple):
    """An operation that was seen, and the storages of its results."""

    operation: Operation
    results: frozenset[int]


class _Seen(TorchDispatchMode):
    """Records each operation with its FLOPs and bytes; a convolution's way back is two, as its kernels are.

    Args:
        wanted: as of ``Attention``, for a way back.
    """

    def __init__(self, wanted: Mapping[int, int] | None = None) -> None:
        super().__init__()
        self.rows: list[_Row] = []
        self._wanted = wanted or {}
        self._kept: list[Any] = []  # keeps tensors alive, so that no storage is used twice

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        output = function(*args, **kwargs)
        packet = function.overloadpacket
        if function.is_view or packet.__name__ in STILL or _is_of_whole_slice(packet, args, output):
            return output
        self._kept.append(output)
        if packet is aten.convolution_backward:
            self.rows.extend(_convolution_backward(output, *args))
        else:
            self.rows.append(_row(packet, args, kwargs, output, self._wanted))
        return output


def _is_of_whole_slice(packet: Any, args: Any, output: Any) -> bool:
    """Return whether this is the way back of a slice of everything: early versions of PyTorch do not leave it out."""
    return packet is aten.slice_backward and output.shape == args[0].shape


def _row(packet: Any, args: Any, kwargs: Any, output: Any, wanted: Mapping[int, int]) -> _Row:
    operands = {id(t): t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
    results = [tensor for tensor in tree_leaves(output) if isinstance(tensor, Tensor)]
    touched = sum(map(_bytes, operands.values())) + sum(map(_bytes, results))
    flops = copied = 0
    if packet in (FUSED, FUSED_BACKWARD):
        query, key = args[:2] if packet is FUSED else args[1:3]  # all widths are equal, and so are all products
        products = 2 if packet is FUSED else wanted[storage(query)]
        flops = products * 2 * prod(query.shape) * key.shape[-2]
    elif packet in flop_registry:
        flops = flop_registry[packet](*args, **kwargs, out_val=output)
    if packet is aten.convolution:
        copied = 2 * (_columns(args[0], args[1], output.shape, args[3]) + _bytes(args[0]) + _bytes(output))
    return _Row(Operation(flops, touched, copied), frozenset(map(storage, results)))


def _convolution_backward(output: Any, grad: Tensor, x: Tensor, weight: Tensor, *others: Any) -> Iterator[_Row]:
    """Yield what computes the gradient of the input, and what computes those of the weights."""
    _, stride, _, _, transposed, _, _, (of_input, of_weight, of_bias) = others
    flops = conv_flop_count(list(x.shape), list(weight.shape), list(grad.shape), transposed)
    copied = 2 * _columns(x, weight, grad.shape, stride)
    of_x, of_w, of_b = output
    if of_input:
        touched = _bytes(grad) + _bytes(weight) + _bytes(of_x)
        yield _Row(Operation(flops, touched, copied), frozenset({storage(of_x)}))
    if of_weight:
        touched = _bytes(grad) + _bytes(x) + _bytes(of_w) + (_bytes(of_b) if of_bias else 0)
        yield _Row(Operation(flops, touched, copied), frozenset({storage(of_w)}))
    elif of_bias:
        yield _Row(Operation(0, _bytes(grad) + _bytes(of_b)), frozenset({storage(of_b)}))


def _columns(x: Tensor, weight: Tensor, output: Iterable[int], stride: list[int]) -> int:
    """Return the bytes of the columns that a convolution is unfolded into; 0 where its kernel is a single point."""
    kernel = prod(weight.shape[2:])
    if kernel == 1 and all(step == 1 for step in stride):
        return 0
    samples, _, *places = output
    return samples * x.shape[1] * kernel * prod(places) * x.element_size()


def _bytes(tensor: Tensor) -> int:
    """Return the bytes of a tensor that are read or written; a value that is expanded is there once."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())

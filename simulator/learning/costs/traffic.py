"""The operations of a stage, forward and backward, from passes of two and three samples on ``meta``.

Every operation that computes or moves something is seen as PyTorch dispatches it, with its operands and results. Views
move nothing. For each further sample, an operation has as many more FLOPs and bytes as the third adds to the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from torch import nn

from simulator.accounting.roofline import Operation, Operations
from simulator.learning.costs.keys import StageKey
from simulator.learning.costs.known import figure

FEW = 2, 3
"""The batch sizes that are traced; a batch of one is traced itself, because some operations treat it differently."""


class Traffic(NamedTuple):
    """The operations of one stage for one batch.

    Attributes:
        forward: those of the forward pass.
        chain: those of the backward pass that must be done in order: for the gradients of activations.
        weights: those of the backward pass that may be done at any later time: for the gradients of weights.
    """

    forward: tuple[Operation, ...]
    chain: tuple[Operation, ...] = ()
    weights: tuple[Operation, ...] = ()


class Priced(NamedTuple):
    """The operations of one stage for one batch, in the form in which their seconds are computed.

    Attributes:
        forward, chain, weights: as of ``Traffic``.
        backward: ``chain`` and ``weights`` together.
    """

    forward: Operations
    backward: Operations
    chain: Operations
    weights: Operations


_traced: dict[tuple[Any, ...], Traffic] = {}
_priced: dict[tuple[Any, ...], Priced] = {}


def forget() -> None:
    """Forget every stage that was traced in this process."""
    _traced.clear()
    _priced.clear()


def traffic(
    stage: nn.Module, key: StageKey, shape: tuple[int, ...], grad: bool, samples: int, attention: str
) -> Priced:
    """Return the operations of a stage for a batch; each stage is traced only once.

    Args:
        stage: the module, on ``meta``, with ``requires_grad`` set on what is trained.
        key: ``stage_key(stage)``, which the caller computes once.
        shape: the shape of the input, without the batch.
        grad: whether the input requires a gradient.
        samples: the size of the batch.
        attention: ``fused``, if attention is one operation that never stores its scores, or ``math``.
    """
    name = key, tuple(shape), samples, grad, attention
    if name not in _priced:
        found = _operations(stage, name)
        _priced[name] = Priced(
            Operations(found.forward),
            Operations(found.chain + found.weights),
            Operations(found.chain),
            Operations(found.weights),
        )
    return _priced[name]


def _operations(stage: nn.Module, name: tuple[Any, ...]) -> Traffic:
    key, shape, samples, grad, attention = name

    def traced(few: int) -> Traffic:
        known = key, shape, few, grad, attention
        if known not in _traced:
            rest = (few, *shape), grad, attention
            found = figure("traffic", stage, (key,), rest, lambda real: _trace(real, *rest))
            _traced[known] = Traffic(*(tuple(Operation(*one) for one in direction) for direction in found))
        return _traced[known]

    if samples <= FEW[1]:
        return traced(samples)
    few, more = map(traced, FEW)
    return Traffic(*(tuple(_extended(*both, samples - FEW[0])) for both in zip(few, more, strict=True)))


def _extended(few: Iterable[Operation], more: Iterable[Operation], further: int) -> Iterator[Operation]:
    """Yield operations for ``further`` more samples than the first ones have."""
    for less, larger in zip(few, more, strict=True):
        yield Operation(*(a + further * (b - a) for a, b in zip(less, larger, strict=True)))


def _trace(
    stage: nn.Module, shape: tuple[int, ...], grad: bool, attention: str
) -> tuple[tuple[Operation, ...], tuple[Operation, ...], tuple[Operation, ...]]:
    from simulator.learning.costs.traffic_trace import trace  # with much of torch that is only needed here

    return trace(stage, shape, grad, attention)

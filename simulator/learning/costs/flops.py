"""FLOPs of a stage, forward and backward, of one sample; see ``flop_trace``."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from simulator.learning.costs.keys import StageKey, label
from simulator.learning.costs.known import figure


class StageCost(NamedTuple):
    """The cost of one stage for one sample.

    Attributes:
        forward: FLOPs of the forward pass.
        chain: FLOPs of the backward pass that must be done in order: the gradients of activations.
        weights: FLOPs of the backward pass that may be done at any later time: the gradients of weights.
        shape: the shape of the output, without the batch.
        grad: whether the output requires a gradient.
        label: a short name for the stage, its trained parameters and its input; the same on every machine.
        plain: a short name for the stage and its input, whatever is trained; the same on every machine. It names a
            forward pass that keeps nothing for a backward pass.
    """

    forward: int
    chain: int
    weights: int
    shape: tuple[int, ...]
    grad: bool
    label: str
    plain: str

    @property
    def backward(self) -> int:
        """FLOPs of the whole backward pass."""
        return self.chain + self.weights


_known: dict[tuple[StageKey, tuple[int, ...], bool], StageCost] = {}
"""The stages that have been traced: by key, input shape, and whether the input requires a gradient."""


def forget() -> None:
    """Forget every stage that was traced in this process."""
    _known.clear()


def stage_cost(stage: nn.Module, key: StageKey, shape: tuple[int, ...], grad: bool) -> StageCost:
    """Return the cost of a stage for one sample; each stage is traced only once.

    Args:
        stage: the module, on ``meta``, with ``requires_grad`` set on what is trained.
        key: ``stage_key(stage)``, which the caller computes once.
        shape: the shape of the input, without the batch.
        grad: whether the input requires a gradient.
    """
    traced = key, shape, grad
    if traced not in _known:
        kind, (structure, numbers, parameters), size = type(stage).__name__, key, tuple(shape)
        plain = label(kind, structure, numbers, [parameter[:-1] for parameter in parameters], size)
        found = figure("flops", stage, (key,), (kind, size, grad), lambda real: _trace(real, size, grad))
        forward, chain, weights, output, trained = found
        name = label(kind, key, size, grad)
        _known[traced] = StageCost(forward, chain, weights, tuple(output), trained, name, plain)
    return _known[traced]


def _trace(stage: nn.Module, shape: tuple[int, ...], grad: bool) -> tuple[int, int, int, tuple[int, ...], bool]:
    from simulator.learning.costs.flop_trace import trace  # with fvcore, which is only needed here

    return trace(stage, shape, grad)

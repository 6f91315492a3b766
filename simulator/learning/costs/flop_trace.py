"""The trace of a stage with fvcore, with a batch of one sample: the FLOPs of both directions.

A handle sees which operands of a product require a gradient, so one trace gives both directions: each operand that
requires a gradient costs one more product of the same size. fvcore counts multiply-adds; here, each is two FLOPs.
"""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from simulator.learning.costs.inputs import blank_input


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the warnings of a trace: fvcore needs torch.jit, which is deprecated, and fixed sizes are intended."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit\.", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=r".*torch\.jit\.", category=FutureWarning)
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        yield


with _quiet():
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_handles import (
        addmm_flop_jit,
        bmm_flop_jit,
        conv_flop_jit,
        get_shape,
        linear_flop_jit,
        matmul_flop_jit,
    )

Values = list[Any]
Handle = Callable[[Values, Values], "Counter[str]"]


def _charge(multiply_adds: float, left: bool, right: bool, weight: bool) -> Counter[str]:
    """Return the FLOPs of a product, forward and backward.

    Args:
        multiply_adds: of the product itself.
        left: whether the left operand requires a gradient.
        right: whether the right operand requires a gradient.
        weight: whether the right operand is a weight, whose gradient may be computed at any later time.
    """
    product = 2 * int(multiply_adds)
    chain = product * (left + (right and not weight))
    return Counter({"forward": product, "chain": chain, "weights": product * (right and weight)})


def _product(count: Callable[[Values, Values], float], left: int, right: int, weight: bool) -> Handle:
    def handle(inputs: Values, outputs: Values) -> Counter[str]:
        grads = inputs[left].requiresGrad(), inputs[right].requiresGrad()
        return _charge(count(inputs, outputs), *grads, weight)

    return handle


def _attention(inputs: Values, outputs: Values) -> Counter[str]:
    """Count the two products of attention, q k^T and (q k^T) v, over all heads; fvcore itself ignores the operator."""
    q, k, v = (get_shape(value) for value in inputs[:3])
    grad_q, grad_k, grad_v = (value.requiresGrad() for value in inputs[:3])
    rows = torch.Size(q[:-1]).numel()
    scores = _charge(rows * k[-2] * q[-1], grad_q, grad_k, weight=False)
    return scores + _charge(rows * k[-2] * v[-1], grad_q or grad_k, grad_v, weight=False)


HANDLES: dict[str, Handle | None] = {
    "aten::linear": _product(linear_flop_jit, 0, 1, weight=True),
    "aten::_convolution": _product(lambda i, o: conv_flop_jit(i, o)["conv"], 0, 1, weight=True),
    "aten::addmm": _product(addmm_flop_jit, 1, 2, weight=True),
    "aten::matmul": _product(matmul_flop_jit, 0, 1, weight=False),
    "aten::mm": _product(matmul_flop_jit, 0, 1, weight=False),
    "aten::bmm": _product(bmm_flop_jit, 0, 1, weight=False),
    "aten::scaled_dot_product_attention": _attention,
    # No products: their cost is in the bytes that they touch.
    "aten::layer_norm": None,
    "aten::batch_norm": None,
    "aten::group_norm": None,
}


def trace(stage: nn.Module, shape: tuple[int, ...], grad: bool) -> tuple[int, int, int, tuple[int, ...], bool]:
    """Return the first five fields of ``StageCost``, from one trace.

    Args:
        stage: the module, on ``meta``, with ``requires_grad`` set on what is trained.
        shape: the shape of the input, without the batch.
        grad: whether the input requires a gradient.
    """
    device = "meta"
    with _quiet(), torch.inference_mode(False), torch.enable_grad():  # the caller's mode must not change the result
        if any(isinstance(module, nn.modules.conv._ConvNd) for module in stage.modules()):
            device = "cpu"  # torch cannot trace a convolution on ``meta``
            stage = copy.deepcopy(stage).to_empty(device=device)
        sample = blank_input(stage, (1, *shape), grad, device)
        output = stage(sample)
        analysis = FlopCountAnalysis(stage, sample)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        for operator, handle in HANDLES.items():
            analysis.set_op_handle(operator, handle)
        counted = analysis.by_operator()
    forward, chain, weights = (int(counted[name]) for name in ("forward", "chain", "weights"))
    return forward, chain, weights, tuple(output.shape[1:]), output.requires_grad

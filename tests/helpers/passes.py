"""Passes through the parts of a model, compared with what torch itself counts and saves."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from simulator.learning.models.parts import Part, Pass

CUTS = [(), (2,), (1, 3), (2, 4), (1, 2, 3, 4)]
"""The boundaries at which a model of five stages is cut."""
KERNELS = {"math": SDPBackend.MATH, "fused": SDPBackend.FLASH_ATTENTION}


def counted(run: Callable[[], Any]) -> tuple[int, Any]:
    """Return the FLOPs that torch counts, and the result.

    Attention is the plain one: flash attention computes parts of its forward pass again in the backward pass.
    """
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        value = run()
    return counter.get_total_flops(), value


def compare(parts: list[Part], x: Tensor) -> list[tuple[int, int]]:
    """Return our FLOPs and torch's, for each forward and backward pass.

    Args:
        parts: the parts of the model, in order.
        x: the input of the first, [N, ...].
    """
    counts, passes = [], []
    for part in parts:
        theirs, one = counted(lambda part=part, x=x: part.forward(x))
        counts.append((part.forward.cost(x).flops, theirs))
        passes.append(one)
        assert part.loss_backward.cost(x, None).flops == part.forward.cost(x).flops + one.backward.cost(None).flops
        x = one.output
    grad = torch.randn(passes[-1].output.shape)
    for one in reversed(passes):
        ours = one.backward.cost(grad).flops
        if one.part.learns:
            theirs, grad = counted(lambda one=one, grad=grad: one.backward(grad))
            counts.append((ours, theirs))
        else:
            assert ours == 0
    return counts


def saved(run: Callable[[], Any], weights: dict[str, Tensor], attention: str) -> int:
    """Return the bytes of the distinct storages that autograd saves in a real run, without those of the weights.

    Args:
        run: the forward pass.
        weights: the weights, by name.
        attention: the kernel of attention: "math" or "fused".
    """
    own = {tensor.untyped_storage().data_ptr() for tensor in weights.values()}
    sizes: dict[int, int] = {}
    held = []

    def pack(tensor: Tensor) -> Tensor:
        held.append(tensor)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), sdpa_kernel(KERNELS[attention]):
        held.append(run())
    return sum(sizes.values())


def converse(parts: list[Part], x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Run forward through all parts and back as far as something learns, with plain tensors between them, as on links.

    Args:
        parts: the parts of the model, in order.
        x: the input of the first, [N, ...].
        y: the labels, [N].

    Returns:
        The output of the last part, and the gradients by name.
    """
    passes: list[Pass] = []
    for part in parts[:-1]:
        passes.append(part.forward(x))
        x = passes[-1].output.clone()
    last = parts[-1].loss_backward(x, y)
    grads, grad = dict(last.grads), last.input_grad
    for one in reversed(passes):
        if not one.part.learns:
            assert grad is None
            break
        grad = one.backward(grad.clone())
        grads |= one.grads
    return last.output, grads

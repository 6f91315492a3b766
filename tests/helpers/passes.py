"""Passes through the parts of a model, and what torch itself counts and keeps of them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from simulator.learning.models.parts import Part, Pass

CUTS = [(), (2,), (1, 3), (2, 4), (1, 2, 3, 4)]
"""Where a model of five stages may be cut."""
KERNELS = {"math": SDPBackend.MATH, "fused": SDPBackend.FLASH_ATTENTION}


def counted(run: Callable[[], Any]) -> tuple[int, Any]:
    """Torch's own count; its flash attention would compute more than once on the way back."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        value = run()
    return counter.get_total_flops(), value


def compare(parts: list[Part], x: Tensor) -> list[tuple[int, int]]:
    """Ours and torch's, of each forward and backward pass."""
    found, passes = [], []
    for part in parts:
        theirs, one = counted(lambda part=part, x=x: part.forward(x))
        found.append((part.forward.cost(x).flops, theirs))
        passes.append(one)
        assert part.loss_backward.cost(x, None).flops == part.forward.cost(x).flops + one.backward.cost(None).flops
        x = one.output
    grad = torch.randn(passes[-1].output.shape)
    for one in reversed(passes):
        ours = one.backward.cost(grad).flops
        if one.part.learns:
            theirs, grad = counted(lambda one=one, grad=grad: one.backward(grad))
            found.append((ours, theirs))
        else:
            assert ours == 0
    return found


def saved(run: Callable[[], Any], weights: dict[str, Tensor], attention: str) -> int:
    """Bytes of the distinct storages that autograd saves in a real run, weights left out."""
    own = {tensor.untyped_storage().data_ptr() for tensor in weights.values()}
    found: dict[int, int] = {}
    held = []

    def pack(tensor: Tensor) -> Tensor:
        held.append(tensor)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), sdpa_kernel(KERNELS[attention]):
        held.append(run())
    return sum(found.values())


def converse(parts: list[Part], x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Forward through all parts and back as far as something learns, handing over plain tensors as links do."""
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

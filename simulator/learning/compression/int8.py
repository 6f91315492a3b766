"""Quantisation to 8 bits per value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from simulator.learning.compression.base import OfChange, Shape, TensorSpec, in_bytes

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 127
"""The largest code."""


class Int8(OfChange):
    """Symmetric rounding to 8 bits: the largest magnitude is 127 steps, and no value changes by more than half a step.

    This is common practice, taken from no particular paper.

    Attributes:
        scale: one step size for the whole ``tensor``, or one for each ``row``, a vector along the last dimension (the
            features of a token, the weights of an output).
    """

    name: ClassVar[str] = "int8"
    reads: ClassVar[int] = 2  # once for the largest magnitude, once to divide
    scale: Literal["tensor", "row"] = "tensor"

    def _rows(self, shape: Shape) -> int:
        """Return the number of step sizes."""
        return math.prod(shape[:-1]) if self.scale == "row" else 1

    def specs(self, shape: Shape) -> dict[str, TensorSpec]:
        return {"codes": TensorSpec("int8", shape), "steps": in_bytes(self._rows(shape))}

    def encode(self, values: Tensor) -> dict[str, Tensor]:
        import torch  # here, so that reading a scenario loads no torch

        rows = values.reshape(self._rows(tuple(values.shape)), -1)
        steps = (rows.abs().amax(dim=1) / LARGEST).clamp_min(torch.finfo(torch.float32).tiny)
        codes = (rows / steps[:, None]).round().clamp(-LARGEST, LARGEST).to(torch.int8)
        return {"codes": codes.view(values.shape), "steps": steps.view(torch.uint8)}

    def decode(self, sent: dict[str, Tensor], shape: Shape) -> Tensor:
        import torch

        steps = sent["steps"].view(torch.float32)
        return (sent["codes"].view(len(steps), -1).float() * steps[:, None]).view(shape)

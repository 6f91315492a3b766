"""CosSGD: quantised angles in place of values."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from simulator.learning.compression.base import OfChange, Shape, TensorSpec, in_bytes

if TYPE_CHECKING:
    from torch import Tensor


class CosSgd(OfChange):
    """CosSGD (He et al., 2020; arXiv 2012.08241): the angle of each entry is rounded to a code of a few bits.

    For each entry g_i of a tensor g, the angle arccos(g_i / ||g||) is rounded to one of 2^bits equally spaced values
    from b to pi - b. The codes, ||g|| and b are sent.

    From the paper's abstract: quantisation by cosine, of gradients and of weights. Recalled, not verified: how the
    angle is bounded, and that the largest entries are clipped. Ours: rounding to the nearest code (theirs may be
    stochastic), coding tensor by tensor, and the defaults. Their random masks and Deflate are left out.

    An entry that is not clipped changes by at most ||g|| (pi - 2b) / (2^bits - 1) / 2. If an entry or ||g|| is not
    finite in float32, no entry that arrives is finite.

    Attributes:
        bits: the bits of a code.
        clip: the share of entries, those of largest magnitude, that are clipped to the largest magnitude of the others;
            b is the angle of that magnitude.
    """

    name: ClassVar[str] = "cos_sgd"
    reads: ClassVar[int] = 4  # once for the norm, twice for the bound (a selection in linear time), once for the codes
    bits: int = Field(8, ge=1, le=16)
    clip: float = Field(0.01, ge=0, lt=1)

    def specs(self, shape: Shape) -> dict[str, TensorSpec]:
        codes, one = -(-math.prod(shape) * self.bits // 8), in_bytes(1)
        return {"codes": TensorSpec("uint8", (codes,)), "norm": one, "bound": one}

    def encode(self, values: Tensor) -> dict[str, Tensor]:
        import torch  # here, so that reading a scenario loads no torch

        from simulator.learning.compression.bits import pack

        flat = values.reshape(-1)
        norm = flat.norm(dtype=torch.float64).float().view(1)  # in float32, squares of 1e30 and 1e-30 are lost
        directions = flat / norm.clamp_min(torch.finfo(torch.float32).tiny)
        clipped = int(len(flat) * Fraction(str(self.clip)))
        bound = directions.abs().topk(clipped + 1).values[-1:].clamp(max=1.0).arccos()
        angles = directions.clamp(-1.0, 1.0).arccos()
        steps = ((angles - bound) / self._step(bound)).round().clamp(0, 2**self.bits - 1)
        codes = pack(steps.to(torch.int32), self.bits)
        return {"codes": codes, "norm": norm.view(torch.uint8), "bound": bound.view(torch.uint8)}

    def decode(self, sent: dict[str, Tensor], shape: Shape) -> Tensor:
        import torch

        from simulator.learning.compression.bits import unpack

        norm, bound = (sent[name].view(torch.float32) for name in ("norm", "bound"))
        angles = unpack(sent["codes"], math.prod(shape), self.bits) * self._step(bound) + bound
        return (angles.cos() * norm).view(shape)

    def _step(self, bound: Tensor) -> Tensor:
        """Return the angle between two codes; it is kept above 0, which it would be where all entries are zero."""
        return ((math.pi - 2 * bound) / (2**self.bits - 1)).clamp_min(1e-30)

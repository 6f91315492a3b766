"""Sparsification: only the largest values are sent."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from simulator.learning.compression.base import OfChange, Shape, TensorSpec

if TYPE_CHECKING:
    from torch import Tensor


class TopK(OfChange):
    """The entries of largest magnitude of each tensor, sent as value and index; the receiver takes the rest as zero.

    With ``of: change``, a device keeps what it left out and adds it to its next change of the same kind (memory, Stich
    et al., 2018, Algorithm 1; error feedback, Karimireddy et al., 2019, Algorithm 2). With values (smashed data, whole
    weights), nothing is kept: what is left out of one batch has no meaning for the next. Ours: selection tensor by
    tensor, and 32 bits each for value and index.

    Attributes:
        fraction: the share of the n entries that are sent: floor(n x fraction), at least one.
    """

    name: ClassVar[str] = "top_k"
    reads: ClassVar[int] = 3  # magnitudes are read, written, and searched once (a selection takes linear time)
    keeps_what_is_left: ClassVar[bool] = True
    fraction: float = Field(0.01, gt=0, le=1)

    def _kept(self, shape: Shape) -> int:
        """Return the number of entries that are sent."""
        return max(1, int(math.prod(shape) * Fraction(str(self.fraction))))  # 100 x 0.29 is 29, not 28.999...

    def specs(self, shape: Shape) -> dict[str, TensorSpec]:
        kept = (self._kept(shape),)
        return {"values": TensorSpec("float32", kept), "indices": TensorSpec("int32", kept)}

    def encode(self, values: Tensor) -> dict[str, Tensor]:
        import torch  # here, so that reading a scenario loads no torch

        flat = values.reshape(-1)
        indices = flat.abs().topk(self._kept(tuple(values.shape)), sorted=False).indices
        return {"values": flat[indices], "indices": indices.to(torch.int32)}

    def decode(self, sent: dict[str, Tensor], shape: Shape) -> Tensor:
        values = sent["values"]
        return values.new_zeros(math.prod(shape)).index_put_((sent["indices"].long(),), values).view(shape)

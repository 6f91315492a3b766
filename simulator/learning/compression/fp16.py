"""Half precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.learning.compression.base import Compressor, Shape, TensorSpec

if TYPE_CHECKING:
    from torch import Tensor


class Fp16(Compressor):
    """Half precision (IEEE 754 binary16): 2 bytes per value, a significand of 11 bits, infinity beyond 65,504."""

    name: ClassVar[str] = "fp16"
    tells_zeros: ClassVar[bool] = True

    def specs(self, shape: Shape) -> dict[str, TensorSpec]:
        return {"values": TensorSpec("float16", shape)}

    def encode(self, values: Tensor) -> dict[str, Tensor]:
        return {"values": values.half()}

    def decode(self, sent: dict[str, Tensor], shape: Shape) -> Tensor:
        return sent["values"].float()

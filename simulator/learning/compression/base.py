"""The contract of a compressor: what it makes of a tensor, and what that weighs and costs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from simulator.accounting.costs import Cost
from simulator.settings.base import Settings

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]
FLOAT_BYTES = 4
"""All values are float32 before they are encoded, and after."""


class TensorSpec(NamedTuple):
    """One tensor of what is sent: the name of torch's type, and its shape."""

    dtype: Literal["uint8", "int8", "int32", "float16", "float32"]
    shape: Shape

    @property
    def nbytes(self) -> int:
        size = {"uint8": 1, "int8": 1, "float16": 2, "int32": 4, "float32": 4}[self.dtype]
        return size * math.prod(self.shape)


def in_bytes(numbers: int) -> TensorSpec:
    """So many float32 numbers as their bytes, for what a wire of a smaller type must not round: a step may be tiny."""
    return TensorSpec("uint8", (FLOAT_BYTES * numbers,))


class Compressor(Settings):
    """A way of sending fewer bytes. Each floating tensor of a payload is encoded by itself, as a few named tensors.

    How many bytes they have, and what coding costs, depends on the tensor's shape alone: so a dry run knows it.
    Nothing is drawn at random. A NaN must not be lost: a model that diverges has to be seen to.
    """

    name: ClassVar[str]
    reads: ClassVar[int] = 1
    """How often encoding goes over the values."""
    keeps_what_is_left: ClassVar[bool] = False
    """Whether a client adds to each change what was left out of the one before (error feedback)."""

    @property
    def takes_change(self) -> bool:
        """Whether it encodes the change to what the client received, not the values."""
        return False

    @property
    def pull(self) -> float:
        """By how much of its error the gradient that comes back is corrected, where it was smashed data."""
        return 0.0

    def specs(self, shape: Shape) -> dict[str, TensorSpec]:
        """What is sent of a tensor of this shape."""
        raise NotImplementedError

    def encode(self, values: Tensor) -> dict[str, Tensor]:
        """What is sent of this tensor: as ``specs`` says of its shape. It stays as it is."""
        raise NotImplementedError

    def decode(self, sent: dict[str, Tensor], shape: Shape) -> Tensor:
        """The tensor of this shape that the receiver makes of it: float32, its own."""
        raise NotImplementedError

    def nbytes(self, shape: Shape) -> int:
        """Bytes of all that is sent of a tensor of this shape."""
        return sum(spec.nbytes for spec in self.specs(shape).values())

    def encode_cost(self, shape: Shape) -> Cost:
        """The price of ``encode``; its peak is a copy of the values to work on, beside what comes out."""
        values = FLOAT_BYTES * math.prod(shape)
        return Cost(bytes_touched=self.reads * values + self.nbytes(shape), peak_bytes=values)

    def decode_cost(self, shape: Shape) -> Cost:
        """The price of ``decode``; its peak is what it needs beside what comes out."""
        return Cost(bytes_touched=self.nbytes(shape) + FLOAT_BYTES * math.prod(shape))


class OfChange(Compressor):
    """One that can encode the change of weights.

    Attributes:
        of: ``value``, or ``change``: the difference to what the device was sent of the same kind before, which both
            ends know and the receiver adds. Only for what a device sends.
    """

    of: Literal["value", "change"] = "value"

    @property
    def takes_change(self) -> bool:
        return self.of == "change"

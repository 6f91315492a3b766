"""The interface of a compressor: how it encodes a tensor, and the size and the cost of that."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from simulator.accounting.costs import Cost
from simulator.settings.base import Settings

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]
FLOAT_BYTES = 4
"""The bytes of one value: all values are float32 before they are encoded and after they are decoded."""


class TensorSpec(NamedTuple):
    """The type and the shape of one tensor that is sent.

    Attributes:
        dtype: the name of its torch type.
        shape: its shape.
    """

    dtype: Literal["uint8", "int8", "int32", "float16", "float32"]
    shape: Shape

    @property
    def nbytes(self) -> int:
        """The size of the tensor in bytes."""
        size = {"uint8": 1, "int8": 1, "float16": 2, "int32": 4, "float32": 4}[self.dtype]
        return size * math.prod(self.shape)


def in_bytes(numbers: int) -> TensorSpec:
    """Describe float32 numbers that are sent as raw bytes.

    A smaller ``wire_dtype`` does not round bytes, and would round a quantisation step, which may be tiny.
    """
    return TensorSpec("uint8", (FLOAT_BYTES * numbers,))


class Compressor(Settings):
    """A way of sending fewer bytes, in which each floating-point tensor of a payload is encoded as a few named tensors.

    The size of these and the cost of coding depend on the shape of the tensor alone, so that a dry run knows them.
    Nothing is drawn at random. NaN must survive: it has to be seen when a model diverges.
    """

    name: ClassVar[str]
    reads: ClassVar[int] = 1
    """How many times encoding reads all values."""
    tells_zeros: ClassVar[bool] = False
    """Whether a row is decoded as zeros if it is zeros, and only then; by that padding is told from tokens."""
    keeps_what_is_left: ClassVar[bool] = False
    """Whether a client adds to each change what was left out of the previous one (error feedback)."""

    @property
    def takes_change(self) -> bool:
        """Whether the change from what the client received is encoded, instead of the values."""
        return False

    @property
    def pull(self) -> float:
        """The factor on the coding error of smashed data by which the gradient that comes back is corrected."""
        return 0.0

    def specs(self, shape: Shape) -> dict[str, TensorSpec]:
        """Return the tensors that are sent in place of a tensor of this shape, by name."""
        raise NotImplementedError

    def encode(self, values: Tensor) -> dict[str, Tensor]:
        """Encode a tensor, which is not changed, as the tensors that ``specs`` lists for its shape."""
        raise NotImplementedError

    def decode(self, sent: dict[str, Tensor], shape: Shape) -> Tensor:
        """Return the receiver's tensor of this shape: a new one, float32."""
        raise NotImplementedError

    def nbytes(self, shape: Shape) -> int:
        """Return the number of bytes that are sent in place of a tensor of this shape."""
        return sum(spec.nbytes for spec in self.specs(shape).values())

    def encode_cost(self, shape: Shape) -> Cost:
        """Return the cost of ``encode``; its peak memory is a working copy of the values, beside the result."""
        values = FLOAT_BYTES * math.prod(shape)
        return Cost(bytes_touched=self.reads * values + self.nbytes(shape), peak_bytes=values)

    def decode_cost(self, shape: Shape) -> Cost:
        """Return the cost of ``decode``; its peak memory is what it needs beside the result."""
        return Cost(bytes_touched=self.nbytes(shape) + FLOAT_BYTES * math.prod(shape))


class OfChange(Compressor):
    """A compressor that can encode the change of weights instead of the weights.

    Attributes:
        of: ``value``, or ``change``: the difference from what the device was last sent of the same kind, which both
            ends know and the receiver adds. ``change`` is allowed only for what a device sends.
    """

    of: Literal["value", "change"] = "value"

    @property
    def takes_change(self) -> bool:
        return self.of == "change"

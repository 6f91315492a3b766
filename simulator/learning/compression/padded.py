"""Padding of texts told from tokens where a compressor would mix them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.accounting.costs import Cost
from simulator.learning.compression.base import FLOAT_BYTES, Compressor, Shape, TensorSpec
from simulator.learning.compression.bits import packed_bytes
from simulator.learning.models.stages.text import TRACE

if TYPE_CHECKING:
    from torch import Tensor

ROWS = "rows of tokens"


class KeepsPadding:
    """A compressor of hidden states that also sends which rows of [N, T, D] are not zero, one bit each.

    The receiver sees what is padding from rows of zeros. An inexact compressor may turn these into small numbers, or
    may leave nothing but zeros of a token. The arguments of all methods are those of ``Compressor``.

    Attributes:
        inner: the compressor.
    """

    def __init__(self, inner: Compressor) -> None:
        self.inner = inner

    @property
    def pull(self) -> float:
        """The factor of the correction, as of the compressor."""
        return self.inner.pull

    @property
    def keeps_what_is_left(self) -> bool:
        """Whether there is error feedback, as of the compressor."""
        return self.inner.keeps_what_is_left

    def specs(self, shape: Shape) -> dict[str, TensorSpec]:
        """Return the tensors that are sent, by name."""
        specs = self.inner.specs(shape)
        return {**specs, ROWS: TensorSpec("uint8", (_bytes(shape),))} if _has_rows(shape) else specs

    def encode(self, values: Tensor) -> dict[str, Tensor]:
        """Encode a tensor; which rows are not zero is sent beside it."""
        from simulator.learning.compression.bits import pack

        sent = self.inner.encode(values)
        if not _has_rows(tuple(values.shape)):
            return sent
        return {**sent, ROWS: pack((values != 0).any(dim=-1).flatten().int(), 1)}

    def decode(self, sent: dict[str, Tensor], shape: Shape) -> Tensor:
        """Return the receiver's tensor, in which the rows of padding are zero, and no others are."""
        from simulator.learning.compression.bits import unpack

        if ROWS not in sent:
            return self.inner.decode(sent, shape)
        values = self.inner.decode({name: part for name, part in sent.items() if name != ROWS}, shape)
        rows = unpack(sent[ROWS], shape[0] * shape[1], 1).view(*shape[:2], 1)
        values = values.where(rows != 0, 0.0)
        emptied = (rows != 0) & (values == 0).all(dim=-1, keepdim=True)
        return values.masked_fill(emptied, TRACE)

    def nbytes(self, shape: Shape) -> int:
        """Return the number of bytes that are sent."""
        return sum(spec.nbytes for spec in self.specs(shape).values())

    def encode_cost(self, shape: Shape) -> Cost:
        """Return the cost of ``encode``: the values are read once more."""
        return self.inner.encode_cost(shape) + self._extra(shape)

    def decode_cost(self, shape: Shape) -> Cost:
        """Return the cost of ``decode``: the rows of padding are set at the same time."""
        return self.inner.decode_cost(shape) + Cost(bytes_touched=_bytes(shape) if _has_rows(shape) else 0)

    def _extra(self, shape: Shape) -> Cost:
        if not _has_rows(shape):
            return Cost()
        samples, tokens, width = shape
        return Cost(bytes_touched=FLOAT_BYTES * samples * tokens * width + _bytes(shape))


def _has_rows(shape: Shape) -> bool:
    return len(shape) == 3


def _bytes(shape: Shape) -> int:
    return packed_bytes(shape[0] * shape[1], 1)

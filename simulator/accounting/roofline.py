"""The operations of a piece of work, and the seconds they take: of each, its arithmetic or its memory traffic.

Operations follow one another, so their seconds add up: a norm that waits for memory hides no product. Of a sum, one
maximum, and a maximum for each operation, the last had the smallest error on measured rows of models that it was not
fitted to (docs/fidelity.md).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple


class Operation(NamedTuple):
    """One operation: a product, a norm, an activation.

    Attributes:
        flops: its floating-point operations.
        bytes: the bytes of its operands and results, each read or written once.
        copied: the bytes that a processor reads and writes besides, to bring the operands of a convolution into
            columns and into another layout. A GPU does without.
    """

    flops: int
    bytes: int
    copied: int = 0


class Operations:
    """Operations in a row, as far as their seconds depend on them.

    Attributes:
        flops, bytes, copied: the sums of all.
    """

    __slots__ = ("_bytes", "_flops", "_intensities", "bytes", "copied", "flops")

    def __init__(self, operations: Iterable[Operation] = ()) -> None:
        moved: dict[float, list[int]] = defaultdict(lambda: [0, 0])
        self.flops = self.bytes = self.copied = 0
        for flops, touched, copied in operations:
            together = moved[flops / touched if touched else float("inf")]
            together[0] += flops
            together[1] += touched
            self.flops, self.bytes, self.copied = self.flops + flops, self.bytes + touched, self.copied + copied
        self._intensities = sorted(moved)  # FLOPs a byte
        sums = [moved[intensity] for intensity in self._intensities]
        self._flops = list(accumulate((flops for flops, _ in sums), initial=0))
        self._bytes = list(accumulate((touched for _, touched in sums), initial=0))

    def seconds(self, flops_per_s: float, bandwidth: float, copies: bool = False) -> float:
        """Return the sum of what each operation takes: the longer of its arithmetic and its memory traffic.

        Args:
            flops_per_s: the rate that is reached, FLOP/s.
            bandwidth: the memory bandwidth that is reached, in bytes/s.
            copies: whether convolutions copy their operands first.
        """
        below = bisect_right(self._intensities, flops_per_s / bandwidth)  # how many are bound by memory
        touched = self._bytes[below] + self.copied if copies else self._bytes[below]
        return (self.flops - self._flops[below]) / flops_per_s + touched / bandwidth

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Operations) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.flops, self.bytes, self.copied))

    def __repr__(self) -> str:
        return f"<operations of {self.flops} FLOPs and {self.bytes} bytes>"

    def _key(self) -> tuple[object, ...]:
        return self._intensities, self._flops, self._bytes, self.copied

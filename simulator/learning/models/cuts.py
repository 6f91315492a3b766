"""Cuts of a model: head and tail on the device, body at the server."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from simulator.settings.errors import UnfitError

Ranges = tuple[tuple[int, int], ...]
"""Half-open ranges of stage indices, in order: ((0, 2), (7, 8)) is a head and a tail without the body between them."""


class HasBlocks(Protocol):
    """A model in stages, some of which are blocks; its length is the number of stages."""

    @property
    def blocks(self) -> range:
        """The indices of the stages that are blocks."""

    def __len__(self) -> int: ...


class Cut(NamedTuple):
    """A model cut in three.

    Attributes:
        head: the stages on the device up to the first cut layer.
        body: the stages at the server.
        tail: the stages on the device after the second cut layer.
    """

    head: Ranges
    body: Ranges
    tail: Ranges

    @property
    def short(self) -> Ranges:
        """The short cut from the head straight to the tail, without the body."""
        return (*self.head, *self.tail)

    @property
    def rest(self) -> Ranges:
        """Body and tail as one range: all that follows the head."""
        return ((self.body[0][0], self.tail[0][1]),)


def cut(model: HasBlocks, head: int, tail: int) -> Cut:
    """Cut a model at block boundaries.

    Args:
        model: the model in stages.
        head: blocks in the head, which also has the embedding and the prompts.
        tail: blocks in the tail, which also has the final norm and the classifier.

    Raises:
        UnfitError: no block is left for the body. The key of the error is the larger of the two.
    """
    blocks = model.blocks
    if head < 0 or tail < 0 or head + tail >= len(blocks):
        problem = f"head {head} and tail {tail} leave no block for the server: the model has {len(blocks)} blocks"
        key, value = ("head", head) if head >= tail else ("tail", tail)
        raise UnfitError(key, value, problem, f"head + tail of at most {len(blocks) - 1}")
    first, last = blocks.start + head, blocks.stop - tail
    return Cut(((0, first),), ((first, last),), ((last, len(model)),))

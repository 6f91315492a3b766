"""Where a model is cut: head and tail on the device, body at the server."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from simulator.settings.errors import UnfitError

Ranges = tuple[tuple[int, int], ...]
"""Half-open ranges of stages, in order: ((0, 2), (7, 8)) is the short cut from head to tail."""


class HasBlocks(Protocol):
    """A model in stages, some of which are blocks."""

    @property
    def blocks(self) -> range:
        """The stages that are blocks."""

    def __len__(self) -> int: ...


class Cut(NamedTuple):
    """A model in three: stages of the head, the body and the tail; and the short cut from head to tail."""

    head: Ranges
    body: Ranges
    tail: Ranges

    @property
    def short(self) -> Ranges:
        return (*self.head, *self.tail)

    @property
    def rest(self) -> Ranges:
        """Everything behind the head, in one."""
        return ((self.body[0][0], self.tail[0][1]),)


def cut(model: HasBlocks, head: int, tail: int) -> Cut:
    """Cut at block boundaries: the head has the embedding, prompts and ``head`` blocks, the tail ``tail`` and the norm
    and classifier.

    Raises:
        UnfitError: fewer than one block is left for the body; its key is the larger of the two.
    """
    blocks = model.blocks
    if head < 0 or tail < 0 or head + tail >= len(blocks):
        problem = f"head {head} and tail {tail} leave no block for the server: the model has {len(blocks)} blocks"
        key, value = ("head", head) if head >= tail else ("tail", tail)
        raise UnfitError(key, value, problem, f"head + tail of at most {len(blocks) - 1}")
    first, last = blocks.start + head, blocks.stop - tail
    return Cut(((0, first),), ((first, last),), ((last, len(model)),))

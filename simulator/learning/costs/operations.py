"""The pieces of a work: stages in one direction each, under the labels by which a machine's table lists their times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from simulator.accounting.costs import Piece

if TYPE_CHECKING:
    from simulator.learning.costs.flops import StageCost
    from simulator.learning.costs.traffic import Priced


class Pieces(NamedTuple):
    """The pieces of each kind of work on one part and one batch, in the order of its stages.

    Attributes:
        infer: the pieces of a forward pass that keeps nothing for a backward pass.
        forward: the pieces of a forward pass.
        backward: the pieces of a backward pass.
        chain: the pieces of the backward pass that must be done in order.
        late: the pieces of the backward pass that may be done at any later time.
    """

    infer: tuple[Piece, ...] = ()
    forward: tuple[Piece, ...] = ()
    backward: tuple[Piece, ...] = ()
    chain: tuple[Piece, ...] = ()
    late: tuple[Piece, ...] = ()


def pieces(stages: Sequence[tuple[StageCost, Priced]], samples: int) -> Pieces:
    """Return the pieces of a part.

    A stage that keeps nothing for a backward pass takes the same time in both kinds of forward pass, and is the same
    piece in both.

    Args:
        stages: the stages of the part, in order: the cost of each for one sample, and its operations for the batch.
        samples: the size of the batch.
    """
    infer, onward, back, chained, late = (list[Piece]() for _ in Pieces._fields)
    for cost, (forward, backward, chain, weights) in stages:
        inference = Piece(f"{cost.plain} infer", samples, samples * cost.forward, forward.bytes, forward)
        infer.append(inference)
        onward.append(inference._replace(what=f"{cost.label} forward") if cost.grad else inference)
        if cost.grad:
            for kind, name, flops, operations in (
                (back, "backward", cost.backward, backward),
                (chained, "chain", cost.chain, chain),
                (late, "late", cost.weights, weights),
            ):
                kind.append(Piece(f"{cost.label} {name}", samples, samples * flops, operations.bytes, operations))
    return Pieces(tuple(infer), tuple(onward), tuple(back), tuple(chained), tuple(late))

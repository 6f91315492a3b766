"""The pieces of a work: stages in one direction each, under the labels by which a machine's table lists their times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from simulator.accounting.costs import Piece

if TYPE_CHECKING:
    from simulator.learning.costs.flops import StageCost


class Weighed(NamedTuple):
    """One stage of a part, with its sizes.

    Attributes:
        cost: its cost for one sample.
        weights, trained: bytes of all its weights, and of those that are trained.
        activations: bytes of its input and its output for one sample.
    """

    cost: StageCost
    weights: int
    trained: int
    activations: int


class Pieces(NamedTuple):
    """The pieces of each kind of work on one part and one batch, in the order of its stages.

    Attributes:
        infer: the pieces of a forward pass that keeps nothing for a backward pass.
        forward: the pieces of a forward pass.
        backward: the pieces of a backward pass.
    """

    infer: tuple[Piece, ...] = ()
    forward: tuple[Piece, ...] = ()
    backward: tuple[Piece, ...] = ()


def pieces(stages: Sequence[Weighed], samples: int) -> Pieces:
    """Return the pieces of a part.

    A stage that keeps nothing for a backward pass takes the same time in both kinds of forward pass, and is the same
    piece in both.

    Args:
        stages: the stages of the part, in order.
        samples: the size of the batch.
    """
    infer, forward, backward = [], [], []
    uncharged = 0  # bytes: the first stage that a backward pass reaches is charged for those before it as well
    for cost, weights, trained, activations in stages:
        touched = samples * activations
        inference = Piece(f"{cost.plain} infer", samples, samples * cost.forward, weights + touched)
        infer.append(inference)
        forward.append(inference._replace(what=f"{cost.label} forward") if cost.grad else inference)
        uncharged += weights + trained + 2 * touched
        if cost.grad:
            backward.append(Piece(f"{cost.label} backward", samples, samples * cost.backward, uncharged))
            uncharged = 0
    return Pieces(tuple(infer), tuple(forward), tuple(backward))

"""What works are made of: stages, each one way, under names by which a machine's table knows their seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from simulator.accounting.costs import Piece

if TYPE_CHECKING:
    from simulator.learning.costs.flops import StageCost


class Weighed(NamedTuple):
    """One stage of a part.

    Attributes:
        cost: for one sample.
        weights, trained: bytes of all its weights, and of those that are trained.
        activations: bytes of its input and its output, for one sample.
    """

    cost: StageCost
    weights: int
    trained: int
    activations: int


class Pieces(NamedTuple):
    """Of one part and one batch, in the order of its stages: what each kind of work is made of."""

    infer: tuple[Piece, ...] = ()
    forward: tuple[Piece, ...] = ()
    backward: tuple[Piece, ...] = ()


def pieces(stages: Sequence[Weighed], samples: int) -> Pieces:
    """The pieces of a part. Forward, a stage of which nothing is kept for a way back is as quick as without one."""
    infer, forward, backward, behind = [], [], [], 0
    for cost, weights, trained, activations in stages:
        touched = samples * activations
        one = Piece(f"{cost.plain} infer", samples, samples * cost.forward, weights + touched)
        infer.append(one)
        forward.append(one._replace(what=f"{cost.label} forward") if cost.grad else one)
        behind += weights + trained + 2 * touched
        if cost.grad:  # a pass back is charged the bytes of all stages: those it does not reach count with the first
            backward.append(Piece(f"{cost.label} backward", samples, samples * cost.backward, behind))
            behind = 0
    return Pieces(tuple(infer), tuple(forward), tuple(backward))

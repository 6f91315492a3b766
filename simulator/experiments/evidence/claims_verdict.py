"""The verdict on a claim: a rule on which conditions give the claimed figures, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

HOLDS, HOLDS_IF, DOES_NOT, UNSAID = "holds", "holds if", "does not", "not enough said"
UNDECIDED, UNMEASURED = "not decided", "not measured"
MEANINGS = {
    HOLDS: "every condition that the source states gives the claimed figures",
    HOLDS_IF: "some conditions give them, or all that we chose where the source states none; they are named",
    DOES_NOT: "no condition gives them",
    UNSAID: "no condition that we tried gives them, and the source leaves out what decides",
    UNDECIDED: "no condition gives them with every seed, but one does with some",
    UNMEASURED: "the figures need trained results, whose file is not there",
}
"""What each verdict means, for the page."""
State = bool | None
"""Whether a figure, or all that decide, are as claimed; None where it depends on the seed."""


def state_of(accepted: Sequence[bool]) -> State:
    """Return the state of a figure from one truth value for each seed: all, none, or only some are as claimed."""
    return True if all(accepted) else None if any(accepted) else False


def combined(states: Sequence[State]) -> State:
    """Return the state of a condition from those of its figures: one that fails outweighs one that is undecided."""
    return False if False in states else None if None in states else True


def verdict(conditions: Literal["stated", "ours"], otherwise: str, states: Sequence[State]) -> str:
    """Return the verdict on a claim.

    Args:
        conditions: who chose the conditions.
        otherwise: the verdict if none of them gives the claimed figures.
        states: the state of each condition.
    """
    if all(state is True for state in states):
        return HOLDS if conditions == "stated" else HOLDS_IF
    if True in states:
        return HOLDS_IF
    return UNDECIDED if None in states else otherwise

"""The power that a site draws in each state."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Power:
    """What a site draws in each state, in watts.

    While a site is in a state, it draws the difference to ``idle`` on top of ``idle``; for states that overlap, the
    differences add up.

    Attributes:
        idle: while it is there.
        compute: while one slot computes.
        upload: while it sends.
        download: while it receives.
    """

    idle: float = 0.0
    compute: float = 0.0
    upload: float = 0.0
    download: float = 0.0

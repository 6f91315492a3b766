"""A use of a site: what usage is made of."""

from __future__ import annotations

from typing import NamedTuple

RESOLUTION = 1e-12
"""The relative resolution of the clock: pieces of time that are shorter are rounding errors."""


class Use(NamedTuple):
    """A use of a site: something that it did, or time for which it stood by.

    The activities ``compute``, ``upload`` (the site sends) and ``download`` (it receives) carry the energy above idle.
    ``idle`` carries the energy of being there. ``wait`` is the part of the idle time in which a client did nothing; it
    carries no further energy.

    Attributes:
        side: ``client`` or ``server``.
        site: the name of the site.
        phase: that of the work or transfer; ``idle`` or ``waiting`` for standing by.
        activity: ``compute``, ``upload``, ``download``, ``idle`` or ``wait``.
        round: the round that it belongs to; 0 outside of rounds.
        start: when it began, in seconds of the clock. Transfers that share a link are given parts of its busy time that
            do not overlap. Idle and waiting time start with the engagement or round that they are part of; the seconds
            of waiting lie anywhere in it.
        seconds: how long it lasted; of a work, how long it kept one slot busy.
        bytes: what a client sent or received; 0 on the server's side of the same transfers.
        flops: floating-point operations.
        energy_j: joules, as described above.
    """

    side: str
    site: str
    phase: str
    activity: str
    round: int
    start: float
    seconds: float
    bytes: int
    flops: int
    energy_j: float

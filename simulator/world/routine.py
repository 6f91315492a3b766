"""A routine: what each of many clients does in an attempt, step by step, where all of them do the same.

In a dry run there are no values that a client could go by, so clients with equally many samples send equal payloads and
ask for equal works. What they do is worked out once (``rehearsal``) and then followed by each of them (``follower``),
with its own links and its own hardware.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from simulator.accounting.costs import Work


class Sends(NamedTuple):
    """A payload that a client sends, or receives.

    Attributes:
        up: whether it goes to the server, or comes from there.
        kind: the kind of payload.
        payload: the payload, as the receiver has it.
        nbytes: its bytes on the wire.
        phase: the phase that its row in the ledger gets.
    """

    up: bool
    kind: str
    payload: Any
    nbytes: int
    phase: str


class Computes(NamedTuple):
    """A work that a client does on its device.

    Attributes:
        work: the work, which takes no arguments, computes nothing, and costs what the client's own would. Its
            ``peak_bytes`` are all that is in the device's memory for the attempt while it runs, and it holds only the
            name of the part of the model that it is done with.
        phase: the phase that its row in the ledger gets.
    """

    work: Work
    phase: str


class Routine(NamedTuple):
    """What each of many clients does in an attempt.

    Attributes:
        steps: what it sends and computes, in order.
        outcome: returns what one client's attempt comes to.
    """

    steps: tuple[Sends | Computes, ...]
    outcome: Callable[[], Any]

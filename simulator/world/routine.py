"""A routine: what each of many clients does in an attempt, step by step, where all of them do the same.

In a dry run there are no values that a client could go by, so clients with equally many samples send equal payloads and
ask for equal works. What they do is worked out once (``rehearsal``) and then followed by each of them (``follower``),
with its own links and its own hardware.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from simulator.accounting.costs import Cost


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


class Computes:
    """A work that a client does on its device, as a site serves it: like a ``Work`` that takes no arguments.

    Args:
        name: its name.
        cost: its cost; its ``peak_bytes`` are all that is in the device's memory for the attempt while it runs.
        part: the name of the part of the model that it is done with; empty if there is none.
        phase: the phase that its row in the ledger gets.
    """

    __slots__ = ("_cost", "_part", "name", "phase")
    deferrable = False

    def __init__(self, name: str, cost: Cost, part: str, phase: str) -> None:
        self.name, self._cost, self._part, self.phase = name, cost, part, phase

    def cost(self) -> Cost:
        """Return its cost."""
        return self._cost

    def holds(self) -> str:
        """Return the name of the part whose weights are among the bytes of its cost."""
        return self._part

    def writes(self) -> None:
        """Return nothing: no other work can write what this one does."""

    def batch_key(self) -> None:
        """Return nothing: it shares no pass."""

    def run(self) -> None:
        """Compute nothing."""


class Routine(NamedTuple):
    """What each of many clients does in an attempt.

    Attributes:
        steps: what it sends and computes, in order.
        outcome: returns what one client's attempt comes to.
    """

    steps: tuple[Sends | Computes, ...]
    outcome: Callable[[], Any]

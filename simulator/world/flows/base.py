"""The contract of what shares links among flows."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import simpy

    from simulator.world.links import Flow, Link


class Sharing(ABC):
    """Gives flows their max-min fair rates on a clock, and tells which of them ends next.

    The network puts a flow on its links (``Link.flows``) before it enters here, and takes it off before it leaves.

    Attributes:
        env: the clock.
        flows: the flows that it serves.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.flows: dict[Flow, None] = {}

    @abstractmethod
    def advance(self) -> None:
        """Get ready for changes at this moment; it comes before ``enter``, ``leave`` and ``change``."""

    @abstractmethod
    def enter(self, flow: Flow) -> None:
        """Serve one more flow, which is on its links already; its bytes left are those of now."""

    @abstractmethod
    def leave(self, flow: Flow) -> None:
        """Serve a flow no more, which is off its links already."""

    @abstractmethod
    def left(self, flow: Flow) -> float:
        """Return the bytes of a flow that have not arrived by now."""

    @abstractmethod
    def rate(self, flow: Flow) -> float:
        """Return the rate of a flow now, in bytes/s, once all is settled."""

    @abstractmethod
    def change(self, link: Link, bytes_per_s: float) -> None:
        """Give a link another rate."""

    @abstractmethod
    def settle(self) -> tuple[float, Flow | None]:
        """Give all flows their rates after changes; return the seconds until the next one ends, infinity if none does.

        The flow is the one that ends then, where its end is to be exact.
        """

    @abstractmethod
    def arrived(self) -> Iterable[Flow]:
        """Return the flows of which nothing is left but what the clock cannot resolve; each leaves before the next."""


def tick(now: float) -> float:
    """Return the seconds that the clock cannot resolve at a moment."""
    return 4 * math.ulp(now)

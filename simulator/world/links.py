"""Links, and the flows on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import simpy

    from simulator.world.signals.base import Varying


NO_FLOWS: dict[Flow, None] = {}
"""The flows of a link that has none, never changed: of very many links, most have none at most times."""


@dataclass(eq=False, slots=True)
class Link:
    """One direction of a medium.

    Attributes:
        name: its name in messages.
        bytes_per_s: its rate now, which its flows share. With a signal, it is up to date while a flow is on the link.
        latency: seconds that pass before the first byte of a flow.
        signal: the factor on its nominal rate, by time; None if its rate does not vary.
        loss: the share of the bytes sent that do not arrive, and are sent again.
        flows: the flows that are on it now, as ``add`` and ``remove`` have it.
        nominal: its rate without the signal, in bytes/s.
    """

    name: str
    bytes_per_s: float
    latency: float = 0.0
    signal: Varying | None = None
    loss: float = 0.0
    flows: dict[Flow, None] = field(init=False, repr=False)
    nominal: float = field(init=False)

    def __post_init__(self) -> None:
        if not self.bytes_per_s > 0 or not self.latency >= 0:
            raise ValueError(f"link {self.name!r} cannot have {self.bytes_per_s} B/s and {self.latency} s of latency")
        if not 0 <= self.loss < 1:
            raise ValueError(f"link {self.name!r} cannot lose a share of {self.loss}")
        if self.signal is not None and math.isinf(self.bytes_per_s):
            raise ValueError(f"link {self.name!r} has no limit that could vary")
        self.nominal, self.flows = self.bytes_per_s, NO_FLOWS

    def add(self, flow: Flow) -> None:
        """Have a flow on it from now on."""
        if self.flows:
            self.flows[flow] = None
        else:
            self.flows = {flow: None}

    def remove(self, flow: Flow) -> None:
        """Have a flow on it no more, if it is there."""
        if flow in self.flows:
            del self.flows[flow]
            if not self.flows:  # a dict keeps the room of what it has had
                self.flows = NO_FLOWS


@dataclass(eq=False, slots=True)
class Flow:
    """Bytes on their way along a path of links.

    What is ``left`` and the ``rate`` are as of some moment before: ask the network for those of now.

    Attributes:
        path: the links.
        left: the bytes that had not arrived at the last change of its rate.
        done: the event that fires when the last byte has arrived.
        rate: the rate from then on, in bytes/s.
        most: the rate that it would have alone, in bytes/s.
        stopped: whether it was cancelled.
        at: in a crowd, the moment of the last change of its rate, in seconds of the clock.
        cap: at a port, the rate that its other links allow, in bytes/s.
        mark: at a port of which it takes an equal share, the service by which its last byte has arrived, in
            bytes; -1 if it takes none.
        turn: in a crowd, the number of its latest entries in queues; those with other numbers are out of date.
        place: in a crowd, what serves it.
    """

    path: tuple[Link, ...]
    left: float
    done: simpy.Event
    rate: float = 0.0
    most: float = 0.0
    stopped: bool = False
    at: float = 0.0
    cap: float = 0.0
    mark: float = -1.0
    turn: int = -1
    place: Any = None


def crossing(path: Sequence[Link], nbytes: int) -> int:
    """Return the bytes that are sent until a payload has arrived: those that are lost are sent again, end to end.

    It is the expected number, so that nothing is drawn: n / ((1 - loss) (1 - loss) ...), in whole bytes.

    Args:
        path: the links, each with its loss.
        nbytes: the bytes of the payload.
    """
    arriving = 1.0
    for link in path:
        if link.loss:
            arriving *= 1 - link.loss
    return nbytes if arriving == 1 else round(nbytes / arriving)


def held_up(flow: Flow, link: Link, now: float) -> bool:
    """Return whether another link of a flow's path than this one carries nothing, and never will."""
    return any(other is not link and _is_dead(other, now) for other in flow.path)


def _is_dead(link: Link, now: float) -> bool:
    if link.signal is None:
        return not link.bytes_per_s
    return not link.signal.at(now) and math.isinf(link.signal.next_change(now))

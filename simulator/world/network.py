"""Links that are shared: every flow gets its max-min fair part of every link on its path.

Max-min fairness by progressive filling (Bertsekas and Gallager, *Data Networks*, 2nd ed., section 6.5.2): all rates
rise together until a link is full; its flows are settled; the others go on rising.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import simpy


@dataclass(eq=False, slots=True)
class Link:
    """One direction of a medium. ``bytes_per_s`` is shared by its flows; ``latency`` (s) is paid before a flow."""

    name: str
    bytes_per_s: float
    latency: float = 0.0
    flows: dict[Flow, None] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.bytes_per_s > 0 or not self.latency >= 0:
            raise ValueError(f"link {self.name!r}: {self.bytes_per_s} B/s and {self.latency} s of latency make no link")


@dataclass(eq=False, slots=True)
class Flow:
    """Bytes on their way along a path; ``done`` fires when the last has arrived."""

    path: tuple[Link, ...]
    left: float
    done: simpy.Event
    rate: float = 0.0
    most: float = 0.0  # its rate if it were alone
    stopped: bool = False


class Network:
    """Carries flows over paths of links on a SimPy clock."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.flows: dict[Flow, None] = {}
        self._advanced = env.now
        self._crowded: set[Link] = set()
        self._shared = False  # when rates were last set
        self._alarm: simpy.Event | None = None

    def send(self, path: Sequence[Link], nbytes: int, after: float = 0.0) -> Flow:
        """Start a flow: so many seconds ``after`` now, then the latency of every link of the path, then the bytes."""
        flow = Flow(tuple(path), nbytes, self.env.event())
        latency = after + sum(link.latency for link in path)
        if latency:
            self.env.timeout(latency).callbacks.append(lambda _: self._enter(flow))
        else:
            self._enter(flow)
        return flow

    def cancel(self, flow: Flow) -> float:
        """Take a flow out, also one still in its latency; the bytes that did not get across, 0 if all had."""
        if flow.done.triggered:
            return 0.0
        flow.stopped = True
        if flow in self.flows:
            self._advance()
            self._remove(flow)
            self._settle()
        return flow.left

    def _enter(self, flow: Flow) -> None:
        if flow.stopped:
            return
        if not flow.left or not flow.path:
            flow.left = 0.0
            flow.done.succeed()
            return
        self._advance()
        self.flows[flow] = None
        flow.rate = flow.most = min(link.bytes_per_s for link in flow.path)
        for link in flow.path:
            link.flows[flow] = None
            self._weigh(link)
        self._settle()

    def _remove(self, flow: Flow) -> None:
        del self.flows[flow]
        for link in flow.path:
            link.flows.pop(flow, None)
            self._weigh(link)

    def _weigh(self, link: Link) -> None:
        """Whether its flows could take more than it has."""
        if sum(flow.most for flow in link.flows) > link.bytes_per_s:
            self._crowded.add(link)
        else:
            self._crowded.discard(link)

    def _advance(self) -> None:
        """Bring what is left of each flow up to now."""
        passed = self.env.now - self._advanced
        self._advanced = self.env.now
        if passed:
            for flow in self.flows:
                flow.left = max(0.0, flow.left - flow.rate * passed)

    def _settle(self) -> None:
        """Share the links anew and set the alarm for the flow that ends first."""
        if self._crowded or self._shared:  # else each has what it could take at most
            share(self.flows)
            self._shared = bool(self._crowded)
        self._alarm = None  # one that was set is out of date
        if not self.flows:
            return
        first = min(self.flows, key=lambda flow: flow.left / flow.rate)
        self._alarm = self.env.timeout(first.left / first.rate)
        self._alarm.callbacks.append(lambda alarm: self._arrive(alarm, first))

    def _arrive(self, alarm: simpy.Event, first: Flow) -> None:
        """The alarm's own flow is over by definition; so are those that end within the clock's resolution."""
        if alarm is not self._alarm:
            return
        self._advance()
        first.left = 0.0
        tick = 4 * math.ulp(self.env.now)
        for flow in [flow for flow in self.flows if flow.left <= tick * flow.rate]:
            flow.left = 0.0
            self._remove(flow)
            flow.done.succeed()
        self._settle()


def share(flows: dict[Flow, None]) -> None:
    """Set the max-min fair rate of each flow.

    Links wait in a heap by the equal part they could give each of their open flows. That part only grows while others
    are settled, so an entry that is out of date is too small, is corrected when it comes up, and goes back.
    """
    room: dict[Link, float] = {}
    open_flows: dict[Link, int] = {}
    for flow in flows:
        flow.rate = 0.0
        for link in flow.path:
            room[link] = link.bytes_per_s
            open_flows[link] = open_flows.get(link, 0) + 1
    heap = [(room[link] / open_flows[link], order, link) for order, link in enumerate(room)]
    heapq.heapify(heap)
    while heap:
        part, order, link = heapq.heappop(heap)
        if not open_flows[link]:
            continue
        now = room[link] / open_flows[link]
        if now > part:
            heapq.heappush(heap, (now, order, link))
            continue
        for flow in link.flows:
            if flow.rate:
                continue
            flow.rate = part
            for other in flow.path:
                room[other] = max(0.0, room[other] - part)
                open_flows[other] -= 1

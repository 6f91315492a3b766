"""Flows that are all looked at whenever one of them comes, goes or changes: exact, general, and quick while few.

Max-min fairness by progressive filling (Bertsekas and Gallager, *Data Networks*, 2nd ed., section 6.5.2): all rates
rise together until a link is full; its flows are settled; the others go on rising.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from simulator.world.flows.base import Sharing, tick

if TYPE_CHECKING:
    import simpy

    from simulator.world.links import Flow, Link


class Filling(Sharing):
    """Shares any links among any flows, in the order of n log n for each change."""

    def __init__(self, env: simpy.Environment) -> None:
        super().__init__(env)
        self._advanced = env.now
        self._crowded: set[Link] = set()
        self._shared = False  # whether a link was crowded when rates were last set

    def advance(self) -> None:
        """Bring the bytes left of each flow up to the present."""
        passed = self.env.now - self._advanced
        self._advanced = self.env.now
        if passed:
            for flow in self.flows:
                flow.left = max(0.0, flow.left - flow.rate * passed)

    def enter(self, flow: Flow) -> None:
        self.flows[flow] = None
        flow.rate = flow.most = min(link.bytes_per_s for link in flow.path)
        for link in flow.path:
            self._note_crowding(link)

    def leave(self, flow: Flow) -> None:
        del self.flows[flow]
        for link in flow.path:
            self._note_crowding(link)

    def left(self, flow: Flow) -> float:
        self.advance()
        return flow.left

    def rate(self, flow: Flow) -> float:
        return flow.rate

    def change(self, link: Link, bytes_per_s: float) -> None:
        link.bytes_per_s = bytes_per_s
        touched = {link: None}
        for flow in link.flows:
            if flow not in self.flows:
                continue
            flow.rate = flow.most = min(other.bytes_per_s for other in flow.path)
            touched.update(dict.fromkeys(flow.path))
        for other in touched:
            self._note_crowding(other)

    def _note_crowding(self, link: Link) -> None:
        """Note whether the flows of a link could take more than its rate."""
        if sum(flow.most for flow in link.flows) > link.bytes_per_s:
            self._crowded.add(link)
        else:
            self._crowded.discard(link)

    def settle(self) -> tuple[float, Flow | None]:
        if self._crowded or self._shared:  # else each flow has the rate that it would have alone
            share(self.flows)
            self._shared = bool(self._crowded)
        if not self.flows:
            return math.inf, None
        first = min(self.flows, key=_seconds_left)
        return _seconds_left(first), first

    def arrived(self) -> list[Flow]:
        step = tick(self.env.now)
        return [flow for flow in self.flows if flow.left <= step * flow.rate]


def _seconds_left(flow: Flow) -> float:
    """Return the seconds until the last byte arrives at the rate of now; infinity for a flow that is paused."""
    return flow.left / flow.rate if flow.rate else math.inf


def share(flows: Iterable[Flow]) -> None:
    """Set the max-min fair rate of each flow.

    Links wait in a heap by the equal part they could give each of their open flows. That part only grows while others
    are settled, so an entry that is out of date is too small, is corrected when it comes up, and goes back.
    """
    room: dict[Link, float] = {}
    open_flows: dict[Link, int] = {}
    for flow in flows:
        flow.rate = -1.0  # not settled: 0 is a rate
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
            if flow.rate >= 0:
                continue
            flow.rate = part
            for other in flow.path:
                room[other] = max(0.0, room[other] - part)
                open_flows[other] -= 1

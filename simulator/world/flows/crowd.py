"""Many flows, each of which is looked at only when its own rate changes: in the order of log n for each of them.

A link is *crowded* if its flows could take more than its rate. A flow without a crowded link has the rate that it would
have alone. A flow with one is served there (``port``). Flows with several of them, and all that share those links, are
*tangled* and served all together (``filling``): that is general, and slow where they are many.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

from simulator.world.flows.base import Sharing, tick
from simulator.world.flows.filling import Filling
from simulator.world.flows.port import Port, whole
from simulator.world.flows.upcoming import Upcoming

if TYPE_CHECKING:
    import simpy

    from simulator.world.links import Flow, Link


class Crowd(Sharing):
    """Shares links among many flows.

    Once a link has been crowded, it counts as crowded for as long as it has two flows: a port can also serve flows that
    leave room.
    """

    def __init__(self, env: simpy.Environment) -> None:
        super().__init__(env)
        self._turns = count()
        self._demand: dict[Link, int] = {}  # what the flows of a link could take, where there are two or more
        self._ports: dict[Link, Port] = {}
        self._tangles: dict[Link, None] = {}  # crowded links with flows that have several of them
        self._tangled = Filling(env)
        self._ends: Upcoming[Flow | Port] = Upcoming()
        self._touched: dict[Port, None] = {}
        self._changed: dict[Link, None] = {}  # links that may be crowded now, or no more

    def advance(self) -> None:
        """Nothing waits for it: each flow is brought up to the present when it changes."""

    def enter(self, flow: Flow) -> None:
        self.flows[flow] = None
        flow.most = min([link.bytes_per_s for link in flow.path])
        for link in flow.path:
            if len(link.flows) > 1:
                self._add_demand(link, flow)
        self._place(flow)

    def leave(self, flow: Flow) -> None:
        del self.flows[flow]
        self._displace(flow)
        for link in flow.path:
            if link in self._demand:
                if len(link.flows) > 1:
                    self._demand[link] -= whole(flow.most)
                else:
                    del self._demand[link]
                    self._changed[link] = None

    def left(self, flow: Flow) -> float:
        now = self.env.now
        if flow.place is None:
            return max(0.0, flow.left - flow.rate * (now - flow.at)) if now > flow.at else flow.left
        if flow.place is self._tangled:
            return self._tangled.left(flow)
        flow.place.advance(now)
        left: float = flow.place.left(flow)
        return left

    def rate(self, flow: Flow) -> float:
        rate: float = flow.place.rate(flow) if flow.place else flow.rate
        return rate

    def change(self, link: Link, bytes_per_s: float) -> None:
        if (port := self._ports.get(link)) is not None:
            port.advance(self.env.now)
            self._touched[port] = None
        self._tangled.advance()
        link.bytes_per_s = bytes_per_s
        for flow in list(link.flows):
            most = min(other.bytes_per_s for other in flow.path)
            if most != flow.most:
                for other in flow.path:
                    if other in self._demand and other.bytes_per_s < math.inf:
                        self._demand[other] += whole(most) - whole(flow.most)
                        self._changed[other] = None
                flow.most = most
            if flow.place is self._tangled:
                continue
            if flow.place is None or flow.place.link is not link:
                self._displace(flow)
                self._place(flow)
        if self._tangled.flows:
            self._tangled.change(link, bytes_per_s)
        if bytes_per_s == math.inf:
            self._demand.pop(link, None)
        elif len(link.flows) > 1 and link not in self._demand:  # it had no limit before
            self._demand[link] = sum(whole(flow.most) for flow in link.flows)
        self._changed[link] = None

    def settle(self) -> tuple[float, Flow | None]:
        self._crowding()
        for port in self._touched:
            port.advance(self.env.now)
            port.balance()
            port.turn = next(self._turns)
            if (end := port.next_end()) < math.inf:
                self._ends.push(end, port)
        self._touched.clear()
        first, now = self._ends.first(), self.env.now
        seconds = max(0.0, first[0] - now) if first else math.inf
        if self._tangled.flows:
            self._tangled.advance()
            seconds = min(seconds, self._tangled.settle()[0])
        return seconds, None

    def arrived(self) -> Iterator[Flow]:
        now, step = self.env.now, tick(self.env.now)
        while (first := self._ends.first()) is not None and first[0] <= now + step:
            one = first[2]
            if not isinstance(one, Port):
                yield one
                continue
            one.advance(now)
            while (flow := one.arrived(step)) is not None:
                yield flow
            self._touched[one] = None
            one.turn = -1  # it may end a little later than was computed
        if self._tangled.flows:
            self._tangled.advance()
            yield from self._tangled.arrived()

    # Who is served where.

    def _place(self, flow: Flow) -> None:
        """Have a flow served, whose bytes left are those of now."""
        crowded, cap, now = [], math.inf, self.env.now
        for link in flow.path:
            if link in self._ports or link in self._tangles:
                crowded.append(link)
            else:
                cap = min(cap, link.bytes_per_s)
        if not crowded:
            flow.rate, flow.at, flow.turn = cap, now, next(self._turns)
            if cap:
                self._ends.push(now + flow.left / cap, flow)
        elif len(crowded) > 1 or crowded[0] in self._tangles:
            self._tangle(flow, crowded)
        else:
            port = self._ports[crowded[0]]
            flow.place, flow.cap = port, cap
            port.advance(now)
            port.join(flow)
            self._touched[port] = None

    def _displace(self, flow: Flow) -> None:
        """Have a flow served no more; its bytes left are those of now."""
        place, now = flow.place, self.env.now
        flow.place = None
        if place is None:
            flow.left = self.left(flow)
            flow.turn = -1
        elif place is self._tangled:
            self._tangled.advance()
            self._tangled.leave(flow)
        else:
            place.advance(now)
            place.part(flow)
            self._touched[place] = None

    def _add_demand(self, link: Link, flow: Flow) -> None:
        """Note what one more flow of a link could take."""
        if link.bytes_per_s == math.inf:
            return
        if link in self._demand:
            self._demand[link] += whole(flow.most)
        else:
            self._demand[link] = sum(whole(other.most) for other in link.flows)
        self._changed[link] = None

    def _crowding(self) -> None:
        """Have the flows of links served elsewhere that have become crowded, or are no more."""
        while self._changed:
            link, _ = self._changed.popitem()
            known = link in self._ports or link in self._tangles
            if not known and self._demand.get(link, 0) > whole(link.bytes_per_s):
                for flow in link.flows:
                    self._displace(flow)
                self._ports[link] = Port(link, self.env.now, self._turns)
                for flow in link.flows:
                    self._place(flow)
            elif known and link not in self._demand:
                self._disband(link)

    def _disband(self, link: Link) -> None:
        """Have the flows of a link that is crowded no more served where they belong now."""
        flows = list(link.flows)
        if link in self._ports:
            for flow in flows:
                self._displace(flow)
            port = self._ports.pop(link)
            port.turn = -1
            self._touched.pop(port, None)
        else:
            flows += [flow for flow in self._tangled.flows if flow not in link.flows]
            for flow in flows:
                self._displace(flow)
            del self._tangles[link]
            for other in self._tangles:
                self._ports[other] = Port(other, self.env.now, self._turns)
            self._tangles.clear()
        for flow in flows:
            self._place(flow)

    def _tangle(self, flow: Flow, crowded: list[Link]) -> None:
        """Have a flow with several crowded links served with all that share any of these, and so on."""
        self._tangled.advance()
        flow.place = self._tangled
        self._tangled.enter(flow)
        while crowded:
            link = crowded.pop()
            if (port := self._ports.pop(link, None)) is None:
                continue
            self._tangles[link] = None
            port.advance(self.env.now)
            port.turn = -1
            self._touched.pop(port, None)
            for other in link.flows:
                if other.place is port:
                    port.part(other)
                    other.place = self._tangled
                    self._tangled.enter(other)
                    crowded.extend(way for way in other.path if way in self._ports)

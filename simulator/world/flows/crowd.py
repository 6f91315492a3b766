"""Many flows, each of which is looked at only when its own rate changes: in the order of log n for each of them.

A link is *crowded* if its flows could take more than its rate. A flow without a crowded link has the rate that it would
have alone. A flow with one is served there (``port``). Where the few flows of a link are *twins*, with all links in
common, they have equal rates, so that the link is no more than a cap on each: an equal part of its rate. Flows with
several crowded links, and all that share those links, are a *tangle* and served all together (``filling``): that is
general, and slow where they are many. A change in one tangle or port does not touch another.
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


TWINS = 8
"""As many flows of a link are looked at to find whether they are twins."""


class Tangle(Filling):
    """Flows that are connected by crowded links.

    Attributes:
        turn: the number of its latest entry in the queue of ends.
    """

    turn = -1


class Crowd(Sharing):
    """Shares links among many flows.

    Once a link has been crowded, it counts as crowded for as long as it has two flows: a port can also serve flows that
    leave room.
    """

    def __init__(self, env: simpy.Environment) -> None:
        super().__init__(env)
        self._turns = count()
        self._demand: dict[Link, int] = {}  # by link with two flows or more; what they could take, until it is crowded
        self._twins: set[Link] = set()  # links that are shared by twins, and are no port
        self._ports: dict[Link, Port] = {}
        self._tangles: dict[Link, Tangle] = {}  # crowded links with flows that have several of them
        self._ends: Upcoming[Flow | Port | Tangle] = Upcoming()
        self._touched: dict[Port | Tangle, None] = {}
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
            if link not in self._demand:
                continue
            if len(link.flows) < 2:
                del self._demand[link]
                self._changed[link] = None
            elif not self._is_crowded(link):
                self._demand[link] -= whole(flow.most)
                if link in self._twins:
                    self._changed[link] = None

    def left(self, flow: Flow) -> float:
        now, place = self.env.now, flow.place
        if place is None:
            return max(0.0, flow.left - flow.rate * (now - flow.at)) if now > flow.at else flow.left
        if isinstance(place, Port):
            place.advance(now)
        left: float = place.left(flow)
        return left

    def rate(self, flow: Flow) -> float:
        rate: float = flow.place.rate(flow) if flow.place else flow.rate
        return rate

    def change(self, link: Link, bytes_per_s: float) -> None:
        if (port := self._ports.get(link)) is not None:
            port.advance(self.env.now)
            self._touched[port] = None
        tangles = {flow.place: None for flow in link.flows if isinstance(flow.place, Tangle)}
        for tangle in tangles:
            tangle.advance()
            self._touched[tangle] = None
        link.bytes_per_s = bytes_per_s
        for flow in list(link.flows):
            most = min(other.bytes_per_s for other in flow.path)
            if most != flow.most:
                for other in flow.path:
                    if other in self._demand and other.bytes_per_s < math.inf:
                        self._demand[other] += whole(most) - whole(flow.most)
                        self._changed[other] = None
                flow.most = most
            if flow.place is None or (isinstance(flow.place, Port) and flow.place is not port):
                self._displace(flow)
                self._place(flow)
        for tangle in tangles:
            tangle.change(link, bytes_per_s)
        if bytes_per_s == math.inf:
            self._demand.pop(link, None)
        elif len(link.flows) > 1 and link not in self._demand:  # it had no limit before
            self._demand[link] = sum(whole(flow.most) for flow in link.flows)
        self._changed[link] = None

    def settle(self) -> tuple[float, Flow | None]:
        self._crowding()
        now = self.env.now
        for one in self._touched:
            one.turn = next(self._turns)
            if isinstance(one, Port):
                end = one.settle(now)
            else:
                one.advance()
                end = now + one.settle()[0]
            if end < math.inf:
                self._ends.push(end, one)
        self._touched.clear()
        first = self._ends.first()
        return (max(0.0, first[0] - now) if first else math.inf), None

    def arrived(self) -> Iterator[Flow]:
        now, step = self.env.now, tick(self.env.now)
        while (first := self._ends.first()) is not None and first[0] <= now + step:
            one = first[2]
            if isinstance(one, Port):
                one.advance(now)
                while (flow := one.arrived(step)) is not None:
                    yield flow
            elif isinstance(one, Tangle):
                one.advance()
                yield from one.arrived()
            else:
                yield one
                continue
            self._touched[one] = None
            one.turn = -1  # it may end a little later than was computed

    # Who is served where.

    def _place(self, flow: Flow) -> None:
        """Have a flow served, whose bytes left are those of now."""
        crowded, cap, now = [], math.inf, self.env.now
        for link in flow.path:
            if link in self._ports or link in self._tangles:
                crowded.append(link)
            else:
                cap = min(cap, link.bytes_per_s / len(link.flows) if link in self._twins else link.bytes_per_s)
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
        place = flow.place
        if place is None:
            flow.left = self.left(flow)
            flow.turn = -1
            return
        flow.place = None
        self._touched[place] = None
        if isinstance(place, Port):
            place.advance(self.env.now)
            place.part(flow)
        else:
            place.advance()
            place.leave(flow)

    def _is_crowded(self, link: Link) -> bool:
        return link in self._ports or link in self._tangles

    def _add_demand(self, link: Link, flow: Flow) -> None:
        """Note what one more flow of a link could take."""
        if link.bytes_per_s == math.inf or self._is_crowded(link):
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
            crowded = link in self._demand and self._demand[link] > whole(link.bytes_per_s)
            if self._is_crowded(link):
                if link not in self._demand:
                    self._disband(link)
            elif crowded or link in self._twins:
                self._share(link, crowded)

    def _share(self, link: Link, crowded: bool) -> None:
        """Have the flows of a link, which is no port, served as those of a crowded one, or of one with room for all."""
        for flow in link.flows:
            self._displace(flow)
        self._twins.discard(link)
        if crowded and _are_twins(link):
            self._twins.add(link)
        elif crowded:
            self._ports[link] = Port(link, self.env.now, self._turns)
        for flow in link.flows:
            self._place(flow)

    def _disband(self, link: Link) -> None:
        """Have the flows of a link that is crowded no more served where they belong now, with all of its tangle."""
        place = self._ports.pop(link, None) or self._tangles[link]
        flows = list(link.flows) if isinstance(place, Port) else list(place.flows)
        for flow in flows:
            self._displace(flow)
        place.turn = -1
        self._touched.pop(place, None)
        if isinstance(place, Tangle):
            for other in [other for other, tangle in self._tangles.items() if tangle is place]:
                del self._tangles[other]
                if other is not link:
                    self._ports[other] = Port(other, self.env.now, self._turns)
        for flow in flows:
            self._place(flow)

    def _tangle(self, flow: Flow, crowded: list[Link]) -> None:
        """Have a flow with several crowded links served with all that share any of these, and so on."""
        known = {self._tangles[link]: None for link in crowded if link in self._tangles}
        tangle = max(known, key=lambda one: len(one.flows)) if known else Tangle(self.env)
        tangle.advance()
        self._touched[tangle] = None
        self._join(flow, tangle)
        while crowded:
            link = crowded.pop()
            place = self._ports.pop(link, None) or self._tangles[link]
            if place is tangle:
                continue
            links = [link] if isinstance(place, Port) else [one for one in self._tangles if self._tangles[one] is place]
            for one in links:
                self._tangles[one] = tangle
            for other in list(link.flows if isinstance(place, Port) else place.flows):
                if other.place is place:
                    self._displace(other)
                    self._join(other, tangle)
                    crowded += [
                        way for way in other.path if way in self._ports or self._tangles.get(way, tangle) is not tangle
                    ]
            place.turn = -1
            self._touched.pop(place, None)

    def _join(self, flow: Flow, tangle: Tangle) -> None:
        flow.place = tangle
        tangle.enter(flow)


def _are_twins(link: Link) -> bool:
    """Return whether the flows of a link are few, and have all links in common."""
    return len(link.flows) <= TWINS and len({flow.path for flow in link.flows}) == 1

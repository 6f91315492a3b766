"""A crowded link, each of whose flows has at most one rate besides to keep to: max-min fair in virtual time.

A flow has the lesser of two rates: its *cap*, which its other links allow, and the *level*, the equal rate of all flows
that could take more. Flows at their caps have constant rates, and wait by the moment of their end. All others receive
the same service, so that they wait by the service at which they end, which does not change when the level does. So a
flow is touched only when it comes, goes, or crosses the level (fair queueing's virtual time: Demers, Keshav and
Shenker, 1989; here fluid, and with caps).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.world.flows.upcoming import Upcoming

if TYPE_CHECKING:
    from simulator.world.links import Flow, Link

FINE = 1 << 40
"""Rates are summed as whole numbers of this part of a byte/s: sums are exact, and come back to 0."""


def whole(rate: float) -> int:
    """Return a finite rate in whole parts of a byte/s."""
    return round(rate * FINE)


class Port:
    """A link that its flows share.

    Args:
        link: the link.
        now: the moment, in seconds of the clock.
        turns: counts the turns of everything in the crowd.

    Attributes:
        level: the rate of each flow that is not at its cap, in bytes/s; infinite if all are.
        turn: the number of its latest entry in the queue of ends.
    """

    __slots__ = (
        "_at",
        "_at_caps",
        "_by_cap",
        "_by_end",
        "_by_service",
        "_equal",
        "_joined",
        "_rate",
        "_served",
        "_slowest",
        "_turns",
        "_whole",
        "level",
        "link",
        "turn",
    )

    def __init__(self, link: Link, now: float, turns: Iterator[int]) -> None:
        self.link, self.turn, self.level = link, next(turns), math.inf
        self._turns = turns
        self._at, self._served = now, 0.0  # the service of a flow with an equal share, up to that moment
        self._joined = 0  # how many have got an equal share since service was last counted from 0
        self._rate, self._whole = -1.0, 0  # the link's rate when it was last looked at
        self._equal = self._at_caps = 0  # how many have an equal share; and the sum of the rates of the others
        self._by_cap: Upcoming[Flow] = Upcoming()  # flows at their caps, largest first: the next that has too much
        self._by_end: Upcoming[Flow] = Upcoming()  # the same by the moment at which they end
        self._slowest: Upcoming[Flow] = Upcoming()  # flows with an equal share, least cap first
        self._by_service: Upcoming[Flow] = Upcoming()  # the same by the service at which they end

    def advance(self, now: float) -> None:
        """Add the service since the last change."""
        if self._equal and now > self._at:  # at once, the level may be out of date
            self._served += self.level * (now - self._at)
        self._at = now

    def join(self, flow: Flow) -> None:
        """Add a flow, whose bytes left are those of now; its cap is up to date."""
        if flow.cap <= self.level and flow.cap < math.inf:
            self._cap(flow)
        else:
            self._equalize(flow)

    def part(self, flow: Flow) -> None:
        """Take a flow away, with its bytes left as of now."""
        flow.left, flow.turn = self.left(flow), -1
        if flow.mark >= 0:
            flow.mark = -1.0
            self._equal -= 1
            _pass_over(flow, self._slowest)
            _pass_over(flow, self._by_service)
            if not self._equal:
                self._served, self._joined = 0.0, 0  # nobody has a mark any more
        else:
            self._at_caps -= whole(flow.rate)
            _pass_over(flow, self._by_cap)
            _pass_over(flow, self._by_end)

    def left(self, flow: Flow) -> float:
        """Return the bytes of a flow that have not arrived by the moment of the last ``advance``."""
        if flow.mark >= 0:
            return max(0.0, flow.mark - self._served)
        return max(0.0, flow.left - flow.rate * (self._at - flow.at))

    def rate(self, flow: Flow) -> float:
        """Return the rate of a flow, in bytes/s."""
        return self.level if flow.mark >= 0 else flow.rate

    def _cap(self, flow: Flow) -> None:
        flow.rate, flow.at, flow.mark, flow.turn = flow.cap, self._at, -1.0, next(self._turns)
        self._at_caps += whole(flow.cap)
        self._by_cap.push(-flow.cap, flow)
        if flow.cap:
            self._by_end.push(self._at + flow.left / flow.cap, flow)

    def _equalize(self, flow: Flow) -> None:
        self._joined += 1
        if self._joined > 64 + 2 * self._equal:
            self._count_from_zero()
        flow.mark, flow.turn = self._served + flow.left, next(self._turns)
        self._equal += 1
        self._slowest.push(flow.cap, flow)
        self._by_service.push(flow.mark, flow)

    def _count_from_zero(self) -> None:
        """Count service from now on, or in a port that is never idle the bytes of flows would be lost in the sum.

        Each mark changes, so that this is done once for about as many flows as have come.
        """
        flows = [entry[2] for entry in self._by_service.entries()]
        for flow in flows:
            flow.mark = max(0.0, flow.mark - self._served)
        self._served, self._joined, self._by_service = 0.0, len(flows), Upcoming()
        for flow in flows:
            self._by_service.push(flow.mark, flow)

    def settle(self, now: float) -> float:
        """Find the level again, and return the moment at which the next flow ends; infinity if none does.

        Args:
            now: the moment, in seconds of the clock.
        """
        self.advance(now)
        self._balance()
        end = self._by_end[0][0] if self._by_end else math.inf
        if self._equal and self.level:
            end = min(end, now + (self._by_service[0][0] - self._served) / self.level)
        return end

    def _balance(self) -> None:
        """Find the level: the rate at which the link is full, or all flows are at their caps.

        The level only rises from step to step, so that no flow crosses it more than twice.
        """
        if self.link.bytes_per_s != self._rate:
            self._rate, self._whole = self.link.bytes_per_s, whole(self.link.bytes_per_s)
        rate, level = self._whole, 0.0
        while self._equal or self._at_caps > rate:
            if self._equal:
                level = max(level, (rate - self._at_caps) / self._equal / FINE)
            if self._equal and self._slowest[0][0] <= level:
                flow = self._slowest[0][2]
                self.part(flow)
                self._cap(flow)
            elif self._by_cap and -self._by_cap[0][0] > level:
                flow = self._by_cap[0][2]
                self.part(flow)
                self._equalize(flow)
            else:
                self.level = level
                return
        self.level = math.inf

    def arrived(self, step: float) -> Flow | None:
        """Return a flow that has nothing left but what moves in ``step`` seconds, as of the last ``advance``."""
        if self._by_end and self._by_end[0][0] <= self._at + step:
            return self._by_end[0][2]
        if self._equal and self._by_service[0][0] - self._served <= step * self.level:
            return self._by_service[0][2]
        return None


def _pass_over(flow: Flow, queue: Upcoming[Flow]) -> None:
    """Throw out the first entry of a queue if it is that of a flow that has parted: what comes first is up to date."""
    if queue and queue[0][2] is flow:
        queue.first()

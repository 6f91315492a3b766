"""The network: carries flows over paths of links, each at its max-min fair rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import simpy

from simulator.world.flows.crowd import Crowd
from simulator.world.flows.filling import Filling
from simulator.world.links import NO_FLOWS, held_up
from simulator.world.links import Flow as Flow
from simulator.world.links import Link as Link
from simulator.world.links import crossing as crossing

if TYPE_CHECKING:
    from simulator.world.flows.base import Sharing
    from simulator.world.signals.base import Varying

FEW = 64
"""Up to so many flows are looked at whenever one of them changes, which is quicker than to keep them in queues."""


class Network:
    """The network: carries flows over paths of links on a SimPy clock.

    Args:
        env: the clock.
        few: with more flows than this, each is looked at only when its own rate changes, until none is left.

    Attributes:
        flows: the flows under way, without those that are still in their latency.
    """

    def __init__(self, env: simpy.Environment, few: int = FEW) -> None:
        self.env, self._few = env, few
        self._sharing: Sharing = Filling(env)
        self._alarm: simpy.Event | None = None
        self._rings_at = math.inf  # the moment of the alarm, in seconds of the clock
        self._expected: set[Link] = set()  # those whose next change is an event

    @property
    def flows(self) -> dict[Flow, None]:
        """The flows under way, without those that are still in their latency."""
        return self._sharing.flows

    def send(self, path: Sequence[Link], nbytes: int, after: float = 0.0) -> Flow:
        """Start a flow, and return it.

        Args:
            path: the links; the latency of each passes before the first byte.
            nbytes: how many bytes.
            after: seconds to wait besides the latency.
        """
        flow = Flow(tuple(path), nbytes, simpy.Event(self.env))
        latency = after + sum([link.latency for link in path])
        if latency:
            simpy.Timeout(self.env, latency).callbacks.append(lambda _: self._enter(flow))
        else:
            self._enter(flow)
        return flow

    def cancel(self, flow: Flow) -> float:
        """Stop a flow, even in its latency, and return the bytes that have not arrived; 0 if all have."""
        if flow.done.triggered:
            return flow.left
        left = self.left(flow)
        flow.stopped = True
        if flow in self.flows:
            self._remove(flow)
            self._settle()
        return left

    def left(self, flow: Flow) -> float:
        """Return the bytes of a flow that have not arrived by now; 0 if all have."""
        return self._sharing.left(flow) if flow in self.flows else flow.left

    def rate(self, flow: Flow) -> float:
        """Return the rate of a flow now, in bytes/s; 0 if it is not under way."""
        return self._sharing.rate(flow) if flow in self.flows else 0.0

    def set_rate(self, link: Link, bytes_per_s: float) -> None:
        """Change the rate of a link from now on; at 0, its flows pause until it is changed again.

        Args:
            link: the link; if it has a signal, the rate holds until the signal changes.
            bytes_per_s: the new rate.

        Raises:
            ValueError: the rate is negative, or no number.
        """
        self._sharing.advance()
        self._change_rate(link, bytes_per_s)
        for other in {other: None for flow in link.flows for other in flow.path}:
            if other.signal is not None and other is not link:  # it may have been waiting for this one
                self._tune(other, other.signal)
                self._expect(other, other.signal)
        self._settle()

    def _enter(self, flow: Flow) -> None:
        if flow.stopped:
            return
        if not flow.left or not flow.path:
            flow.left = 0.0
            flow.done.succeed()
            return
        sharing = self._sharing
        sharing.advance()
        varying = [(link, link.signal) for link in flow.path if link.signal is not None]
        for link, signal in varying:
            self._tune(link, signal)
        for link in flow.path:
            link.add(flow)
        sharing.enter(flow)
        for link, signal in varying:
            self._expect(link, signal)
        if len(sharing.flows) > self._few and isinstance(sharing, Filling):
            self._hand_over(Crowd(self.env))
        self._settle()

    def _hand_over(self, sharing: Sharing) -> None:
        """Have all flows served by another, as if they entered now."""
        flows = list(self.flows)
        for link in {link: None for flow in flows for link in flow.path}:
            link.flows = NO_FLOWS
        self._sharing, self._alarm = sharing, None
        for flow in flows:
            for link in flow.path:
                link.add(flow)
            sharing.enter(flow)

    def _tune(self, link: Link, signal: Varying) -> None:
        """Give a link the rate that its signal has now."""
        self._change_rate(link, link.nominal * signal.at(self.env.now))

    def _expect(self, link: Link, signal: Varying) -> None:
        """Wait for the next change of a link, if it can matter to a flow on it.

        Nobody waits for the changes of a link without flows: whoever enters brings it up to date. It is the same where
        all flows are held up for ever by other links, or a world in which nothing moves would never come to an end.
        """
        now = self.env.now
        if link in self._expected or all(held_up(flow, link, now) for flow in link.flows):
            return
        change = signal.next_change(now)
        if not change > now:  # or it would be asked at this moment for ever
            raise ValueError(f"link {link.name!r}: its signal says at {now} s that it changes next at {change} s")
        if change < math.inf:
            self._expected.add(link)
            self.env.timeout(change - now).callbacks.append(lambda _: self._changed(link, signal))

    def _changed(self, link: Link, signal: Varying) -> None:
        self._expected.discard(link)
        if link.flows:
            self._sharing.advance()
            self._tune(link, signal)
            self._expect(link, signal)
            self._settle()

    def _change_rate(self, link: Link, bytes_per_s: float) -> None:
        """Change the rate of a link, and what its flows would have alone; then they must be settled."""
        if bytes_per_s == link.bytes_per_s:
            return
        if not bytes_per_s >= 0:
            raise ValueError(f"link {link.name!r} cannot have {bytes_per_s} B/s")
        self._end_arrived()  # what ends at this moment must not wait for the link's return
        self._sharing.change(link, bytes_per_s)

    def _remove(self, flow: Flow) -> None:
        for link in flow.path:
            link.remove(flow)
        self._sharing.leave(flow)

    def _settle(self) -> None:
        """Share the links again, and set an alarm for the flow that ends first."""
        seconds, first = self._sharing.settle()
        if not self.flows and isinstance(self._sharing, Crowd):
            self._sharing = Filling(self.env)
        rings_at = self.env.now + seconds
        if self._alarm is not None and first is None and self._rings_at <= rings_at < math.inf:
            return  # when it rings, nobody may have arrived, and then it is set again
        self._alarm, self._rings_at = None, rings_at  # an alarm set before is out of date
        if seconds < math.inf:
            self._alarm = simpy.Timeout(self.env, seconds)
            self._alarm.callbacks.append(lambda alarm: self._arrive(alarm, first))

    def _arrive(self, alarm: simpy.Event, first: Flow | None) -> None:
        """End the flow of an alarm, and those that end within the clock's resolution."""
        if alarm is not self._alarm:
            return
        self._alarm = None
        self._sharing.advance()
        if first is not None:
            first.left = 0.0
        self._end_arrived()
        self._settle()

    def _end_arrived(self) -> None:
        """End the flows of which nothing is left but what the clock cannot resolve."""
        for flow in self._sharing.arrived():
            self._remove(flow)
            flow.left = 0.0
            flow.done.succeed()

"""Links that flows share: each flow gets its max-min fair rate on the links of its path.

Max-min fairness by progressive filling (Bertsekas and Gallager, *Data Networks*, 2nd ed., section 6.5.2): all rates
rise together until a link is full; its flows are settled; the others go on rising.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import simpy

if TYPE_CHECKING:
    from simulator.world.signals.base import Varying


@dataclass(eq=False, slots=True)
class Link:
    """One direction of a medium.

    Attributes:
        name: its name in messages.
        bytes_per_s: its rate now, which its flows share. With a signal, it is up to date while a flow is on the link.
        latency: seconds that pass before the first byte of a flow.
        signal: the factor on its nominal rate, by time; None if its rate does not vary.
        loss: the share of the bytes sent that do not arrive, and are sent again.
        flows: the flows that are on it now.
        nominal: its rate without the signal, in bytes/s.
    """

    name: str
    bytes_per_s: float
    latency: float = 0.0
    signal: Varying | None = None
    loss: float = 0.0
    flows: dict[Flow, None] = field(default_factory=dict, repr=False)
    nominal: float = field(init=False)

    def __post_init__(self) -> None:
        if not self.bytes_per_s > 0 or not self.latency >= 0:
            raise ValueError(f"link {self.name!r} cannot have {self.bytes_per_s} B/s and {self.latency} s of latency")
        if not 0 <= self.loss < 1:
            raise ValueError(f"link {self.name!r} cannot lose a share of {self.loss}")
        if self.signal is not None and math.isinf(self.bytes_per_s):
            raise ValueError(f"link {self.name!r} has no limit that could vary")
        self.nominal = self.bytes_per_s


@dataclass(eq=False, slots=True)
class Flow:
    """Bytes on their way along a path of links.

    Attributes:
        path: the links.
        left: the bytes that have not arrived, as of the last change of rates.
        done: the event that fires when the last byte has arrived.
        rate: its rate now, in bytes/s.
        most: the rate that it would have alone, in bytes/s.
        stopped: whether it was cancelled.
    """

    path: tuple[Link, ...]
    left: float
    done: simpy.Event
    rate: float = 0.0
    most: float = 0.0
    stopped: bool = False


class Network:
    """The network: carries flows over paths of links on a SimPy clock.

    Attributes:
        env: the clock.
        flows: the flows under way, without those that are still in their latency.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.flows: dict[Flow, None] = {}
        self._advanced = env.now
        self._crowded: set[Link] = set()
        self._shared = False  # whether a link was crowded when rates were last set
        self._alarm: simpy.Event | None = None
        self._expected: set[Link] = set()  # those whose next change is an event

    def send(self, path: Sequence[Link], nbytes: int, after: float = 0.0) -> Flow:
        """Start a flow, and return it.

        Args:
            path: the links; the latency of each passes before the first byte.
            nbytes: how many bytes.
            after: seconds to wait besides the latency.
        """
        flow = Flow(tuple(path), nbytes, self.env.event())
        latency = after + sum(link.latency for link in path)
        if latency:
            self.env.timeout(latency).callbacks.append(lambda _: self._enter(flow))
        else:
            self._enter(flow)
        return flow

    def cancel(self, flow: Flow) -> float:
        """Stop a flow, even in its latency, and return the bytes that have not arrived; 0 if all have."""
        left = self.left(flow)
        flow.stopped = True
        if flow in self.flows:
            self._remove(flow)
            self._settle()
        return left

    def left(self, flow: Flow) -> float:
        """Return the bytes of a flow that have not arrived by now; 0 if all have."""
        if flow in self.flows:
            self._advance()
        return flow.left

    def set_rate(self, link: Link, bytes_per_s: float) -> None:
        """Change the rate of a link from now on; at 0, its flows pause until it is changed again.

        Args:
            link: the link; if it has a signal, the rate holds until the signal changes.
            bytes_per_s: the new rate.

        Raises:
            ValueError: the rate is negative, or no number.
        """
        self._advance()
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
        self._advance()
        for link in flow.path:
            if link.signal is not None:
                self._tune(link, link.signal)
        self.flows[flow] = None
        flow.rate = flow.most = min(link.bytes_per_s for link in flow.path)
        for link in flow.path:
            link.flows[flow] = None
            self._note_crowding(link)
            if link.signal is not None:
                self._expect(link, link.signal)
        self._settle()

    def _tune(self, link: Link, signal: Varying) -> None:
        """Give a link the rate that its signal has now."""
        self._change_rate(link, link.nominal * signal.at(self.env.now))

    def _expect(self, link: Link, signal: Varying) -> None:
        """Wait for the next change of a link, if it can matter to a flow on it.

        Nobody waits for the changes of a link without flows: whoever enters brings it up to date. It is the same where
        all flows are held up for ever by other links, or a world in which nothing moves would never come to an end.
        """
        now = self.env.now
        if link in self._expected or all(_held_up(flow, link, now) for flow in link.flows):
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
            self._advance()
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
        link.bytes_per_s = bytes_per_s
        touched = {link: None}
        for flow in link.flows:
            flow.rate = flow.most = min(other.bytes_per_s for other in flow.path)
            touched.update(dict.fromkeys(flow.path))
        for other in touched:
            self._note_crowding(other)

    def _remove(self, flow: Flow) -> None:
        del self.flows[flow]
        for link in flow.path:
            link.flows.pop(flow, None)
            self._note_crowding(link)

    def _note_crowding(self, link: Link) -> None:
        """Note whether the flows of a link could take more than its rate."""
        if sum(flow.most for flow in link.flows) > link.bytes_per_s:
            self._crowded.add(link)
        else:
            self._crowded.discard(link)

    def _advance(self) -> None:
        """Bring the bytes left of each flow up to the present."""
        passed = self.env.now - self._advanced
        self._advanced = self.env.now
        if passed:
            for flow in self.flows:
                flow.left = max(0.0, flow.left - flow.rate * passed)

    def _settle(self) -> None:
        """Share the links again, and set an alarm for the flow that ends first."""
        if self._crowded or self._shared:  # else each flow has the rate that it would have alone
            share(self.flows)
            self._shared = bool(self._crowded)
        self._alarm = None  # an alarm set before is out of date
        if not self.flows:
            return
        first = min(self.flows, key=_seconds_left)
        seconds = _seconds_left(first)
        if seconds < math.inf:
            self._alarm = self.env.timeout(seconds)
            self._alarm.callbacks.append(lambda alarm: self._arrive(alarm, first))

    def _arrive(self, alarm: simpy.Event, first: Flow) -> None:
        """End the flow of an alarm, and those that end within the clock's resolution."""
        if alarm is not self._alarm:
            return
        self._advance()
        first.left = 0.0
        self._end_arrived()
        self._settle()

    def _end_arrived(self) -> None:
        """End the flows of which nothing is left but what the clock cannot resolve."""
        tick = 4 * math.ulp(self.env.now)
        for flow in [flow for flow in self.flows if flow.left <= tick * flow.rate]:
            flow.left = 0.0
            self._remove(flow)
            flow.done.succeed()


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


def _held_up(flow: Flow, link: Link, now: float) -> bool:
    """Return whether another link of a flow's path than this one carries nothing, and never will."""
    return any(other is not link and _is_dead(other, now) for other in flow.path)


def _is_dead(link: Link, now: float) -> bool:
    if link.signal is None:
        return not link.bytes_per_s
    return not link.signal.at(now) and math.isinf(link.signal.next_change(now))


def _seconds_left(flow: Flow) -> float:
    """Return the seconds until the last byte arrives at the rate of now; infinity for a flow that is paused."""
    return flow.left / flow.rate if flow.rate else math.inf


def share(flows: dict[Flow, None]) -> None:
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

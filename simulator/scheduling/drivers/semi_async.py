"""The semi-asynchronous driver: the server aggregates at fixed intervals what has arrived by then."""

from __future__ import annotations

from math import floor
from typing import Annotated, ClassVar

from pydantic import Field

from simulator.algorithms.base import State, Steps
from simulator.scheduling.drivers.asynchronous import AsynchronousDriver
from simulator.scheduling.drivers.fleet import Fleet
from simulator.settings.units import Duration


class SemiAsync(AsynchronousDriver):
    """Semi-asynchronous aggregation: every so many seconds the server aggregates the updates that have arrived.

    Clients go on at their own pace over the ends of intervals, and a client that is done is replaced at once. An
    interval in which no update arrived aggregates nothing; the summary counts such intervals (``empty_rounds``).
    Changes are applied to the present state with the weight of their staleness, as FedBuff does.

    Attributes:
        seconds: the length of an interval.
    """

    name: ClassVar[str] = "semi_async"
    seconds: Annotated[Duration, Field(gt=0)]

    def until_due(self, fleet: Fleet, state: State) -> Steps:
        world, empty = fleet.world, 0
        end = self._after(world.now - world.start_time)
        while True:
            yield from fleet.fill(state)
            yield from fleet.next_change(until=world.start_time + end)
            if world.now < world.start_time + end:
                continue
            if fleet.arrived:
                return fleet.pop_arrived(), empty
            empty += 1
            fleet.check_alive()  # else empty intervals could follow each other for ever
            end = self._after(end)

    def _after(self, seconds: float) -> float:
        """Return the first end of an interval after this many seconds since the start."""
        return self.seconds * (floor(seconds / self.seconds + 1e-9) + 1)

"""The semi-asynchronous driver: the server aggregates at fixed intervals what has arrived by then."""

from __future__ import annotations

from math import ceil, floor
from typing import Annotated, ClassVar

from pydantic import Field

from simulator.algorithms.base import State, Steps
from simulator.scheduling.drivers.asynchronous import AsynchronousDriver
from simulator.scheduling.drivers.fleet import Fleet
from simulator.settings.units import Duration

RESOLUTION = 1e-9
"""The part of an interval that is taken for a rounding error of the clock."""


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
        world = fleet.world
        passed = floor((fleet.round_start - world.start_time) / self.seconds + RESOLUTION)  # before this round
        while not fleet.arrived:  # intervals that end meanwhile are empty
            yield from fleet.fill(state)
            yield from fleet.next_change()
        number = max(passed + 1, ceil((world.now - world.start_time) / self.seconds - RESOLUTION))
        end = world.start_time + number * self.seconds
        while world.now < end:
            yield from fleet.fill(state)
            yield from fleet.next_change(until=end)
        return fleet.pop_arrived(), number - 1 - passed

"""FedAsync: the server mixes each update into the state as it arrives."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from simulator.algorithms.base import State, Steps
from simulator.scheduling.drivers.asynchronous import AsynchronousDriver
from simulator.scheduling.drivers.fleet import Attempt, Fleet


class FedAsync(AsynchronousDriver):
    """FedAsync (Xie et al., 2019, Algorithm 1): each update is mixed into the state as soon as it arrives.

    ``state = (1 - a) * state + a * update`` with ``a = mixing * weight(staleness)``. The paper's regularised local
    objective is that of the algorithm ``fedprox``.

    Attributes:
        mixing: the share of an update in the new state, if it is not stale (the paper's alpha).
    """

    name: ClassVar[str] = "fedasync"
    needs_bases: ClassVar[bool] = False
    mixing: Annotated[float, Field(gt=0, le=1)] = 0.6

    def until_due(self, fleet: Fleet, state: State) -> Steps:
        while not fleet.arrived:
            yield from fleet.fill(state)
            yield from fleet.next_change()
        return fleet.pop_arrived(1), 0

    def change_of(self, attempt: Attempt, state: State, weight: float) -> tuple[State, float]:
        return state, self.mixing * weight

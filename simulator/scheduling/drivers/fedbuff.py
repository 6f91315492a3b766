"""FedBuff: the server aggregates as soon as a buffer of updates is full."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simulator.algorithms.base import Algorithm, State, Steps
from simulator.scheduling.drivers.asynchronous import AsynchronousDriver
from simulator.scheduling.drivers.fleet import Fleet
from simulator.settings.bounds import Devices
from simulator.settings.errors import UnfitError

if TYPE_CHECKING:
    from simulator.learning.settings import TrainingSettings as Training


class FedBuff(AsynchronousDriver):
    """FedBuff (Nguyen et al., 2022, Algorithm 1): clients train at their own pace, and the server aggregates whenever
    its buffer holds a number of updates.

    The changes of the buffered updates are applied to the present state, each with the weight of its staleness, and the
    algorithm aggregates the results as it does in a round: FedAvg takes their mean by samples, where the paper's is
    unweighted.

    Attributes:
        buffer: how many updates are aggregated together (the paper's K).
    """

    name: ClassVar[str] = "fedbuff"
    buffer: Devices = 4

    def check(self, algorithm: Algorithm, training: Training, devices: int) -> None:
        super().check(algorithm, training, devices)
        if self.buffer > (places := self.places(training.clients_per_round)):
            problem = f"only {places} client{'s' * (places > 1)} train at the same time"
            raise UnfitError("buffer", self.buffer, problem, f"1 to {places}, the concurrency")

    def until_due(self, fleet: Fleet, state: State) -> Steps:
        while len(fleet.arrived) < self.buffer:
            yield from fleet.fill(state)
            yield from fleet.next_change()
        return fleet.pop_arrived(self.buffer), 0

"""The deadline driver: rounds that end after a time, or when enough clients are done; the others are dropped."""

from __future__ import annotations

from math import ceil, isfinite
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from simulator.algorithms.base import Algorithm, State, Steps, Update
from simulator.scheduling.drivers.base import refuse_own_order
from simulator.scheduling.drivers.cohorts import CohortDriver, updates_of
from simulator.settings.bounds import Devices
from simulator.settings.errors import UnfitError
from simulator.settings.units import Duration
from simulator.world.processes import LATE

if TYPE_CHECKING:
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.processes import Handle
    from simulator.world.world import World


class Deadline(CohortDriver):
    """Rounds with a deadline and over-selection (Bonawitz et al., 2019): more clients are selected than are needed, and
    those that are not done in time are stopped; what they did is lost ("late").

    A round ends when its deadline has passed, when enough clients are done, or when all are, and then the server
    aggregates. With a deadline that never comes, it is the synchronous driver. Service in progress at a stopped device
    goes on to its end, and is charged.

    Attributes:
        seconds: the deadline of a round, counted from its start; null: none.
        over_selection: how many clients are selected, as a multiple of ``clients_per_round``, rounded up.
        first: how many updates are enough; null: all that arrive in time.
        late: what becomes of a client that is still sending its update at the deadline. ``drop``: nothing. ``layers``:
            the tensors that have arrived in full by then count, each averaged over the clients that delivered it;
            devices send the last layers first. Such a part counts as an update. The idea is that of layer-wise
            aggregation (Lang et al., 2024, from memory), where what counts is the layers that a straggler has computed.
    """

    name: ClassVar[str] = "deadline"
    seconds: Duration | None = None
    over_selection: Annotated[float, Field(ge=1, le=1000)] = 1.0
    first: Devices | None = None
    late: Literal["drop", "layers"] = "drop"

    @model_validator(mode="after")
    def _some_end(self) -> Self:
        if self.seconds is None and self.first is None:
            raise ValueError("it waits for all that it selects: set seconds, first, or both")
        if self.seconds == 0:
            raise ValueError("a deadline of 0 s leaves no time for anything")
        return self

    def check(self, algorithm: Algorithm, training: Training, devices: int) -> None:
        refuse_own_order(self, algorithm)
        size = self.cohort_size(training.clients_per_round)
        if size > devices:
            problem = f"{size} clients would be selected for a round, and the world has {devices} devices"
            allowed = f"1 to {devices / training.clients_per_round:.4g}"
            raise UnfitError("over_selection", self.over_selection, problem, allowed)
        if self.first is not None and self.first > size:
            problem = f"a cohort has {size} clients, so that many updates never arrive"
            raise UnfitError("first", self.first, problem, f"1 to {size}, or null")
        if self.late == "layers" and algorithm.update_kind is None:
            problem = f"{algorithm.name} cannot use a part of an update"
            raise UnfitError("late", self.late, problem, "drop")
        kind = algorithm.update_kind
        if self.late == "layers" and (training.compression.get(f"{kind} up") or training.compression.get(f"{kind}")):
            problem = f"updates are compressed as a whole ({kind} up), so no part of one can be used"
            raise UnfitError("late", self.late, problem, "drop, or no compression of updates")

    def cohort_size(self, clients_per_round: int) -> int:
        return ceil(clients_per_round * self.over_selection - 1e-9)

    def gather(self, algorithm: Algorithm, world: World, task: Task, state: State, jobs: dict[Client, Handle]) -> Steps:
        if self.late == "layers":
            for job in jobs.values():
                job.process.keeps_part_of = algorithm.update_kind
        within = self.seconds if self.seconds is not None and isfinite(self.seconds) else None
        enough = yield from world.together(*jobs.values(), within=within, first=self.first)
        counted = {id(update) for update in enough}
        updates = {client: update for client, update in updates_of(jobs).items() if id(update) in counted}
        if self.late == "layers" and (self.first is None or len(updates) < self.first):
            updates = yield from self._with_layers(algorithm, world, state, jobs, updates)
        return updates

    def _with_layers(
        self,
        algorithm: Algorithm,
        world: World,
        state: State,
        jobs: dict[Client, Handle],
        updates: dict[Client, Update],
    ) -> Steps:
        """Return the updates and the parts of others that have arrived, completed so that they can be averaged.

        Args:
            algorithm: the algorithm that runs.
            world: the world in which it runs.
            state: the global state at the start of the round.
            jobs: the part of each client of the cohort; those that were late have been stopped.
            updates: the updates of the clients that are done.
        """
        from simulator.learning.training.staleness import completed

        yield world.last_at(0.0)  # those that were stopped now end, and it is known what they had sent
        partial = {}
        for client, job in jobs.items():
            cut_off = job.process.cut_off
            late = job.process.reason == LATE
            if client in updates or not late or cut_off is None or cut_off.kind != algorithm.update_kind:
                continue
            if layers := _arrived(cut_off.payload, cut_off.share):
                partial[client] = Update(layers, weight=len(client.data))
        if not partial:
            return updates
        everyone = {client: (updates | partial)[client] for client in jobs if client in updates or client in partial}
        values = [update.value for update in everyone.values()]
        weights = [update.weight for update in everyone.values()]
        with world.phase("aggregation"):
            full = yield from world.server.compute(completed, values, weights, state)
        return {client: Update(value, weight) for client, value, weight in zip(everyone, full, weights, strict=True)}


def _arrived(payload: Any, share: float) -> dict[str, Any]:
    """Return the tensors that have arrived in full when this share of all bytes has; the last ones are sent first."""
    if not isinstance(payload, dict) or not all(hasattr(tensor, "numel") for tensor in payload.values()):
        return {}  # it is compressed
    total, arrived = sum(tensor.numel() for tensor in payload.values()), 0
    layers = {}
    for name, tensor in reversed(payload.items()):
        arrived += tensor.numel()
        if arrived > share * total:
            break
        layers[name] = tensor
    return dict(reversed(layers.items()))

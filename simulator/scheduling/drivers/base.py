"""The contract of a driver: who waits for whom, from one aggregation to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.algorithms.base import Algorithm, State
from simulator.settings.base import Settings
from simulator.settings.seeds import Seeds
from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.learning.task import Task
    from simulator.scheduling.selection.base import Selection
    from simulator.world.world import World


@dataclass(eq=False)
class GlobalState(Store):
    """The state that updates are aggregated into; it lies at the server."""

    value: Any = None


class Driver(Settings):
    """Owns the loop of aggregations: it chooses clients, has them work, and has their updates aggregated.

    It knows an algorithm by ``begin``, ``client`` and ``aggregate`` alone (and by ``round``, where an algorithm has an
    order of its own), never which one it is. Its fields are the keys that ``training.driver`` takes beside its name.
    """

    name: ClassVar[str]

    def states(
        self,
        algorithm: Algorithm,
        world: World,
        task: Task,
        *,
        rounds: int,
        clients_per_round: int,
        selection: Selection,
        seeds: Seeds,
    ) -> Iterator[State]:
        """Yield the state before the first round, then the state after each aggregation, at its moment of the clock.

        Asking for the next state runs the world up to the next aggregation; between two of them the clock stands
        still, so whoever asks may evaluate, save or stop. ``world.aggregations`` counts them.

        Args:
            rounds: how many aggregations there are.
            clients_per_round: the size of a cohort.
            selection: who is chosen.
            seeds: the random streams of the trial.
        """
        raise NotImplementedError

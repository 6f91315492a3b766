"""The contract of a driver: which clients train, and when their updates are aggregated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.algorithms.base import Algorithm, OwnOrder, State
from simulator.settings.base import Settings
from simulator.settings.errors import UnfitError
from simulator.settings.humanize import human
from simulator.settings.seeds import Seeds
from simulator.world.standstill import StandstillError
from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.scheduling.selection.base import Selection
    from simulator.world.sites import Site
    from simulator.world.world import World


IN_VAIN = 20
"""How many attempts, or rounds, a device, all lost one after the other, are taken as a sign that none will succeed."""


@dataclass(eq=False)
class GlobalState(Store):
    """The global state of the algorithm, in the server's store.

    Attributes:
        value: the state, a tree of tensors; None until the driver starts.
    """

    value: Any = None


class Driver(Settings):
    """The owner of the loop of aggregations: it selects clients, has them train, and has their updates aggregated.

    It uses ``begin``, ``client`` and ``aggregate`` of an algorithm (and ``round``, where the algorithm is an
    ``OwnOrder``), and does not depend on which algorithm it is. Its fields are the keys that ``training.driver`` takes
    besides its name.
    """

    name: ClassVar[str]
    needs_edges: ClassVar[bool] = False
    """Whether edges serve the clients behind them, so that the world must have some."""

    @property
    def rounds_of_client(self) -> int:
        """How many rounds a client trains for each aggregation at the server."""
        return 1

    def check(self, algorithm: Algorithm, training: Training, devices: int) -> None:
        """Check that it can run an algorithm with these settings.

        Args:
            algorithm: the algorithm.
            training: how it is trained, and on how large a cohort.
            devices: how many devices there are.

        Raises:
            UnfitError: it cannot; the key is that of a setting of the driver.
        """

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
    ) -> Generator[State]:
        """Yield the state before training, then the state after each aggregation.

        In a world that has aggregations already, yield the last state, then those of the aggregations that are missing.

        Asking for the next state runs the world until the next aggregation. In between the clock stands still at the
        time of the aggregation, so the caller may evaluate, save or stop. ``world.aggregations`` counts them.

        Closing the generator ends the trial early: what is under way is noted as unfinished.

        Args:
            algorithm: the algorithm to run.
            world: the clock, the sites and the clients.
            task: the model, its starting weights and the training settings.
            rounds: the number of aggregations.
            clients_per_round: the size of a cohort.
            selection: the policy that selects cohorts.
            seeds: the random streams of the trial.
        """
        raise NotImplementedError

    def hosts(self, world: World) -> list[Site]:
        """Return the sites that do a part of the clients' work, and hold the model for it: here the server alone."""
        return [world.server]


def begun(algorithm: Algorithm, world: World, task: Task) -> GlobalState:
    """Return the record of the global state: the initial one, or that of the last aggregation if there has been one."""
    stored = world.server.store(GlobalState)
    if not world.aggregations:
        stored.value = algorithm.begin(world, task)
    return stored


class Rewind:
    """What is kept at the server, as of the last aggregation: it goes on from there after an outage.

    Nothing is copied where the server has no outages.

    Args:
        world: the world whose server it is.
    """

    def __init__(self, world: World) -> None:
        self._stores = world.server.stores if world.server.patience is not None else None
        self.keep()

    def keep(self) -> None:
        """Keep what is there now."""
        self._kept = {} if self._stores is None else self._stores.checkpoint()

    def go_back(self) -> None:
        """Take the records back to when they were kept last."""
        if self._stores is not None:
            self._stores.roll_back(self._kept)


def check_progress(world: World, lost: int, what: str, reasons: Iterable[str]) -> None:
    """Check that updates are not lost one after the other, as they might be for ever.

    Args:
        world: the world.
        lost: how many attempts, or rounds, came to nothing since the last update.
        what: what they are, in words.
        reasons: why the attempts among them were lost.

    Raises:
        StandstillError: very many did; the message says for which reasons.
    """
    if lost >= IN_VAIN * max(len(world.clients), 10):
        counted = ", ".join(f"{reason} {count}" for reason, count in Counter(reasons).most_common())
        now = human("seconds", world.now)
        raise StandstillError(
            f"no update arrives: after {now} of simulated time the last {lost} {what} were all lost ({counted}), so "
            "there is nothing to aggregate"
        )


def refuse_own_order(driver: Driver, algorithm: Algorithm) -> None:
    """Refuse an algorithm that orders its rounds itself.

    Raises:
        UnfitError: the algorithm is an ``OwnOrder``.
    """
    if isinstance(algorithm, OwnOrder):
        problem = f"{algorithm.name} orders its rounds itself, so {driver.name} cannot run it"
        raise UnfitError("name", driver.name, problem, "synchronous")

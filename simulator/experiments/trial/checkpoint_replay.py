"""Writing a checkpoint of a trial, and going on from one: time is simulated again, and values are poured in.

Nothing but values is in a checkpoint. How far the clock is, what is in the ledger and who waits for what follows from
simulating the trial again up to the same aggregation without values, which takes a moment, as in a dry run. Decisions
that depend on values (``checkpoint_values``) are repeated from what was noted of them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from simulator.experiments.trial.checkpoint_file import CheckpointError, Contents
from simulator.experiments.trial.checkpoint_flights import Flights, trains_in_common
from simulator.experiments.trial.checkpoint_hollow import Hollow
from simulator.experiments.trial.checkpoint_names import TrialNames
from simulator.experiments.trial.checkpoint_pour import Decoder
from simulator.experiments.trial.checkpoint_tree import Encoder, UnstorableError
from simulator.experiments.trial.checkpoint_values import Decisions
from simulator.experiments.trial.checkpoint_world import (
    NotNowError,
    check_progress,
    encoded_records,
    encoded_works,
    pour_records,
    pour_works,
    progress,
    receive_frozen,
)
from simulator.scheduling.drivers.asynchronous import AsynchronousDriver

if TYPE_CHECKING:
    from simulator.experiments.trial.checkpoint import Checkpoints
    from simulator.experiments.trial.result import RoundResult
    from simulator.learning.task import Task
    from simulator.scenario.scenario import Entry
    from simulator.scheduling.selection.base import Selection
    from simulator.world.world import World


class Resumable:
    """A real trial that writes checkpoints, and may go on from one.

    Args:
        checkpoints: where they are kept.
        entry: the algorithm.
        world: the world of the trial, in which nothing has happened yet.
        task: its task, with all values.
        contents: the checkpoint to go on from; None: start anew.

    Attributes:
        selection: the policy that the driver is to use.
        replaying: whether the trial still simulates again what was before the checkpoint.
    """

    def __init__(
        self, checkpoints: Checkpoints, entry: Entry, world: World, task: Task, contents: Contents | None = None
    ) -> None:
        self._checkpoints, self._entry, self._world, self._task = checkpoints, entry, world, task
        self._inputs = world.clients[0].data.inputs
        self._names = TrialNames(world, task, self._inputs, dict(task.backbone))
        self._decisions = Decisions(world, entry.training.selection)
        self.selection: Selection = self._decisions.selection
        asynchronous = isinstance(entry.training.driver, AsynchronousDriver)
        self._flights = Flights(world, task, self._names) if asynchronous else None
        self._hollow: Hollow | None = None
        self._off = ""
        if why := why_not(entry):
            self._give_up(why)
        self.replaying = contents is not None
        checkpoints.begin()
        if contents is not None:
            device = next(iter(task.backbone.values())).device
            moved = [t.to(device) if far else t for t, far in zip(contents.tensors, contents.elsewhere, strict=True)]
            self._data, self._tensors = contents.data, moved
            self._decoder = Decoder(moved, self._names, task.training.optimizer)

    # Going on.

    def begin(self) -> None:
        """Take the values out of the trial, which has its first state."""
        self._hollow = Hollow(self._world, self._task)
        self._decisions.repeat(self._decoder.decode(self._data["decisions"]))
        self._hollow.begin()
        if self._flights is not None:
            self._names.recall(self._decoder.decode(self._data["caches"]))
            self._flights.repeat(self._data["flights"], self._tensors, self._hollow)

    def has_come(self) -> bool:
        """Return whether the replay has come to the checkpoint.

        Raises:
            CheckpointError: it has passed it.
        """
        number = self._data["progress"]["aggregations"]
        if self._world.aggregations > number:
            raise CheckpointError(f"was made after aggregation {number}, which does not come")
        return bool(self._world.aggregations == number)

    def go_on(self) -> list[RoundResult]:
        """Give the trial its values back, those of the checkpoint; return the results so far.

        Raises:
            CheckpointError: the replay has not come to where the checkpoint was made.
        """
        assert self._hollow is not None
        check_progress(self._world, self._data["progress"])
        self._hollow.end()
        receive_frozen(self._world.clients, self._names)
        for site in self._world.sites:
            pour_records(site, self._data["records"].get(site.name, {}), self._decoder)
        pour_works(self._world, self._data["works"], self._decoder)
        self._decisions.go_on()
        if self._flights is None:
            self._names.recall(self._decoder.decode(self._data["caches"]))
        else:
            self._flights.go_on()
        self.replaying, self._hollow = False, None
        results: list[RoundResult] = self._decoder.decode(self._data["results"])
        self._checkpoints.resumed = self._world.aggregations
        self._data, self._tensors = {}, []
        del self._decoder
        self._checkpoints.begin()
        return results

    @property
    def seconds_before(self) -> float:
        """The seconds of real time that the trial had taken when the checkpoint was made."""
        return float(self._data["wall_time_s"])

    # Writing.

    def offer(self, results: list[RoundResult], wall_time_s: float) -> None:
        """Write a checkpoint if one is due; the world stands still after an aggregation.

        Args:
            results: the results so far.
            wall_time_s: the seconds of real time that the trial has taken.
        """
        if self._flights is not None and not self._world.aggregations and trains_in_common(self._world):
            self._give_up(
                f"{self._entry.name} trains weights at the server with all clients at once, of which "
                f"{self._entry.training.driver.name} never waits for all"
            )
        if self._off or not self._checkpoints.is_due(self._world.aggregations):
            return
        began = time.perf_counter()
        try:
            self._names.look()
            encoder = Encoder(self._names)
            data: dict[str, Any] = {
                "progress": progress(self._world),
                "records": {site.name: encoded_records(site, encoder) for site in self._world.sites},
            }
            data["works"] = encoded_works(self._world, encoder)
            encoder.part()
            data |= {
                "results": encoder.encode(results, "results"),
                "wall_time_s": wall_time_s,
                "flights": self._flights.noted(encoder) if self._flights is not None else None,
                "decisions": encoder.encode(self._decisions.noted(), "decisions"),
                "caches": encoder.encode(self._names.caches(), "caches"),
            }
            self._checkpoints.seconds += time.perf_counter() - began
            self._checkpoints.write(data, encoder.tensors)
        except NotNowError:
            return
        except UnstorableError as error:
            self._give_up(f"{error}, which no checkpoint can hold")

    def _give_up(self, why: str) -> None:
        """Write no checkpoint from now on, and tell why."""
        if not self._off and self._checkpoints.settings is not None:
            self._checkpoints.tell(f"{self._entry.label} starts over if it is stopped: {why}")
        self._off = why


def why_not(entry: Entry) -> str | None:
    """Return why a trial of an entry cannot go on from a checkpoint, as a clause; None if it can."""
    algorithm = entry.algorithm
    if algorithm.needs_values:
        return f"{algorithm.name} decides by {algorithm.needs_values}, so its time cannot be simulated again without"
    return None

"""Split learning: one client after the other trains with the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simulator.accounting.payload import Messages
from simulator.algorithms.base import OwnOrder, State, Steps
from simulator.algorithms.splitfed import SplitFed
from simulator.algorithms.steps.split import UShaped

if TYPE_CHECKING:
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class SplitLearning(UShaped, OwnOrder):
    """Split learning (Gupta and Raskar, 2018, Algorithms 1 and 2; U-shaped: Vepakomma et al., 2018): the clients of a
    round take turns; each gets the device's weights as the one before left them, by way of the server.

    Attributes:
        labels: ``private``: U-shaped, head and tail on the device; ``sent``: the head alone.
        tail: blocks on the device before norm and classifier; not looked at where labels are sent.
    """

    name: ClassVar[str] = "split_learning"
    labels: Literal["private", "sent"] = "private"

    @property
    def shares_one_cut(self) -> bool:
        return True

    @property
    def _one(self) -> SplitFed:
        """What a single client does: with a shared body, and nobody beside it, this is SplitFed V2."""
        where = {"head": self.head, "tail": self.tail, "cut": self.cut}
        return SplitFed(version="v2", labels=self.labels).model_copy(update=where).placed(self._places)

    @property
    def _tail(self) -> int:
        return self._one._tail

    def messages(self, model: Staged, training: Training) -> Messages:
        return self._one.messages(model, training)

    def check(self, model: Staged, training: Training) -> None:
        self._one.check(model, training)

    def begin(self, world: World, task: Task) -> State:
        return self._one.begin(world, task)

    def round(self, world: World, task: Task, state: State, cohort: list[Client]) -> Steps:
        one = self._one
        for client in cohort:
            with world.phase("model exchange"):
                job = world.start(one.client(world, task, client, state), client)
                updates = yield from world.together(job)  # none, if the device left
            state = updates[0].value if updates else state
        return state

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        return self._one.model_for(world, task, state, client)

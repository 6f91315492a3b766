"""Split learning: clients train with the server one after the other."""

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
    cohort take turns, and each continues from the device-side weights of the previous client, which the server relays.

    Attributes:
        labels: ``private``: U-shaped, with head and tail on the device; ``sent``: only the head is on the device.
        tail: blocks on the device before norm and classifier; ignored where labels are sent.
    """

    name: ClassVar[str] = "split_learning"
    labels: Literal["private", "sent"] = "private"

    @property
    def shares_one_cut(self) -> bool:
        return True

    def serial_at_server(self, model: Staged, training: Training) -> str | None:
        return "clients train one after the other. splitfed lets them train side by side"

    @property
    def _single_client(self) -> SplitFed:
        """Return what one client does: SplitFed V2, since the body is shared and no other client trains beside it."""
        cut = {"head": self.head, "tail": self.tail, "cut": self.cut}
        return SplitFed(version="v2", labels=self.labels).model_copy(update=cut).placed(self._places)

    @property
    def _tail(self) -> int:
        return self._single_client._tail

    def messages(self, model: Staged, training: Training) -> Messages:
        return self._single_client.messages(model, training)

    def check(self, model: Staged, training: Training) -> None:
        self._single_client.check(model, training)

    def begin(self, world: World, task: Task) -> State:
        return self._single_client.begin(world, task)

    def round(self, world: World, task: Task, state: State, cohort: list[Client]) -> Steps:
        split_fed = self._single_client
        for client in cohort:
            with world.phase("model exchange"):
                job = world.start(split_fed.client(world, task, client, state), client)
                updates = yield from world.together(job)  # empty if the device left
            state = updates[0].value if updates else state
        return state

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        return self._single_client.model_for(world, task, state, client)

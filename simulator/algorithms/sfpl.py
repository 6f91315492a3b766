"""SFPL: split learning in which the server trains on the shuffled smashed data of all clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.accounting.payload import Messages
from simulator.algorithms.base import State, Steps, Update
from simulator.algorithms.steps.mixed_batches import train_mixed
from simulator.algorithms.steps.parallel_split import Member, ParallelSplit, side_by_side
from simulator.algorithms.steps.shared_body import shared_body
from simulator.algorithms.steps.split_step import labelled_messages, provisioned

if TYPE_CHECKING:
    from torch import Tensor

    from simulator.learning.models.cuts import Cut
    from simulator.learning.models.parts import Part
    from simulator.learning.models.staged import Staged
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


class SFPL(ParallelSplit):
    """SFPL, federated split learning with only positive labels (arXiv 2307.13266): where each device has few classes,
    the server collects the smashed data of all clients and shuffles them before it trains.

    From the paper: the collector. Ours: it waits for all clients and collects one batch from each client of the cohort;
    the server trains on the shuffled rows in batches of ``batch_size``, one optimizer step each (the optimizer state
    stays at the server); each row's gradient is sent back to its client as it is, for the mean loss of the shuffled
    batch that the row was in. Heads are averaged every round, weighted by shard size, as in SplitFed. Collecting is
    charged by the bytes that it moves. Clients that have no batch left sit out the rest of the round.

    The paper leaves batch normalisation of the client's part out of the average, and uses it locally at inference.
    There is nothing to leave out here: a transformer has layer norm, and the statistics of a ResNet's batch norm are
    frozen, so its scales and shifts are averaged like all other parameters.
    """

    name: ClassVar[str] = "sfpl"
    reports_losses: ClassVar[bool] = False

    def _messages(self, model: Staged, at: Cut) -> Messages:
        step, head = labelled_messages(model, at), ("model",) if model.slice(at.head).trainable else ()
        return Messages((*head, *step.up), (*head, *provisioned(model, at.head), *step.down))

    def round(self, world: World, task: Task, state: State, cohort: list[Client]) -> Steps:
        rest = task.part(shared_body(world, task), self._cut(world, task).rest)
        with world.phase("model exchange"):
            members = yield from side_by_side(
                world, [(client, self._receive(task, client, state)) for client in cohort]
            )
        members = yield from self._train(world, members, rest)
        if not state or not members:  # frozen heads are not averaged
            return state
        with world.phase("model exchange"):
            updates = yield from side_by_side(world, [(m.client, self._upload_head(m, state)) for m in members])
        if updates:
            with world.phase("aggregation"):
                state = yield from self.aggregate(world.server, task, state, updates)
        return state

    def _receive(self, task: Task, client: Client, state: State) -> Steps:
        """Send a client the global head, and return it as a ``Member`` of the round."""
        received = (yield from client.download(state, "model")) if state else {}
        return (yield from self._join(task, client, received))

    def _upload_head(self, member: Member, state: State) -> Steps:
        """Send a client's head to the server, and return it as an ``Update``."""
        head = yield from member.client.upload(member.local.release_copy(state), "model")
        return Update(head, weight=len(member.client.data))

    def step(self, world: World, group: Sequence[tuple[Any, Tensor]], number: int, *parts: Part) -> Steps:
        (rest,) = parts
        grad = yield from train_mixed(world, rest, group, number)
        return None if grad is None else (grad[:0], grad.split([len(labels) for _, labels in group]))

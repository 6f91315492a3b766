"""Weights at the server that all clients train: one set for the whole trial, and the order of their batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import SerializerFunctionWrapHandler, model_serializer

from simulator.algorithms.base import UnfitError
from simulator.algorithms.steps.split import SplitAlgorithm
from simulator.algorithms.steps.turns import Turns
from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.learning.models.cuts import Cut, Ranges
    from simulator.learning.models.staged import Staged
    from simulator.learning.models.weights import Weights
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.world import World


TOGETHER = "the server trains one body on the batches of all clients together."
"""Why more slots or GPUs change nothing."""


@dataclass(eq=False)
class SharedBody(Store):
    """The weights at the server that all clients train.

    Attributes:
        weights: a ``Weights`` object, which persists with its optimizer state; None before ``share_body``.
        trained: the names of those of its tensors that are trained.
    """

    weights: Any = None
    trained: tuple[str, ...] = ()

    def checkpoint(self) -> Any:
        return self.weights.state(self.trained)

    def roll_back(self, checkpoint: Any) -> None:
        self.weights.restore(checkpoint)


@dataclass(eq=False)
class TurnsOfRound(Store):
    """The turns of the round that is under way, at the server.

    Attributes:
        turns: the turns; None before a client has begun to train, and after the last turn.
    """

    replayed: ClassVar[bool] = True
    turns: Turns | None = None


class TrainsSharedBody(SplitAlgorithm):
    """A split algorithm whose clients train one body at the server, in an order that its entry chooses.

    Attributes:
        order: the order in which the clients' batches train what they share at the server. ``arrival``: as they come,
            so that another speed of a device or a link changes what is learned, too. ``random``: in each step every
            client of the cohort that still has a batch takes one turn, in an order drawn for the round and the step
            (from memory, SplitFed's paper has the server take clients in random order in V2; a turn for each batch is
            ours). ``fixed``: the same, always in the order of the cohort. With these two, and the same cohorts, no
            speed changes what is learned, so that runs with other devices and links can be compared pair by pair; but
            the server waits for the client whose turn it is while others are ready, and this time is simulated. A turn
            lasts from the forward pass at the server to its step, so the body must be held for as long:
            ``body: exclusive``, unless labels are sent, which makes this one work. A client that has no batch left, or
            has left, is passed over. The order is that of a cohort: drivers that have no cohort refuse it.
    """

    order: Literal["arrival", "random", "fixed"] = "arrival"

    @property
    def needs_cohort(self) -> str | None:
        return None if self.order == "arrival" else f"its order of turns at the server ({self.order})"

    @property
    def needs_one_server(self) -> str | None:
        return "all its clients train one body, which is at the server"

    def check(self, model: Staged, training: Training) -> None:
        super().check(model, training)
        if self.order != "arrival" and self._interleaves:
            problem = f"with order: {self.order} a turn lasts from forward pass to step, and stashed passes interleave"
            raise UnfitError("body", "stashed", problem, "exclusive, or order: arrival")

    def serial_at_server(self, model: Staged, training: Training) -> str | None:
        if self._interleaves or not any(model.slice(self._shared(at)).trainable for at in self.possible(model)):
            return None
        return f"all clients train one body at the server, one batch after the other. What would help: {self._helps}"

    @property
    def _helps(self) -> str:
        """What would let the server serve several clients at once."""
        return "splitfed with version: v1, where each client has a copy"

    def _shared(self, at: Cut) -> Ranges:
        """Return the stages that all clients train at the server."""
        return at.body

    @property
    def _interleaves(self) -> bool:
        """Whether a client's forward pass at the server may come between another's and its step."""
        return False

    def turns(self, world: World, client: Client, batches: int) -> Turns | None:
        """Return the turns of the round, of which this client takes one for each batch; None in order of arrival.

        Args:
            world: the world in which the round is under way.
            client: the client, which begins to train.
            batches: how many of its batches train the shared body.
        """
        if self.order == "arrival":
            return None
        record, number = world.server.store(TurnsOfRound), world.current_process().round
        if record.turns is None or record.turns.round != number:
            cohort, seeds = world.cohort, client.data.seeds

            def order(step: int) -> list[int]:
                if self.order == "fixed":
                    return list(range(len(cohort)))
                return [int(position) for position in seeds.stream("body order", number, step).permutation(len(cohort))]

            def forget() -> None:
                if record.turns is made:
                    record.turns = None

            record.turns = made = Turns(world, cohort, order, forget)
        turns = record.turns
        turns.expect(client, batches)
        return turns

    @model_serializer(mode="wrap")
    def _without_chosen(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the order where it is that of arrival, as well as what a policy chooses."""
        written = super()._without_chosen(write)
        return {key: value for key, value in written.items() if key != "order" or value != "arrival"}


def share_body(world: World, task: Task, tensors: Mapping[str, Any]) -> None:
    """Place tensors at the server for all clients to train, with one persistent optimizer.

    Args:
        world: the world whose server stores them.
        task: the model, which provides the other weights and the optimizer.
        tensors: initial values, name -> tensor.
    """
    shared = world.server.store(SharedBody)
    shared.weights, shared.trained = task.weights(tensors, world.aggregations + 1, owner="server"), tuple(tensors)


def shared_body(world: World, task: Task) -> Weights:
    """Return the weights at the server that all clients train, with the learning rate of the current aggregation.

    The learning rate follows the number of aggregations so far, not the ``round_index`` of the client being served.
    """
    weights: Weights = world.server.store(SharedBody).weights
    task.start_round(weights, world.aggregations + 1, "server")
    return weights


def shared_tensors(world: World, names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the newest tensors at the server, for the keys of ``names``."""
    weights = world.server.store(SharedBody).weights
    return {name: weights[name] for name in names}

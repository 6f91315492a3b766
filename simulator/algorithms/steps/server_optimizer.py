"""Aggregation with an optimizer at the server: the base of FedAvgM, FedAdam and FedYogi."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import tree_bytes
from simulator.algorithms.base import State, Steps, Update
from simulator.algorithms.fedavg import FedAvg
from simulator.settings.bounds import LearningRate
from simulator.world.store import Store

if TYPE_CHECKING:
    from torch import Tensor

    from simulator.learning.task import Task
    from simulator.world.sites import Site

Moments = dict[str, "Tensor"]
"""The optimizer state of one tensor: state variable -> tensor of the same shape."""


@dataclass(eq=False)
class ServerMoments(Store):
    """The state of the server's optimizer.

    Attributes:
        by_name: the optimizer state of each tensor of the model, by its name.
    """

    by_name: dict[str, Moments] = field(default_factory=dict)


class FedOpt(FedAvg):
    """FedAvg in which the clients' mean change is the pseudo-gradient of a server optimizer (Reddi et al., 2021,
    Algorithm 2). The optimizer's state is kept at the server.

    Attributes:
        server_learning_rate: learning rate of the server's optimizer.
        copies: state tensors that the optimizer keeps for each tensor of the model.
    """

    name: ClassVar[str]
    server_learning_rate: LearningRate = 1.0
    copies: ClassVar[int]

    def aggregate(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        mean = yield from super().aggregate(site, task, state, updates)
        moments = site.store(ServerMoments)
        return (yield from site.compute(server_step, self, state, mean, moments.by_name))

    def move(self, change: Tensor, slots: Moments) -> Tensor:
        """Return the update of one tensor, before the learning rate, and update its optimizer state.

        Args:
            change: the clients' mean change of the tensor, of its shape.
            slots: the optimizer state of the tensor, updated in place; empty at the first step.
        """
        raise NotImplementedError


def _step_cost(rule: FedOpt, state: State, mean: State, slots: dict[str, Moments]) -> Cost:
    return Cost(bytes_touched=(3 + 2 * rule.copies) * tree_bytes(state))


@work(cost=_step_cost, writes=lambda rule, state, mean, slots: slots)
def server_step(rule: FedOpt, state: State, mean: State, slots: dict[str, Moments]) -> State:
    """Return the next global state, ``state + server_learning_rate x move(mean - state)``, tensor by tensor.

    Args:
        rule: the algorithm, which defines ``move``.
        state: the global state, name -> tensor.
        mean: the clients' mean, with the names and shapes of ``state``.
        slots: the optimizer state by tensor name, updated in place.
    """

    def stepped(name: str, tensor: Any) -> Any:
        moments = slots.setdefault(name, {})
        if tensor.is_meta:  # in a dry run the state only takes up memory
            moments.update({str(number): tensor for number in range(rule.copies)})
            return tensor
        move = rule.move(mean[name] - tensor, moments)
        return tensor.add(move, alpha=rule.server_learning_rate)

    return {name: stepped(name, tensor) for name, tensor in state.items()}

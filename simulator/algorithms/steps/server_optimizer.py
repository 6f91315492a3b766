"""Averaging with an optimizer at the server: FedAvgM, FedAdam, FedYogi."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import PositiveFloat

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import tree_bytes
from simulator.algorithms.base import State, Steps, Update
from simulator.algorithms.fedavg import FedAvg
from simulator.world.store import Store

if TYPE_CHECKING:
    from torch import Tensor

    from simulator.learning.task import Task
    from simulator.world.sites import Site

Moments = dict[str, "Tensor"]


@dataclass(eq=False)
class ServerMoments(Store):
    """The state of the server's optimizer, by the names of tensors."""

    by_name: dict[str, Moments] = field(default_factory=dict)


class FedOpt(FedAvg):
    """FedAvg in which the mean of what clients changed is a pseudo-gradient for the server's own optimizer (Reddi et
    al., 2021, Algorithm 2). Its state is kept at the server.

    Attributes:
        server_learning_rate: of the server's step.
    """

    name: ClassVar[str]
    server_learning_rate: PositiveFloat = 1.0
    copies: ClassVar[int]

    def aggregate(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        mean = yield from super().aggregate(site, task, state, updates)
        moments = site.store(ServerMoments)
        return (yield from site.compute(server_step, self, state, mean, moments.by_name))

    def move(self, change: Tensor, slots: Moments) -> Tensor:
        """What is added to a tensor, from the mean change of the clients and the state kept for it."""
        raise NotImplementedError


def _step_cost(rule: FedOpt, state: State, mean: State, slots: dict[str, Moments]) -> Cost:
    return Cost(bytes_touched=(3 + 2 * rule.copies) * tree_bytes(state))


@work(cost=_step_cost, writes=lambda rule, state, mean, slots: slots)
def server_step(rule: FedOpt, state: State, mean: State, slots: dict[str, Moments]) -> State:
    """The next state: ``state + learning rate x move(mean - state)``, tensor by tensor."""

    def stepped(name: str, tensor: Any) -> Any:
        mine = slots.setdefault(name, {})
        if tensor.is_meta:  # dry: what is kept has the tensor's size
            mine.update({str(number): tensor for number in range(rule.copies)})
            return tensor
        move = rule.move(mean[name] - tensor, mine)
        return tensor.add(move, alpha=rule.server_learning_rate)

    return {name: stepped(name, tensor) for name, tensor in state.items()}

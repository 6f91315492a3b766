"""FedProx: FedAvg whose clients are pulled back to where they started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import NonNegativeFloat

from simulator.accounting.costs import Cost, work
from simulator.algorithms.base import State, Steps, Update
from simulator.algorithms.fedavg import FedAvg
from simulator.learning.trees import tree_bytes

if TYPE_CHECKING:
    from simulator.learning.passes import Pass
    from simulator.learning.task import Task
    from simulator.learning.weights import Weights
    from simulator.world.clients import Client
    from simulator.world.world import World


class FedProx(FedAvg):
    """FedProx (Li et al., 2020, Algorithm 2): the local loss gains ``mu / 2 ||w - w_global||^2``.

    Attributes:
        mu: how strongly clients are pulled back; 0 is FedAvg.
    """

    name: ClassVar[str] = "fedprox"
    mu: NonNegativeFloat = 0.01

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        start = yield from client.download(state, "model")
        client.store["global model"] = start  # beside the one that is trained
        local = task.weights(start, client.turn)
        model = task.part(local)
        yield from client.install(model)
        with world.phase("training"):
            for batch in client.batches("train", epochs=task.training.local_epochs):
                graded = yield from client.compute(model.loss_backward, *batch)
                yield from client.compute(proximal_step, local, start, self.mu, graded)
        del client.store["global model"]
        return Update((yield from client.upload(local.pick(state), "model")), weight=len(client.data))


def _proximal_cost(local: Weights, start: dict[str, Any], mu: float, graded: Pass) -> Cost:
    pull = Cost(bytes_touched=4 * tree_bytes(start))  # weight, start and gradient read, gradient written
    return pull + local.step.cost(graded)


@work(cost=_proximal_cost, writes=lambda local, *_: local)
def proximal_step(local: Weights, start: dict[str, Any], mu: float, graded: Pass) -> None:
    """A step along the loss's gradient plus that of the proximal term, ``mu (w - w_global)``."""
    for name, grad in graded.grads.items():
        if not grad.is_meta:
            graded.grads[name] = grad.add(local[name] - start[name], alpha=mu)
    local.step(graded)

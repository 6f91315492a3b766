"""pFedMe: devices learn models of their own, and the shared one follows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, NonNegativeFloat, PositiveInt

from simulator.algorithms.base import State, Steps, UnfitError, Update
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.steps.personal import PersonalModel
from simulator.algorithms.steps.proximal import check_pull, pulled_step
from simulator.learning.training.proximal import towards

if TYPE_CHECKING:
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.sites import Site
    from simulator.world.world import World


class PFedMe(FedAvg):
    """pFedMe (Dinh et al., 2020; recalled, not checked against the text): personal models by Moreau envelopes.

    For each batch, ``inner_steps`` steps of the optimizer approximate ``theta = argmin F(theta) + lam / 2
    ||theta - w||^2``, and then ``w <- w - eta lam (w - theta)``. The server: ``w <- (1 - beta) w + beta mean(w of the
    clients)``, each client counting the same. A client's personal model is its last ``theta``, which stays on the
    device, as far as it was trained if that leaves; one that was never chosen uses the global model.

    That ``theta`` starts from what was received and goes on from batch to batch, with one state of the optimizer a
    round, and every default, are ours.

    Attributes:
        inner_steps: steps on each batch (the paper's K).
        lam: how strongly theta is drawn to w (the paper's lambda). With sgd, times the learning rate it must stay below
            2 (1 + momentum), or theta runs away from w instead.
        eta: the rate of w; eta x lam is the share of the way to theta that it goes after each batch: 0.075 by default,
            as in the authors' code (from memory).
        beta: the share of the way to the clients' mean that the server goes: 1 is that mean, more goes beyond it (the
            authors' code allows that, from memory), and from 2 on it would only go farther away.
    """

    name: ClassVar[str] = "pfedme"
    inner_steps: PositiveInt = 5
    lam: NonNegativeFloat = 15.0
    eta: NonNegativeFloat = 0.005
    beta: float = Field(1.0, gt=0, le=2)

    def check(self, model: Staged, training: Training) -> None:
        super().check(model, training)
        if self.eta * self.lam > 2:
            problem = f"with lam {self.lam:g} each step takes w farther from theta than it was, on the other side"
            raise UnfitError("eta", self.eta, problem, f"0 to {2 / self.lam:g}")
        check_pull("lam", self.lam, training.optimizer)

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        kept = client.store(PersonalModel)
        local = yield from client.download(state, "model")
        kept.tensors = theta = client.weights(local)  # trained in its place: the one before is not looked at again
        model = task.part(theta)
        yield from client.install(model)
        with world.phase("training"):
            for batch in client.batches("train", epochs=task.training.local_epochs):
                for _ in range(self.inner_steps):
                    yield from pulled_step(client, model, batch, local, self.lam)
                local = yield from client.compute(towards, local, theta, self.eta * self.lam)
        kept.tensors = client.release(theta, state)
        return Update((yield from client.upload(local, "model")), weight=1)

    def aggregate(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        mean = yield from super().aggregate(site, task, state, updates)
        return (yield from site.compute(towards, state, mean, self.beta))

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        own = client.store(PersonalModel).tensors if client else None
        return {name: (own or state)[name] for name in state}

"""pFedMe: devices train personal models, and the global model follows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from simulator.algorithms.base import State, Steps, UnfitError, Update
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.steps.personal import PersonalModel
from simulator.algorithms.steps.proximal import check_pull, pulled_step
from simulator.learning.training.proximal import towards
from simulator.settings.bounds import Epochs, Factor

if TYPE_CHECKING:
    from simulator.learning.models.staged import Staged
    from simulator.learning.settings import TrainingSettings as Training
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.sites import Site
    from simulator.world.world import World


class PFedMe(FedAvg):
    """pFedMe (Dinh et al., 2020; recalled, not checked against the text): personal models by Moreau envelopes.

    For each batch, ``inner_steps`` optimizer steps approximate ``theta = argmin F(theta) + lam / 2 ||theta - w||^2``,
    and then ``w <- w - eta lam (w - theta)``. The server computes ``w <- (1 - beta) w + beta mean(w of the clients)``,
    with equal weights. A client's personal model is its last ``theta``. It stays on the device; a device that leaves
    keeps it as far as it was trained. A client that was never selected uses the global model.

    These choices are ours: ``theta`` starts from the received model and continues from batch to batch, with one
    optimizer state per round; so is every default.

    Attributes:
        inner_steps: optimizer steps on each batch (the paper's K).
        lam: strength of the pull of theta towards w (the paper's lambda). With sgd, lam times the learning rate must be
            below 2 (1 + momentum), or theta moves away from w instead.
        eta: the learning rate of w. After each batch w moves by the share eta x lam of its distance to theta: 0.075 by
            default, as in the authors' code (from memory).
        beta: the share of the distance to the clients' mean by which the server moves w: 1 is that mean, more goes
            beyond it (the authors' code allows that, from memory); above 2, w would only end farther from the mean.
    """

    name: ClassVar[str] = "pfedme"
    update_kind: ClassVar[str | None] = None
    inner_steps: Epochs = 5
    lam: Factor = 15.0
    eta: Factor = 0.005
    beta: float = Field(1.0, gt=0, le=2)

    def check(self, model: Staged, training: Training) -> None:
        super().check(model, training)
        if self.eta * self.lam > 2:
            problem = (
                f"with lam {self.lam:g} each step overshoots: w ends farther from theta than it was, on the other side"
            )
            raise UnfitError("eta", self.eta, problem, f"0 to {2 / self.lam:g}")
        check_pull("lam", self.lam, training.optimizer)

    def client(self, world: World, task: Task, client: Client, state: State) -> Steps:
        kept = client.store(PersonalModel)
        local = yield from client.download(state, "model")
        kept.tensors = theta = client.weights(local)  # the stored model itself is trained; the previous one is not used
        model = task.part(theta)
        yield from client.install(model)
        with world.phase("training"):
            for batch in client.batches("train", epochs=task.training.local_epochs):
                for _ in range(self.inner_steps):
                    yield from pulled_step(client, model, batch, local, self.lam)
                local = yield from client.compute(towards, local, theta, self.eta * self.lam)
        kept.tensors = client.release(theta, state)
        return Update((yield from client.upload(local, "model")), weight=1)

    def combine(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        return (yield from super().combine(site, task, state, updates))  # updates are models, and so is their mean

    def aggregate(self, site: Site, task: Task, state: State, updates: list[Update]) -> Steps:
        mean = yield from super().aggregate(site, task, state, updates)
        return (yield from site.compute(towards, state, mean, self.beta))

    def model_for(self, world: World, task: Task, state: State, client: Client | None = None) -> Mapping[str, Any]:
        own = client.store(PersonalModel).tensors if client else None
        return {name: (own or state)[name] for name in state}

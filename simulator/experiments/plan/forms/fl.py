"""The twin of FL for FedAvg and FedLoRA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulator.accounting.twins.base import Figures
from simulator.accounting.twins.fl import Device, fl
from simulator.experiments.plan.fleet import Member, work
from simulator.experiments.plan.forms.base import Form

if TYPE_CHECKING:
    from simulator.accounting.costs import Cost


class FL(Form):
    """FedAvg and FedLoRA."""

    def _cut(self, member: Member) -> Any:
        return None

    def figures(self, members: Sequence[Member], number: int) -> Figures:
        state = self.task.trainable()
        nbytes = self._bytes(state)

        def device(member: Member) -> Device:
            batches = self._repeated(member.samples, self.training.local_epochs)
            steps = [(times, work(member.client.site, self._step(size))) for times, size in batches]
            return Device(member.down.sends(nbytes), steps, member.up.sends(nbytes))

        return fl(self._each(members, device), self._mean(members, state))

    def _step(self, size: int) -> Cost:
        model = self.task.part(self.task.weights({}, 1))

        def cost(size: int) -> Cost:
            return self._once((size,), lambda: model.train_step.cost(*self.fleet.batch(size)))

        return self.fleet.of_size(size, cost)

"""The twins of SplitFed and of split learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from simulator.accounting.twins.base import NO_WORK, Figures
from simulator.accounting.twins.splitfed import SplitBatch, SplitDevice, split_learning, version_1, version_2
from simulator.experiments.plan.fleet import DoesNotHoldError, Member
from simulator.experiments.plan.forms.base import Form, Sent
from simulator.experiments.plan.twin_costs import SplitCosts, labelled, u_shaped

if TYPE_CHECKING:
    from simulator.learning.models.cuts import Cut, Ranges


class Split(Form):
    """What SplitFed, split learning and SFPrompt have in common: batches through a split model."""

    frozen_body: ClassVar[bool] = False
    """Whether the server's part is never trained, and its weights are the backbone's own."""

    @property
    def labels_sent(self) -> bool:
        """Whether labels are sent, so that there is no tail on the device."""
        return getattr(self.algorithm, "labels", "private") == "sent"

    def costs(self, cut: Cut, size: int) -> SplitCosts:
        """Return what a batch of this size costs at a cut."""
        return self.fleet.of_size(size, lambda size: self._once((cut, size), lambda: self._costs(cut, size)))

    def _costs(self, cut: Cut, size: int) -> SplitCosts:
        task, local, batch = self.task, self.task.weights({}, 1), self.fleet.batch(size)
        served = task.backbone if self.frozen_body else task.weights({}, 1)
        head = task.part(local, cut.head)
        if self.labels_sent:
            return labelled(head, task.part(served, cut.rest), batch, local, self.wire)  # type: ignore[arg-type]
        body, tail = task.part(served, cut.body), task.part(local, cut.tail)
        return u_shaped(head, body, tail, batch, local, self.wire)  # type: ignore[arg-type]

    def batches(self, member: Member, samples: int, epochs: int) -> tuple[tuple[int, SplitBatch], ...]:
        """Return the batches of a device, each with how often it comes.

        Args:
            member: the device.
            samples: how many samples of the device are pushed through the split in an epoch.
            epochs: how many epochs there are.
        """
        cut = self._cut(member)
        return tuple(
            (times, self.costs(cut, size).batch(member, self.fleet.server))
            for times, size in self._repeated(samples, epochs)
        )

    def pushed(self, member: Member) -> tuple[int, int]:
        """Return the samples and the epochs of split training."""
        return member.samples, self.training.local_epochs

    def smashed(self, member: Member) -> Sent:
        for times, size in self._repeated(*self.pushed(member)):
            yield times, self.costs(self._cut(member), size).smashed

    def on_device(self, cut: Cut) -> dict[str, Any]:
        """Return what is trained on the device, name -> tensor."""
        sides: tuple[Ranges, ...] = (cut.head,) if self.labels_sent else (cut.head, cut.tail)
        return {name: tensor for ranges in sides for name, tensor in self.task.trainable(ranges).items()}

    def device(self, member: Member) -> SplitDevice:
        """Return the inputs of the twins for a device."""
        nbytes = self._bytes(self.on_device(self._cut(member)))
        batches = self.batches(member, *self.pushed(member))
        return SplitDevice(member.down.sends(nbytes), batches, member.up.sends(nbytes))


class SplitFedForm(Split):
    """SplitFed V1 and V2."""

    def figures(self, members: Sequence[Member], number: int) -> Figures:
        devices, cut, algorithm = self._each(members, self.device), self._cut(members[0]), self.algorithm
        first = algorithm.version == "v1"
        state = self.task.trainable() if first else self.on_device(cut)
        mean = self._mean(members, state) if state else NO_WORK
        shared = not first and self.task.model.slice(cut.rest if self.labels_sent else cut.body).trainable
        if len(members) == 1 or (not shared and len(members) <= self.fleet.slots):
            return version_1(devices, mean)
        self._check_turns(members, shared)
        if len(set(devices)) > 1 or len(devices[0].batches) > 1:
            raise DoesNotHoldError("devices, links or batches differ, and the server serves one at a time")
        return version_2(devices[0], len(devices), mean)

    def _check_turns(self, members: Sequence[Member], shared: Any) -> None:
        """Check that the server serves one device at a time, from its first work for a batch to its last.

        Raises:
            DoesNotHoldError: it does not.
        """
        if not shared and not (self.labels_sent and self.fleet.slots == 1):
            self.fleet.check_slots(members)
        if shared and not self.labels_sent and self.algorithm.body != "exclusive":
            raise DoesNotHoldError("devices interleave on one body")
        if shared and self.algorithm.order != "arrival":
            raise DoesNotHoldError("the order of turns is not that of arrival")


class SplitLearningForm(Split):
    """Split learning."""

    shares_links = True

    def figures(self, members: Sequence[Member], number: int) -> Figures:
        return split_learning(self._each(members, self.device))

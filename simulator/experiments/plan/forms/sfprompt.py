"""The twin of SFPrompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulator.accounting.twins.base import Figures, Repeated, Work
from simulator.accounting.twins.sfprompt import PromptDevice, sfprompt
from simulator.experiments.plan.fleet import Member, work
from simulator.experiments.plan.forms.split import Split

if TYPE_CHECKING:
    from simulator.accounting.costs import Cost


class SFPromptForm(Split):
    """SFPrompt."""

    frozen_body = True

    def figures(self, members: Sequence[Member], number: int) -> Figures:
        algorithm, state = self.algorithm, self.task.trainable()
        nbytes, pruned_before = self._bytes(state), algorithm.prune == "once" and number > 1
        if algorithm.split_epochs:
            self.fleet.check_slots(members)

        def device(member: Member) -> PromptDevice:
            scored = algorithm.scores and not pruned_before
            return PromptDevice(
                member.down.sends(nbytes),
                self._alone(member, algorithm.local_epochs, "train_step"),
                self._alone(member, 1, "el2n") if scored else (),
                self.batches(member, *self.pushed(member)),
                member.up.sends(nbytes),
            )

        return sfprompt(self._each(members, device), self._mean(members, state))

    def pushed(self, member: Member) -> tuple[int, int]:
        algorithm, samples = self.algorithm, member.samples
        if algorithm.keep_fraction < 1:
            samples = self.fleet.kept(samples, algorithm.keep_fraction)
        return samples, algorithm.split_epochs

    def _alone(self, member: Member, epochs: int, what: str) -> Repeated[Work]:
        """Return works of the device alone, on the short cut, for each batch of some epochs."""
        cut, site = self._cut(member), member.client.site

        def cost(size: int) -> Cost:
            short: Any = self.task.part(self.task.weights({}, 1), cut.short)
            found: Cost = getattr(short, what).cost(*self.fleet.batch(size))
            return found

        def known(size: int) -> Cost:
            return self._once((what, cut, size), lambda: cost(size))

        batches = self._repeated(member.samples, epochs)
        return [(times, work(site, self.fleet.of_size(size, known))) for times, size in batches]

"""The twins of SplitFrozen, with and without its pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulator.accounting.twins.base import Figures, Work
from simulator.accounting.twins.splitfrozen import Stage, in_turn, pipelined
from simulator.algorithms.steps.mixed_batches import train_mixed
from simulator.experiments.plan.fleet import DoesNotHoldError, Member, work
from simulator.experiments.plan.forms.base import Form, Sent, total
from simulator.experiments.plan.twin_costs import at_the_server, done

if TYPE_CHECKING:
    from simulator.accounting.costs import Cost


class SplitFrozenForm(Form):
    """SplitFrozen, with or without its pipeline."""

    def figures(self, members: Sequence[Member], number: int) -> Figures:
        algorithm = self.algorithm
        if algorithm.cache or algorithm.backward != "whole" or len(algorithm.heads) > 1:
            raise DoesNotHoldError("smashed data are cached, the backward pass is decomposed, or cuts differ")
        batches = {tuple(self._batches(member)) for member in members}
        if len(batches) > 1 or len(*batches) > 1:
            raise DoesNotHoldError("shards or batches differ")
        (((count, size),),) = batches
        server = self._once(("server", len(members), size), lambda: self._server(members, size))
        stages = self._each(members, lambda member: self._stage(member, size))
        return (pipelined if algorithm.pipeline else in_turn)(stages, server, count)

    def smashed(self, member: Member) -> Sent:
        for times, size in self._batches(member):
            yield times, self._sent(size)[1]

    def _batches(self, member: Member) -> list[tuple[int, int]]:
        return self._repeated(member.samples, self.training.local_epochs)

    def _sent(self, size: int) -> tuple[Cost, int, Any]:
        """Return the cost of the forward pass on a device, and bytes and content of what is sent."""

        def sent() -> tuple[Cost, int, Any]:
            x, y = self.fleet.batch(size)
            head = self.task.part(self.task.backbone, self.task.cut(self.algorithm.heads[0], 0).head)
            cost, smashed = done(head.infer, x)
            received, nbytes = self.wire.carry((smashed, y))
            return cost, nbytes, received

        return self._once(("sent", size), sent)

    def _stage(self, member: Member, size: int) -> Stage:
        cost, nbytes, _ = self._sent(size)
        return Stage(work(member.client.site, cost), member.up.sends(nbytes))

    def _server(self, members: Sequence[Member], size: int) -> Work:
        """Return what the server does with one batch of each member."""
        rest = self.task.part(self.task.weights({}, 1), self.task.cut(self.algorithm.heads[0], 0).rest)
        group = [self._sent(size)[2]] * len(members)
        costs, _ = at_the_server(
            lambda world: train_mixed(world, rest, group, 0), [member.client for member in members]
        )
        return total(self.fleet, costs)

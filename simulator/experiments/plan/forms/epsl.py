"""The twin of EPSL and of parallel split learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simulator.accounting.twins.base import Figures, Work
from simulator.accounting.twins.epsl import Member as LockstepMember
from simulator.accounting.twins.epsl import Step, epsl
from simulator.experiments.plan.fleet import DoesNotHoldError, Member, work
from simulator.experiments.plan.forms.base import Form, Sent, total
from simulator.experiments.plan.twin_costs import at_the_server, done

if TYPE_CHECKING:
    from simulator.accounting.costs import Cost


class EPSLForm(Form):
    """EPSL and parallel split learning."""

    def figures(self, members: Sequence[Member], number: int) -> Figures:
        if len({member.samples for member in members}) > 1:
            raise DoesNotHoldError("shards differ, so that batches do")
        state = self.task.trainable(self._cut(members[0]).head)
        nbytes = self._bytes(state) if number == 1 else None
        batches = self._repeated(members[0].samples, self.training.local_epochs)
        steps = [(times, self._step(members, size)) for times, size in batches]
        return epsl([member.down.sends(nbytes) for member in members], steps)

    def smashed(self, member: Member) -> Sent:
        for times, size in self._repeated(member.samples, self.training.local_epochs):
            yield times, self._sent(member, size)[1]

    def _sent(self, member: Member, size: int) -> tuple[Cost, int, Any, Any]:
        """Return the cost of the head's forward pass, bytes and content of what is sent, and costs of the way back."""

        def sent() -> tuple[Cost, int, Any, Any]:
            (x, y), local = self.fleet.batch(size), self.task.weights({}, 1)
            head = self.task.part(local, self._cut(member).head)
            cost, forward = done(head.forward, x)
            received, nbytes = self.wire.carry((forward.output, y))
            if not head.trainable:
                return cost, nbytes, received, (None, None)
            back, _ = done(forward.backward, received[0])
            return cost, nbytes, received, (back, local.step.cost(forward))

        return self._once(("sent", size), sent)

    def _served(self, members: Sequence[Member], size: int) -> tuple[Work, int | None, int | None]:
        """Return the server's work of a step, and the bytes of the aggregated gradients and of each device's own."""

        def served() -> tuple[Work, int | None, int | None]:
            weights, ((first, end),) = self.task.weights({}, 1), self._cut(members[0]).rest
            parts = [self.task.part(weights, (ranges,)) for ranges in ((first, end - 1), (end - 1, end))]
            group = [self._sent(members[0], size)[2]] * len(members)
            costs, grads = at_the_server(lambda world: self.algorithm.step(world, group, 0, *parts))
            common, own = (None, [None]) if grads is None else grads
            sent = [self._rows(rows) for rows in (common, own[0])]
            return total(self.fleet, costs), sent[0], sent[1]

        return self._once(("served", len(members), size), served)

    def _rows(self, rows: Any) -> int | None:
        return None if rows is None or not len(rows) else self.wire.carry(rows)[1]

    def _step(self, members: Sequence[Member], size: int) -> Step:
        server, common, own = self._served(members, size)
        forward, nbytes, _, (backward, step) = self._sent(members[0], size)

        def each(member: Member) -> LockstepMember:
            site = member.client.site
            return LockstepMember(
                work(site, forward),
                member.up.sends(nbytes),
                member.down.sends(common),
                member.down.sends(own),
                work(site, backward),
                work(site, step),
            )

        return Step(self._each(members, each), server)

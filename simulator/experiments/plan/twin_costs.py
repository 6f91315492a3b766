"""What works and payloads of a model's parts cost, asked of the works themselves on tensors without values.

Nothing here knows how a work is priced: each is called on ``meta`` as in a dry run, after its cost was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.accounting.twins.splitfed import SplitBatch
from simulator.experiments.plan.fleet import Member, work

if TYPE_CHECKING:
    from simulator.accounting.costs import Cost, Work
    from simulator.learning.data.shards import Batch
    from simulator.learning.models.parts import Part
    from simulator.learning.models.weights import Weights
    from simulator.transport.wire import Wire
    from simulator.world.sites import Site


class SplitCosts(NamedTuple):
    """Costs and bytes of one batch through a split model, named as in ``SplitBatch``; None: not done, or not sent."""

    head_forward: Cost
    smashed: int
    body_forward: Cost
    features: int | None = None
    tail: Cost | None = None
    feature_gradient: int | None = None
    body_backward: Cost | None = None
    body_step: Cost | None = None
    smashed_gradient: int | None = None
    head_backward: Cost | None = None
    step: Cost | None = None

    def batch(self, member: Member, server: Site) -> SplitBatch:
        """Return the batch of a device: its works at its own site and at the server, its payloads on its own links."""
        device, up, down = member.client.site, member.up, member.down
        return SplitBatch(
            work(device, self.head_forward),
            up.sends(self.smashed),
            work(server, self.body_forward),
            down.sends(self.features),
            work(device, self.tail),
            up.sends(self.feature_gradient),
            work(server, self.body_backward),
            work(server, self.body_step),
            down.sends(self.smashed_gradient),
            work(device, self.head_backward),
            work(device, self.step),
        )


def done(task: Work, *args: Any) -> tuple[Cost, Any]:
    """Return the cost of a work, and its result."""
    return task.cost(*args), task(*args)


def u_shaped(head: Part, body: Part, tail: Part, batch: Batch, local: Weights, wire: Wire) -> SplitCosts:
    """Return what one batch costs with head and tail on the device (``split_step``).

    Args:
        head, body, tail: the parts of the model.
        batch: inputs and labels.
        local: the weights that the device trains.
        wire: what carries the payloads.
    """
    x, y = batch
    head_forward, sent = done(head.forward, x)
    smashed, smashed_bytes = wire.carry(sent.output)
    body_forward, served = done(body.forward, smashed)
    features, features_bytes = wire.carry(served.output)
    tail_cost, graded = done(tail.loss_backward, features, y)
    found = SplitCosts(head_forward, smashed_bytes, body_forward, features_bytes, tail_cost)
    grad, passes = None, [graded]
    if body.learns:
        grad, nbytes = wire.carry(graded.input_grad)
        cost, grad = done(served.backward, grad)
        found = found._replace(feature_gradient=nbytes, body_backward=cost)
    if body.trainable:
        found = found._replace(body_step=body.weights.step.cost(served))
    if head.trainable:
        grad, nbytes = wire.carry(grad)
        cost, _ = done(sent.backward, grad)
        passes.append(sent)
        found = found._replace(smashed_gradient=nbytes, head_backward=cost)
    return found._replace(step=local.step.cost(*passes))


def labelled(head: Part, rest: Part, batch: Batch, local: Weights, wire: Wire) -> SplitCosts:
    """Return what one batch costs with labels sent to the server (``labelled_step``); arguments as for ``u_shaped``."""
    x, y = batch
    head_forward, sent = done(head.forward, x)
    (smashed, labels), nbytes = wire.carry((sent.output, y))
    served, graded = done(rest.train_step, smashed, labels)
    found = SplitCosts(head_forward, nbytes, served)
    if head.trainable:
        grad, nbytes = wire.carry(graded.input_grad)
        cost, _ = done(sent.backward, grad)
        found = found._replace(smashed_gradient=nbytes, head_backward=cost, step=local.step.cost(sent))
    return found


class Tally:
    """A site that notes the cost of each work, and takes no time."""

    def __init__(self) -> None:
        self.costs: list[Cost] = []

    def compute(self, task: Work, *args: Any) -> Generator[Any, Any, Any]:
        """Note the cost of a work, and do it."""
        cost, result = done(task, *args)
        self.costs.append(cost)
        return result
        yield  # a generator, as ``Site.compute`` is


def at_the_server(
    steps: Callable[[Any], Generator[Any, Any, Any]], clients: Iterable[Any] = ()
) -> tuple[Sequence[Cost], Any]:
    """Run steps of an algorithm that only compute at the server; return the costs of all works, and their result.

    Args:
        steps: called with a world of which there is nothing but the server and the clients.
        clients: the clients of that world.
    """
    tally = Tally()
    process = SimpleNamespace(round=1)
    world = SimpleNamespace(server=tally, clients=list(clients), current_process=lambda: process)
    running = steps(world)
    try:
        waits_for = next(running)
    except StopIteration as end:
        return tally.costs, end.value
    raise RuntimeError(f"these steps wait for {waits_for}: they do more than compute at the server")

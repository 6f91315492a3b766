"""One batch through a model that is cut: the conversation between a client and a server."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from simulator.accounting.payload import FROZEN_WEIGHTS, Messages
from simulator.algorithms.base import Steps

if TYPE_CHECKING:
    from simulator.accounting.costs import Work
    from simulator.learning.data.images import Batch
    from simulator.learning.models.cuts import Cut, Ranges
    from simulator.learning.models.parts import Part, Pass
    from simulator.learning.models.staged import Staged
    from simulator.learning.models.weights import Weights
    from simulator.world.clients import Client


def check_cut(model: Staged, head: int, tail: int) -> Cut:
    """The cut; raise ``UnfitError`` unless head and tail leave the server at least one block."""
    from simulator.learning.models.cuts import cut  # here, so that reading a scenario loads no torch

    return cut(model, head, tail)


def provisioned(model: Staged, *parts: Ranges) -> tuple[str, ...]:
    """The kind that ``client.install`` sends for these parts, if any of them has frozen weights."""
    return (FROZEN_WEIGHTS,) if any(model.slice(ranges).frozen for ranges in parts) else ()


def split_step(
    client: Client,
    head: Part,
    body: Part,
    tail: Part,
    batch: Batch,
    local: Weights,
    *,
    exclusive: bool = False,
    loss: Work | None = None,
    step: Work | None = None,
) -> Steps:
    """U-shaped: head and tail on the device, labels stay there. A leg that nobody needs is not sent.

    Vepakomma et al., 2018, section 2, "without label sharing".

    Args:
        exclusive: hold the body from its forward pass to its step.
        loss: instead of the tail's ``loss_backward``.
        step: instead of ``local.step``; it is given the passes.
    """
    server = client.server
    sent = yield from client.compute(head.forward, batch.x)
    smashed = yield from client.upload(sent.output, "smashed data")
    with server.world.exclusive(body.weights) if exclusive and body.trainable else nullcontext() as turn:
        if turn:
            yield turn
        served = yield from server.compute(body.forward, smashed)
        features = yield from client.download(served.output, "features")
        graded = yield from client.compute(loss or tail.loss_backward, features, batch.y)
        grad = None
        if body.learns:
            grad = yield from client.upload(graded.input_grad, "feature gradient")
            grad = yield from server.compute(served.backward, grad)
        learning = _learn(client, head, sent, graded, grad, step or local.step)
        if not body.trainable:
            yield from learning
            return
        handle = server.world.start(learning)  # the gradient's way back need not wait for the server's step
        try:
            yield from server.compute(body.weights.step, served)
        except BaseException:
            handle.stop()
            raise
    yield from server.world.together(handle)


def _learn(client: Client, head: Part, sent: Pass, graded: Pass, grad: Any, step: Work) -> Steps:
    """The end of a batch on the device: the gradient at the cut comes back, where the head learns, and then a step."""
    passes = [graded]
    if head.trainable:
        grad = yield from client.download(grad, "smashed gradient")
        yield from client.compute(sent.backward, grad)
        passes.append(sent)
    yield from client.compute(step, *passes)


def split_messages(model: Staged, cut: Cut) -> Messages:
    """What ``split_step`` sends."""
    up = ("smashed data", "feature gradient") if model.slice(cut.body).learns else ("smashed data",)
    down = ("features", "smashed gradient") if model.slice(cut.head).trainable else ("features",)
    return Messages(up, down)


def labelled_step(client: Client, head: Part, rest: Part, batch: Batch, local: Weights) -> Steps:
    """Labels travel with the smashed data: the server goes forward, backward and steps in one service.

    Thapa et al., 2022, Algorithm 1 (SplitFed); only the head is on the device.
    """
    sent = yield from client.compute(head.forward, batch.x)
    smashed, labels = yield from client.upload((sent.output, batch.y), "smashed data and labels")
    graded = yield from client.server.compute(rest.train_step, smashed, labels)
    if head.trainable:
        grad = yield from client.download(graded.input_grad, "smashed gradient")
        yield from client.compute(sent.backward, grad)
        yield from client.compute(local.step, sent)


def labelled_messages(model: Staged, cut: Cut) -> Messages:
    """What ``labelled_step`` sends."""
    return Messages(("smashed data and labels",), ("smashed gradient",) if model.slice(cut.head).trainable else ())

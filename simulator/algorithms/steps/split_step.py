"""One batch through a split model: what a client and the server compute and send each other."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from simulator.accounting.payload import FROZEN_WEIGHTS, Messages
from simulator.algorithms.base import Steps

if TYPE_CHECKING:
    from simulator.accounting.costs import Work
    from simulator.algorithms.steps.turns import Turns
    from simulator.learning.data.shards import Batch
    from simulator.learning.models.cuts import Cut, Ranges
    from simulator.learning.models.parts import Part, Pass
    from simulator.learning.models.staged import Staged
    from simulator.learning.models.weights import Weights
    from simulator.world.clients import Client


def check_cut(model: Staged, head: int, tail: int) -> Cut:
    """Return the cut of a model with these blocks on the device.

    Args:
        model: the model in stages.
        head: blocks on the device behind the embedding.
        tail: blocks on the device before norm and classifier.

    Raises:
        UnfitError: head and tail leave no block for the server.
    """
    from simulator.learning.models.cuts import cut  # imported late: reading a scenario loads no torch

    return cut(model, head, tail)


def provisioned(model: Staged, *parts: Ranges) -> tuple[str, ...]:
    """Return the kind of payload that ``client.install`` sends for these parts: none if they have no frozen weights."""
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
    turns: Turns | None = None,
    loss: Work | None = None,
    step: Work | None = None,
) -> Steps:
    """U-shaped: head and tail on the device, labels stay there. A leg that nobody needs is not sent.

    Vepakomma et al., 2018, section 2, "without label sharing".

    Args:
        exclusive: hold the body from its forward pass to its step, in the order in which clients ask for it.
        turns: hold it in this order instead.
        loss: instead of the tail's ``loss_backward``.
        step: instead of ``local.step``; it is given the passes.
    """
    server = client.server
    sent = yield from client.compute(head.forward, batch.x)
    smashed = yield from client.upload(sent.output, "smashed data")
    with ExitStack() as turn:
        if body.trainable and turns:
            yield turn.enter_context(turns.turn(client))
        elif body.trainable and exclusive:
            yield turn.enter_context(server.world.exclusive(body.weights))
        served = yield from server.compute(body.forward, smashed)
        features = yield from client.download(served.output, "features")
        graded = yield from client.compute(loss or tail.loss_backward, features, batch.y)
        grad = None
        if body.learns:
            grad = yield from client.upload(graded.input_grad, "feature gradient")
            grad = yield from server.compute(served.backward, grad)
        learning = _learn(client, head, sent, graded, grad, step or local.step)
        if body.trainable:  # the gradient's way back need not wait for the server's step
            yield from server.world.together(learning, _step_body(client, body, served, turn))
        else:
            yield from learning


def _step_body(client: Client, body: Part, served: Pass, turn: ExitStack) -> Steps:
    """Step the body at the server, then end the turn: the next client need not wait for this one's way back."""
    yield from client.server.compute(body.weights.step, served)
    turn.close()


def _learn(client: Client, head: Part, sent: Pass, graded: Pass, grad: Any, step: Work) -> Steps:
    """Finish a batch on the device: back-propagate the gradient at the cut through the head, if it learns, and step.

    Args:
        client: the client whose device computes.
        head: its head.
        sent: the head's forward pass.
        graded: the tail's pass, which has been run backward.
        grad: the gradient of the smashed data, at the server, [N, ...]; None where the head does not learn.
        step: the work that applies the gradients; it is given the passes.
    """
    passes = [graded]
    if head.trainable:
        grad = yield from client.download(grad, "smashed gradient")
        yield from client.compute(sent.backward, grad)
        passes.append(sent)
    yield from client.compute(step, *passes)


def split_messages(model: Staged, cut: Cut) -> Messages:
    """Return the kinds of the payloads that ``split_step`` sends."""
    up = ("smashed data", "feature gradient") if model.slice(cut.body).learns else ("smashed data",)
    down = ("features", "smashed gradient") if model.slice(cut.head).trainable else ("features",)
    return Messages(up, down)


def labelled_step(
    client: Client, head: Part, rest: Part, batch: Batch, local: Weights, turns: Turns | None = None
) -> Steps:
    """Train on one batch with the labels sent to the server, which runs forward, backward and a step in one service.

    Thapa et al., 2022, Algorithm 1 (SplitFed); only the head is on the device.

    Args:
        client: the client whose device computes the head.
        head: the head, on the device.
        rest: everything behind the head, at the server.
        batch: inputs, and labels [N].
        local: the weights of the head.
        turns: have the server train on the clients' batches in this order; None: in order of arrival.
    """
    sent = yield from client.compute(head.forward, batch.x)
    smashed, labels = yield from client.upload((sent.output, batch.y), "smashed data and labels")
    with ExitStack() as turn:
        if rest.trainable and turns:
            yield turn.enter_context(turns.turn(client))
        graded = yield from client.server.compute(rest.train_step, smashed, labels)
    if head.trainable:
        grad = yield from client.download(graded.input_grad, "smashed gradient")
        yield from client.compute(sent.backward, grad)
        yield from client.compute(local.step, sent)


def labelled_messages(model: Staged, cut: Cut) -> Messages:
    """Return the kinds of the payloads that ``labelled_step`` sends."""
    return Messages(("smashed data and labels",), ("smashed gradient",) if model.slice(cut.head).trainable else ())

"""One batch through a split model: works of so many seconds take the place of the model's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from simulator.algorithms.steps.split_step import split_step
from simulator.world.clients import Client
from tests.helpers.worlds import Steps, device, job, tiny


def part(**seconds: float) -> Any:
    """A part of a model that learns, whose works take so long."""
    works = {name: job(long, lambda *_: PASS, name=name) for name, long in seconds.items()}
    return SimpleNamespace(**works, trainable=True, learns=True)


PASS = SimpleNamespace(output=1, input_grad=1, backward=job(1, lambda *_: 1, name="backward"))


def batch(client: Client, body: Any, step: Any, **choices: Any) -> Steps:
    """A batch on the way: a second for each work but those given."""
    head, tail = part(forward=1), part(loss_backward=1)
    return split_step(client, head, body, tail, SimpleNamespace(x=1, y=1), Any, step=step, **choices)


def test_the_next_client_has_the_body_while_the_gradient_of_this_one_is_on_its_way() -> None:
    """One computes its head 0-1, the body 1-2, its tail 2-3, back through the body 3-4, whose step is 4-5."""
    world = tiny()
    body = part(forward=1)
    body.weights = SimpleNamespace(step=job(1, name="body step"))
    steps = [batch(device(world, name), body, job(100), exclusive=True) for name in "ab"]
    world.run(world.together(*(world.start(each, client) for each, client in zip(steps, world.clients, strict=True))))
    found = [(row.work, row.start) for row in world.ledger.works if row.site == "server"]
    own = [("forward", 0), ("backward", 2), ("body step", 3)]
    assert found == [(work, first + start) for first in (1, 5) for work, start in own]


def test_an_error_on_the_way_back_is_raised_around_the_step() -> None:
    """The device fails while the server still steps."""
    world = tiny()
    body = part(forward=1)
    body.weights = SimpleNamespace(step=job(100, name="body step"))

    def fail(*_: Any) -> None:
        raise ValueError("no gradient")

    client = device(world)

    def driver() -> Steps:
        try:
            yield from batch(client, body, job(1, fail))
        except ValueError as error:
            return str(error)

    assert world.run(driver()) == "no gradient"

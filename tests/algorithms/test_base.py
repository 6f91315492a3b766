"""The algorithm that the contract shows is a whole one: it runs, learns what it says, and is accounted for."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any, ClassVar

import pytest
from pydantic import Field

from simulator.accounting.payload import Messages
from simulator.algorithms.base import Algorithm, Update
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.steps.epochs import train_epochs
from simulator.algorithms.steps.split_step import provisioned
from simulator.learning.training.proximal import towards
from simulator.scheduling.drivers.hierarchical import Hierarchical
from tests.helpers.learners import go, largest_difference, training


def shown() -> type[Algorithm]:
    """The class in the docstring of ``Algorithm``."""
    found = re.search(r"::\n\n(    class .*?)\n\n(?! )", inspect.getdoc(Algorithm) or "", re.DOTALL)
    assert found
    names: dict[str, Any] = {
        **{"Algorithm": Algorithm, "Update": Update, "Messages": Messages, "Field": Field, "ClassVar": ClassVar},
        **{"train_epochs": train_epochs, "provisioned": provisioned, "towards": towards, "__name__": __name__},
    }
    exec(textwrap.dedent(found[1]), names)
    kind: type[Algorithm] = names["PartOfTheWay"]
    return kind


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_what_the_contract_shows_does_what_it_says(share: float) -> None:
    part = go(shown().model_validate({"share": share}), training(rounds=1))
    fedavg, start = go(FedAvg(), training(rounds=1)), part.task.trainable()
    expected = {name: start[name] + share * (fedavg.trained[name] - start[name]) for name in start}
    assert largest_difference(part.trained, expected) < 1e-6


def test_what_the_contract_shows_is_dry_what_it_is_real_and_sends_what_it_says() -> None:
    algorithm = shown().model_validate({})
    real, dry = (go(algorithm, training("linear"), dry=dry) for dry in (False, True))
    assert real.world.ledger == dry.world.ledger
    up = {row.kind for row in dry.transfers(target="server")}
    down = {row.kind for row in dry.transfers(source="server")}
    declared = algorithm.messages(dry.task.model, training("linear"))
    assert (up, down) == (set(declared.up), set(declared.down))


def test_edges_may_combine_updates_of_what_the_contract_shows() -> None:
    Hierarchical().check(shown().model_validate({}), training(), 3)


@pytest.mark.parametrize(("old", "new"), [("whole", "model_for"), ("kinds", "messages"), ("views", "evaluated_models")])
def test_a_method_under_its_former_name_is_refused_with_the_new_one(old: str, new: str) -> None:
    with pytest.raises(TypeError, match=rf"Mine\.{old} is called {new} now"):
        type("Mine", (Algorithm,), {old: lambda self: None, "__module__": __name__})

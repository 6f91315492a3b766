"""Former names of modules go on working for plug-ins, and say where things are now."""

from __future__ import annotations

from importlib import import_module

import pytest

from simulator.settings.moved import HOME, MOVED, RENAMED, former


@pytest.mark.parametrize(
    ("module", "name", "now"),
    [
        ("simulator.trial", "run", "simulator.experiments.trial.trial"),
        ("simulator.plugins", "Plugins", "simulator.settings.plugins"),
        ("simulator.settings", "Settings", "simulator.settings.base"),
        ("simulator.scenario", "load", "simulator.scenario.scenario"),
        ("simulator.learning.partition", "Dirichlet", "simulator.learning.data.partition.dirichlet"),
        ("simulator.learning.optimizers", "Sgd", "simulator.learning.optimizers.sgd"),
        ("simulator.learning.datasets.base", "DataSet", "simulator.learning.data.datasets.base"),
        ("simulator.learning.datasets.published", "Svhn", "simulator.learning.data.datasets.svhn"),
        ("simulator.outcome", "Outcome", "simulator.experiments.trial.result"),
        ("simulator.world.sites", "Power", "simulator.accounting.power"),
        ("simulator.world.store", "tree_size", "simulator.accounting.payload"),
        ("simulator.learning.trees", "tree_bytes", "simulator.accounting.payload"),
        ("simulator.learning.weights", "nbytes", "simulator.accounting.payload"),
        ("simulator.learning.models", "ModelError", "simulator.learning.models.build"),
        ("simulator.learning.cuts", "CutError", "simulator.learning.models.cuts"),
        ("simulator.learning.stages.adapters", "LoraError", "simulator.learning.models.stages.adapters"),
    ],
)
def test_a_former_name_is_the_new_one_and_warns(module: str, name: str, now: str) -> None:
    called = RENAMED.get(name, name)
    with pytest.warns(DeprecationWarning, match=rf"{module}\.{name} is {now}\.{called} now"):
        assert getattr(import_module(module), name) is getattr(import_module(now), called)


def test_every_module_that_is_named_is_there() -> None:
    for modules in MOVED.values():
        for module in modules.split():
            assert import_module(HOME + module.removesuffix(".*"))


def test_what_never_was_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"simulator\.trial.*nothing"):
        _ = import_module("simulator.trial").nothing
    with pytest.raises(ImportError):
        import_module("simulator.nothing")
    with pytest.raises(AttributeError, match="__nothing__"):
        former("simulator.settings", "simulator.settings.base")("__nothing__")

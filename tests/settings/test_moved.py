"""Former names of modules go on working for plug-ins, and say where things are now."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from simulator.accounting.costs import Cost, Work
from simulator.settings.moved import HOME, MOVED, RENAMED, former
from simulator.world.hardware import Hardware
from simulator.world.queue import FirstCome
from simulator.world.sites import Site
from tests.helpers.places import ROOT
from tests.helpers.worlds import tiny


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
    with pytest.warns(FutureWarning, match=rf"{module}\.{name} is {now}\.{called} now"):
        assert getattr(import_module(module), name) is getattr(import_module(now), called)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("accounting.payload.Kinds", "accounting.payload.Messages"),
        ("algorithms.steps.labelled_kinds", "algorithms.steps.split_step.labelled_messages"),
        ("algorithms.steps.split_kinds", "algorithms.steps.split_step.split_messages"),
        ("cli.app", "cli.shared.app"),
        ("listing.KINDS", "settings.plugins.FAMILIES"),
        ("outcome.Point", "experiments.trial.result.RoundResult"),
        ("placing.Kin", "experiments.trial.cut_search.DeviceClass"),
        ("placing.Known", "experiments.trial.cut_search.CutCache"),
        ("planning.points.Point", "experiments.plan.cuts.PlannedCut"),
        ("scenario.TrainingSettings", "learning.settings.TrainingSettings"),
        ("world.sites.Discipline", "world.queue.Queue"),
        ("world.world.Buffer", "world.processes.Buffer"),
        ("world.world.GONE", "world.processes.GONE"),
        ("world.world.Handle", "world.processes.Handle"),
    ],
)
def test_a_name_that_its_module_lost(was: str, now: str) -> None:
    (old, former_name), (new, name) = was.rsplit(".", 1), now.rsplit(".", 1)
    with pytest.warns(FutureWarning, match=f"^{HOME}{was} is {HOME}{now} now$"):
        assert getattr(import_module(HOME + old), former_name) is getattr(import_module(HOME + new), name)


def test_the_author_of_a_plugin_sees_the_warning(tmp_path: Path) -> None:
    (tmp_path / "their_plugin.py").write_text("from simulator.plugins import Plugins\n")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"}
    environment["PYTHONPATH"] = os.pathsep.join((str(tmp_path), str(ROOT)))
    command = [sys.executable, "-c", "import their_plugin"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment)
    assert "their_plugin.py:1: FutureWarning: simulator.plugins.Plugins is simulator.settings.plugins" in done.stderr


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


def test_an_argument_by_its_former_name_is_the_present_one_and_warns() -> None:
    with pytest.warns(FutureWarning, match=r"the argument idle of Work.__init__ is deferrable now"):
        assert Work(print, cost=Cost, idle=True).deferrable  # type: ignore[call-arg]
    with pytest.warns(FutureWarning, match="the argument discipline of Site.__init__ is queue now"):
        site = Site(tiny(), "phone", Hardware(1.0), discipline=(queue := FirstCome()))  # type: ignore[call-arg]
    assert site.queue is queue

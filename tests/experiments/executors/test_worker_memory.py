"""What a finished trial leaves in the memory of a worker."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from simulator.experiments.executors import worker_memory
from simulator.experiments.executors.worker_memory import lean
from simulator.experiments.trial.trial import Trial
from simulator.learning.models.weights import Weights
from simulator.scenario.scenario import Scenario
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")
Left = list["weakref.ref[torch.Tensor]"]


@pytest.fixture
def _garbage_is_never_collected() -> Iterator[None]:
    """As good as in a worker, which collects it rarely."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def trained(small: Scenario) -> Left:
    """Run a trial to its end, and return references to all tensors of weights that are left at its sites."""
    trial = Trial(small, small.algorithms[0], 0)
    trial.run()
    assert trial.simulation is not None
    records = [record for site in trial.simulation.world.sites for record in site.stores.values()]
    values = [value for record in records for value in vars(record).values()]
    return [weakref.ref(tensor) for value in values if isinstance(value, Weights) for tensor in value.values()]


@pytest.mark.usefixtures("_garbage_is_never_collected")
@pytest.mark.parametrize(("least", "freed"), [(0.0, True), (1e9, False)], ids=["long", "short"])
def test_no_tensor_of_a_long_trial_is_alive(
    least: float, freed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a short one garbage is not collected, for that would take longer than the trial."""
    monkeypatch.setattr(worker_memory, "LONG", least)
    left = lean(trained, scenario(tmp_path, ["v2"]))
    assert left, "or this test tests nothing"
    assert all(tensor() is None for tensor in left) is freed

"""A result that is put away and taken out again is the same, and needs nothing of its world meanwhile."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from simulator.experiments.trial import stowed
from simulator.experiments.trial.stowed import Stowed
from simulator.experiments.trial.trial import Trial
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")


@pytest.mark.parametrize("many", [1, 1000], ids=["many", "few"])
def test_a_result_is_as_it_was(many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stowed, "MANY", many)
    small = scenario(tmp_path, ["v2"])
    known = Trial(small, small.algorithms[0], 0, dry=True).run()
    trial = Trial(small, small.algorithms[0], 0, dry=True)
    put_away = Stowed(trial.run())
    assert trial.simulation is not None
    world = weakref.ref(trial.simulation.world)
    del trial
    gc.collect()
    assert world() is None
    outcome = put_away.taken_out()
    for name in (
        "uses",
        "power",
        "client_peaks",
        "server_peak",
        "class_counts",
        "ledger",
        "rounds",
        "trainable_parameters",
    ):
        assert getattr(outcome, name) == getattr(known, name), name
    assert outcome.totals.spent == known.totals.spent
    assert len({id(power) for power in outcome.power.values()}) == len({id(power) for power in known.power.values()})

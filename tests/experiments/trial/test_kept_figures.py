"""A dry trial whose figures are on disk has the ledger of one that traces."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.accounting.tables import Table
from simulator.experiments.trial.result import TrialResult
from simulator.learning.models import lazy
from simulator.scenario.scenario import Scenario
from simulator.settings import disk_cache
from tests.helpers.small_trials import ENTRIES, outcomes, scenario

QUICK = ("v2-exclusive", "sfp-easiest", "fl-stacked", "frozen-decomposed", "epsl")


@pytest.fixture
def on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SFSIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(disk_cache, "_closed", set())
    yield tmp_path / "cache"
    lazy._known.cache_clear()


def anew(settings: Scenario) -> dict[str, TrialResult]:
    """The dry trials of a scenario, as in a new process."""
    lazy._known.cache_clear()
    return outcomes(settings, dry=True)


def told(outcome: TrialResult) -> list[Any]:
    """All figures of a trial but the time that it took."""
    tables = {name: list(table) for name, table in vars(outcome.ledger).items() if isinstance(table, Table)}
    return [
        tables,
        outcome.uses,
        outcome.client_peaks,
        outcome.server_peak,
        outcome.trainable_parameters,
        outcome.rounds,
    ]


@pytest.mark.parametrize(
    "labels", [QUICK, pytest.param(tuple(ENTRIES), marks=pytest.mark.slow)], ids=["quick", "every algorithm"]
)
def test_the_ledger_is_that_of_a_trial_that_traces(
    labels: tuple[str, ...], on_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = scenario(tmp_path, list(labels))
    with monkeypatch.context() as off:
        off.setenv("SFSIM_CACHE", "")
        traced = anew(settings)
    first = anew(settings)
    monkeypatch.setattr(lazy.LazyModel, "model", None)  # from now on, no model is to be built
    second = anew(settings)
    for label in labels:
        assert told(first[label]) == told(traced[label]), label
        assert told(second[label]) == told(traced[label]), label

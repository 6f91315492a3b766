"""The result of a trial, rebuilt from what is on disk: its ledger, its scenario and its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from simulator.accounting.power import Power
from simulator.accounting.usage import uses
from simulator.experiments.run.personal import PERSONAL
from simulator.experiments.trial.bill import bill_of
from simulator.experiments.trial.class_counts import ClassCounts
from simulator.experiments.trial.result import Bill, MemoryPeak, RoundResult, TrialResult
from simulator.learning.evaluation import Score
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.accounting.ledger import Ledger
    from simulator.scenario.scenario import Scenario


def rebuilt(
    told: Mapping[str, Any], rows: Sequence[Mapping[str, str]], ledger: Ledger, scenario: Scenario | None
) -> TrialResult:
    """Return the result of a trial, as far as its tables depend on it.

    Args:
        told: its entry in ``summary.json``.
        rows: its rows in ``rounds.csv``, which have its scores.
        ledger: its ledger.
        scenario: its scenario, for prices and carbon intensities; None without these.
    """
    sites = list(ledger.sites)
    power = {row.name: Power(row.idle_w, row.compute_w, row.upload_w, row.download_w) for row in sites}
    devices = [row.name for row in sites if row.role == "device"]
    server = next((row.name for row in sites if row.role == "server"), "")
    end = float(told["sim_time_s"])
    entry: Any = SimpleNamespace(name=told["algorithm"], label=told["label"])
    return TrialResult(
        entry=entry,
        seed=int(told["seed"]),
        rounds=[RoundResult(int(row["round"]), float(row["sim_time_s"]), _score(row, told)) for row in rows],
        ledger=ledger,
        uses=uses(ledger, power, devices, 0.0, end),
        power=power,
        client_peaks=[MemoryPeak(name, 0, 0.0, "", 0) for name in devices],
        server_peak=MemoryPeak(server, 0, 0.0, "", 0),
        without=frozenset(),
        trainable_parameters=0,
        wall_time_s=0.0,
        class_counts=ClassCounts.none(),
        bill=bill_of(scenario, Seeds(int(told["seed"])), 0.0, end) if scenario else Bill(0.0, end),
    )


def priced_scenario(folder: Path, scenario: Mapping[str, Any]) -> Scenario | None:
    """Return the scenario of a run, if it has prices or carbon intensities.

    Args:
        folder: the folder of the run.
        scenario: the content of its ``scenario.yaml``.

    Raises:
        ScenarioError: it cannot be loaded, for instance because it needs plug-ins.
    """
    if not scenario.get("prices") and not scenario.get("carbon"):
        return None
    from simulator.scenario.scenario import load

    return load(folder / "scenario.yaml")


def _score(row: Mapping[str, str], told: Mapping[str, Any]) -> Score | None:
    if not row["accuracy"]:
        return None
    personal = (float(row[name]) if row.get(name) else None for name in PERSONAL)
    loss = float(row["loss"]) if row["loss"] else float("nan")
    figures: tuple[Any, ...] = float(row["accuracy"]), loss, *personal, told.get("personal_models")
    return Score(*figures)

"""What is predicted of a client's round against real rounds in a world in which it is alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.accounting.ledger import Ledger
from simulator.experiments.trial import forecast
from simulator.experiments.trial.cut_search import placed
from simulator.experiments.trial.simulate import Simulation
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError
from tests.helpers.grids import grid
from tests.helpers.small_trials import ENTRIES, scenario

DEVICES = [{"name": "raspberry-pi-4", "count": 2}, {"name": "jetson-nano", "count": 1, "uplink": "lte"}]


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    forecast.forget()
    yield
    forecast.forget()


LABELS = ("fl", "fl-linear", "v1", "v1-sent", "v2", "sfp", "in-turn", "frozen", "v1-fastest")
ALIKE = ("fl", "v1", "v1-sent")
"""They are predicted as others are, of which more is asked: where less is trained, and where the cut is chosen."""


def three(folder: Path, label: str, **training: Any) -> Scenario:
    """Three devices, of which each has thirty samples."""
    data = {"name": "synthetic", "samples": 90, "test_samples": 5, "classes": 5}
    training = {"clients_per_round": 3, **training}
    return scenario(folder, [label], world={"devices": DEVICES}, data=data, training=training)


def simulation(small: Scenario, dry: bool = True, without: frozenset[str] = frozenset()) -> Simulation:
    return Simulation(small, placed(small, small.algorithms[0], 0), 0, dry=dry, without=without)


def union(ledger: Ledger, name: str, column: str, round: int) -> float:
    """The seconds in which a site sends (source) or receives (target), latency left out; no two overlap here."""
    rows = [row for row in ledger.transfers if getattr(row, column) == name and row.round == round]
    return sum(row.seconds - row.latency for row in rows)


@pytest.mark.parametrize("label", grid(LABELS, often=lambda label: label not in ALIKE))
def test_a_forecast_is_a_real_round_of_the_device_alone(label: str, tmp_path: Path) -> None:
    small = three(tmp_path, label)
    predicted = simulation(small).world.clients[2].forecast()
    alone = simulation(small, dry=False, without=frozenset({"raspberry-pi-4-0", "raspberry-pi-4-1"}))
    outcome = alone.run()
    _, first, second = (point.sim_time_s for point in outcome.rounds)
    assert (predicted.first_seconds, predicted.seconds) == (first, second - first)
    uses = [use for use in outcome.uses if (use.site, use.round) == ("jetson-nano-0", 2)]
    works = [row.seconds for row in outcome.ledger.works if (row.site, row.round) == ("jetson-nano-0", 2)]
    assert predicted.energy_j == pytest.approx(sum(use.energy_j for use in uses), rel=1e-12)
    assert predicted.batch_s == max(works)
    assert predicted.compute_s == pytest.approx(sum(works), rel=1e-12)


def test_busy_seconds_are_those_of_the_transfers(tmp_path: Path) -> None:
    small = three(tmp_path, "fl")
    predicted = simulation(small).world.clients[2].forecast()
    ledger = simulation(small, without=frozenset({"raspberry-pi-4-0", "raspberry-pi-4-1"})).run().ledger
    assert predicted.upload_s == pytest.approx(union(ledger, "jetson-nano-0", "source", 2), rel=1e-9)
    assert predicted.download_s == pytest.approx(union(ledger, "jetson-nano-0", "target", 2), rel=1e-9)


def test_the_first_round_sends_the_frozen_weights(tmp_path: Path) -> None:
    predicted = simulation(three(tmp_path, "fl-linear")).world.clients[0].forecast()
    assert predicted.first_seconds > 2 * predicted.seconds


def test_devices_of_a_class_are_predicted_once_and_only_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    dry_run = Simulation._dry_run

    def counted(own: Simulation, world: Scenario, entry: Any) -> Any:
        runs.append(world.world.clients)
        return dry_run(own, world, entry)

    monkeypatch.setattr(Simulation, "_dry_run", counted)
    small = three(tmp_path, "fl-linear")
    simulation(small).run()
    assert runs == []
    for _ in range(2):
        forecasts = [client.forecast() for client in simulation(small).world.clients]
        assert forecasts[0] == forecasts[1] != forecasts[2]
    assert runs == [1, 1]


def test_asking_for_a_forecast_changes_nothing_of_the_trial(tmp_path: Path) -> None:
    small = three(tmp_path, "v1")
    quiet, asking = simulation(small, dry=False), simulation(small, dry=False)
    first = quiet.run()
    for _ in asking.rounds():
        asking.world.clients[0].forecast()
        forecast.forget()
    assert asking.world.ledger == first.ledger
    assert [point.score for point in asking.results] == [point.score for point in first.rounds]


def test_a_forecast_is_made_whatever_selects_and_drives(tmp_path: Path) -> None:
    one = simulation(three(tmp_path, "fl-linear")).world.clients[0].forecast()
    selection = {"name": "fedcs", "deadline": "1 us"}
    assert simulation(three(tmp_path, "fl-linear", selection=selection)).world.clients[0].forecast() == one


LAST = {entry["name"]: label for label, entry in ENTRIES.items()}
"""An entry of each algorithm."""


@pytest.mark.parametrize("label", grid(ENTRIES, often=lambda label: label in LAST.values()))
def test_every_algorithm_can_be_predicted(label: str, tmp_path: Path) -> None:
    predicted = simulation(three(tmp_path, label)).world.clients[0].forecast()
    assert predicted.seconds > 0 < predicted.first_seconds


def test_an_algorithm_that_decides_by_values_cannot_be_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = three(tmp_path, "fl-linear", selection={"name": "fedcs", "deadline": "1 s"})
    monkeypatch.setattr(type(small.algorithms[0].algorithm), "needs_values", "what it learned")
    with pytest.raises(ScenarioError, match=r"fl-linear.name .* depends on what it learned, so no dry run can predict"):
        run(small, small.algorithms[0], 0)


UNUSED = {
    "prices": {"gpu": "1 USD/h"},
    "carbon": {"intensity": "400 g/kWh"},
    "target_accuracy": 0.5,
    "evaluation": {"samples": 3},
}


@pytest.mark.parametrize("key", UNUSED)
def test_what_costs_no_device_anything_is_no_reason_to_run_again(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither to predict a round, nor to choose a cut."""
    plain = three(tmp_path, "v1-fastest")
    predicted = simulation(plain).world.clients[0].forecast()
    value: Any = UNUSED[key]
    changed = Scenario.model_validate(plain.model_dump(mode="json") | {key: value})
    monkeypatch.setattr(Simulation, "run", None)
    assert simulation(changed).world.clients[0].forecast() == predicted

"""Trials in worlds with edges: what is built, checked, predicted and summed up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.plan.rounds import Planner
from simulator.experiments.run.tables import summarise
from simulator.experiments.trial.cut_search import placed
from simulator.experiments.trial.dry import DeviceClass, device_classes, lone_device
from simulator.experiments.trial.memory_check import dry_run_that_fits, too_small
from simulator.experiments.trial.simulate import Simulation
from simulator.experiments.trial.validate import check
from simulator.scenario.scenario import Scenario
from simulator.scheduling.selection.losses import ReportedLosses
from simulator.settings.errors import ScenarioError
from tests.helpers.small_trials import outcomes, scenario

FAST = {"uplink": {"rate": "1 Gbit/s"}, "downlink": {"rate": "1 Gbit/s"}}
SLOW = {"uplink": {"rate": "1 Mbit/s", "latency": "10 ms"}, "downlink": {"rate": "2 Mbit/s"}}
HALL = {"name": "rtx-4090", "label": "hall", "count": 2, "devices": ["raspberry-pi-4"], **FAST}
LAB = {"name": "a100", "label": "lab", "devices": {"jetson-nano": 2}, **SLOW}
DEVICES = [{"name": "raspberry-pi-4", "count": 4, **FAST}, {"name": "jetson-nano", "count": 4, **FAST}]
HIERARCHICAL = {"name": "hierarchical", "edge_rounds": 2}
BACKBONE = 4_792_872


def tiers(
    folder: Path, label: str = "fl", edges: Any = (HALL, LAB), driver: Any = HIERARCHICAL, **training: Any
) -> Scenario:
    """A small scenario with two groups of devices: one behind two halls, half of the other behind a lab."""
    world = {"devices": DEVICES, "server": {"name": "rtx-4090", **FAST}, "edges": list(edges)}
    how = {"rounds": 2, "clients_per_round": 8, "driver": driver, **training}
    return scenario(folder, [label], world=world, training=how)


def dry(small: Scenario, seed: int = 0) -> Any:
    return Simulation(small, small.algorithms[0], seed, dry=True).run()


def test_the_ledger_knows_who_is_behind_whom(tmp_path: Path) -> None:
    sites = {row.name: (row.role, row.group, row.above) for row in dry(tiers(tmp_path)).ledger.sites}
    assert sites["server"] == ("server", "rtx-4090", "")
    assert sites["hall-1"] == ("edge", "rtx-4090", "server")
    assert sites["raspberry-pi-4-1"] == ("device", "raspberry-pi-4", "hall-1")
    assert sites["jetson-nano-1"] == ("device", "jetson-nano", "lab-0")
    assert sites["jetson-nano-2"] == ("device", "jetson-nano", "server")


def test_edges_only_relay_under_another_driver(tmp_path: Path) -> None:
    flat = tiers(tmp_path, edges=(), driver={"name": "synchronous"})
    result = dry(tiers(tmp_path, driver={"name": "synchronous"}))
    ends = {(row.source, row.target) for row in result.ledger.transfers}
    assert {end for pair in ends for end in pair if not end.startswith(("raspberry", "jetson"))} == {"server"}
    summary = summarise(result, None)
    assert (summary["bytes_edge_up"], summary["bytes_edge_down"]) == (0, 0)
    assert summary["bytes_up"] == summarise(dry(flat), None)["bytes_up"]
    assert result.rounds[-1].sim_time_s > dry(flat).rounds[-1].sim_time_s, "the lab's link is slow"


def test_the_summary_tells_edges_traffic_from_that_of_devices(tmp_path: Path) -> None:
    """Three edges send and receive a model in each of two rounds; eight devices do so in two rounds of each."""
    summary = summarise(dry(tiers(tmp_path)), None)
    assert (summary["bytes_edge_up"], summary["bytes_edge_down"]) == (2 * 3 * BACKBONE,) * 2
    assert summary["bytes_up"] == 2 * 2 * 8 * BACKBONE
    flat = summarise(dry(tiers(tmp_path, edges=(), driver={"name": "synchronous"})), None)
    assert (flat["bytes_edge_up"], flat["bytes_edge_down"]) == (None, None)


def test_a_dry_trial_is_the_real_one(tmp_path: Path) -> None:
    small = tiers(tmp_path, "v1", rounds=1, batch_size=64)
    real, without_values = (outcomes(small, dry)["v1"] for dry in (False, True))
    assert list(real.ledger.transfers) == list(without_values.ledger.transfers)
    assert list(real.ledger.works) == list(without_values.ledger.works)
    assert real.edge_peaks == without_values.edge_peaks


def test_a_learning_rate_is_scheduled_over_the_rounds_at_edges(tmp_path: Path) -> None:
    """Two rounds of two: a cosine is half-way down in the third."""
    small = tiers(tmp_path, schedule={"name": "cosine"})
    task = Simulation(small, small.algorithms[0], 0, dry=True).task
    rates = [task.learning_rate(number, 1.0) for number in (1, 2, 3, 4, 5)]
    assert rates == pytest.approx([1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, (1 - 0.5**0.5) / 2])


def test_losses_are_reported_from_every_edge(tmp_path: Path) -> None:
    """Whom `power_of_choice` selects depends on the losses that the server knows."""
    selection = {"name": "power_of_choice", "candidates": 8}
    small = tiers(tmp_path, "fl-linear", selection=selection, clients_per_round=4)
    simulation = Simulation(small, small.algorithms[0], 0)
    took_part = {row.client for row in simulation.run().ledger.attempts}
    losses = simulation.world.server.store(ReportedLosses)
    assert {client.name for client in simulation.world.clients if losses.mean(client.name) is not None} == took_part


def test_edges_draw_on_the_side_of_the_server(tmp_path: Path) -> None:
    result = dry(tiers(tmp_path))
    idle = {use.site: use.seconds for use in result.uses if use.activity == "idle" and use.round == 1}
    assert idle["hall-0"] == idle["server"] == result.rounds[1].sim_time_s
    assert {use.side for use in result.uses if use.site == "hall-0"} == {"server"}


def test_an_edge_that_is_too_small_is_refused_by_its_line(tmp_path: Path) -> None:
    result = dry(tiers(tmp_path, "v1"))
    needed = max(peak.bytes for peak in result.edge_peaks if peak.site.startswith("hall"))
    enough = tiers(tmp_path, "v1", edges=({**HALL, "memory": f"{needed} B"}, LAB))
    assert too_small(dry_run_that_fits(enough, enough.algorithms[0], 0)) == []
    small = tiers(tmp_path, "v1", edges=({**HALL, "memory": f"{needed - 1} B"}, LAB))
    with pytest.raises(ScenarioError) as refused:
        dry_run_that_fits(small, small.algorithms[0], 0)
    text = str(refused.value)
    assert "world.edges.0.memory is" in text
    assert "v1 needs" in text
    assert " on hall-0 " in text
    assert text.endswith("(or say on_oom: ignore)")


def test_an_edge_that_only_relays_needs_no_memory(tmp_path: Path) -> None:
    region = {"name": "a100", "label": "region", "memory": "1 B"}
    small = tiers(tmp_path, edges=({**HALL, "behind": "region"}, LAB, region))
    peaks = {peak.site: peak.bytes for peak in dry_run_that_fits(small, small.algorithms[0], 0).edge_peaks}
    assert peaks["region-0"] == 0
    assert peaks["hall-0"] >= BACKBONE


def test_a_hierarchical_driver_needs_edges(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as refused:
        check(tiers(tmp_path, edges=()), dry=True)
    text = (
        'training.driver.name is "hierarchical": it has edges serve the clients behind them, and the world has no edges'
    )
    assert text in str(refused.value)


def test_an_algorithm_that_needs_one_server_is_refused_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="hierarchical cannot run flora: a device is sent the stacks"):
        check(tiers(tmp_path, "fl-stacked"), dry=True)


def test_devices_behind_other_edges_are_of_another_class(tmp_path: Path) -> None:
    classes = device_classes(tiers(tmp_path), 0)
    samples = classes["raspberry-pi-4-0"].samples
    assert classes["raspberry-pi-4-0"] == classes["raspberry-pi-4-1"] == DeviceClass(0, samples, 0)
    assert [classes[f"jetson-nano-{number}"].edge for number in range(4)] == [1, 1, None, None]


@pytest.mark.parametrize("behind", [None, "region"])
def test_a_lone_device_keeps_its_edges(tmp_path: Path, behind: str | None) -> None:
    region = {"name": "a100", "label": "region", "devices": {"jetson-nano": 1}, **SLOW}
    small = tiers(tmp_path, edges=(HALL, region, {**LAB, "behind": behind}))
    lone, entry = lone_device(small, small.algorithms[0], DeviceClass(1, 10, 2))
    assert lone.world.tiers.devices == {"jetson-nano-0": "lab-0"}
    assert lone.world.tiers.above == ({"lab-0": "region-0", "region-0": "server"} if behind else {"lab-0": "server"})
    assert Simulation(lone, entry, 0, dry=True).run().rounds[-1].round == 2


def test_a_forecast_goes_through_the_edge(tmp_path: Path) -> None:
    """Alone, each sends and receives a model in 4.79 MB; behind the lab, 38 s up and 19 s down, and 10 ms."""
    small = tiers(tmp_path, driver={"name": "synchronous"})
    simulation = Simulation(small, small.algorithms[0], 0, dry=True)
    behind, direct = (
        client for client in simulation.world.clients if client.name in ("jetson-nano-0", "jetson-nano-2")
    )
    nbytes = 8 * BACKBONE
    longer = nbytes / 1e6 + nbytes / 2e6 + 0.01 - 2 * nbytes / 1e9
    assert behind.forecast().seconds - direct.forecast().seconds == pytest.approx(longer, rel=1e-3)


def test_a_cut_policy_looks_at_a_device_behind_its_edge(tmp_path: Path) -> None:
    small = tiers(tmp_path, "v1-fastest")
    algorithm: Any = placed(small, small.algorithms[0], 0).algorithm
    assert set(algorithm.placement) == set(device_classes(small, 0))


def test_a_plan_lets_edges_relay(tmp_path: Path) -> None:
    small = tiers(tmp_path)
    planned = Planner(small).round(small.algorithms[0])
    synchronous = tiers(tmp_path, driver={"name": "synchronous"}, rounds=1)
    assert planned.seconds == dry(synchronous).rounds[1].sim_time_s

"""The memory of very many devices, looked at with a few: what is found agrees with a dry run of all."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.experiments.trial import memory_check, memory_of_sample
from simulator.experiments.trial.memory_check import devices_left_out, dry_run_that_fits
from simulator.experiments.trial.memory_of_sample import settled_by_sample
from simulator.scenario.scenario import Scenario, ScenarioError

DEVICES = 60
AMPLE = "100 GB"


@pytest.fixture(autouse=True)
def _sixty_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_of_sample, "MANY", 30)
    monkeypatch.setattr(memory_of_sample, "FEW", 8)


def scenario(algorithm: str = "fedavg", server: str = AMPLE, memory: Any = AMPLE, **world: Any) -> Scenario:
    """Sixty phones of a population, all of which take part in each of three rounds."""
    population = {
        "samples": {"name": "uniform", "low": 3, "high": 30},
        "uplink": {"name": "uniform", "low": "1 Mbit/s", "high": "20 Mbit/s"},
    }
    drawn = isinstance(memory, dict)
    phones = {"name": "jetson-nano", "count": DEVICES, "population": population | ({"memory": memory} if drawn else {})}
    return Scenario.model_validate(
        {
            "name": "many",
            "world": {
                "devices": [phones if drawn else phones | {"memory": memory}],
                "server": {"name": "a100", "memory": server},
                **world,
            },
            "model": {"name": "random", "image_size": 8},
            "data": {"name": "synthetic", "samples": "auto", "test_samples": 5, "classes": 5},
            "training": {"rounds": 3, "clients_per_round": DEVICES, "batch_size": 6, "optimizer": {"name": "sgd"}},
            "algorithms": [{"name": algorithm, "label": "FL"}],
        }
    )


def refusal(settings: Scenario) -> str:
    with pytest.raises(ScenarioError) as refused:
        devices_left_out(settings, early=True)
    return str(refused.value)


@pytest.mark.parametrize("algorithm", ["fedavg", "splitfed", "sfprompt", "ditto"])
def test_no_dry_run_of_all_is_needed_where_there_is_room(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("all devices were looked at")

    monkeypatch.setattr(memory_check, "dry_run_that_fits", never)
    lines: list[str] = []
    assert devices_left_out(scenario(algorithm), lines.append, early=True) == {("FL", 0): frozenset()}
    assert lines == [
        "The memory of FL was looked at with 8 devices for all 60, each as weak as the weakest of its group: nothing "
        "comes near a limit"
    ]


def test_few_devices_before_a_run_and_edges_are_looked_at_with_all() -> None:
    lines: list[str] = []
    devices_left_out(scenario(), lines.append)
    assert lines == []
    edges = [{"name": "jetson-orin-nano", "memory": AMPLE, "devices": ["jetson-nano"]}]
    for settings in (scenario(edges=edges), scenario().with_(training__clients_per_round=10)):
        assert settled_by_sample(settings, settings.algorithms[0], 0) == ""


def test_a_device_of_the_population_that_is_too_small_is_found() -> None:
    ample = scenario()
    most = max(peak.bytes for peak in dry_run_that_fits(ample, ample.algorithms[0], 0).client_peaks)
    small = scenario(memory={"name": "uniform", "low": f"{most // 2} B", "high": f"{2 * most} B"})
    assert settled_by_sample(small, small.algorithms[0], 0) == ""
    with pytest.raises(ScenarioError) as of_all:
        dry_run_that_fits(small, small.algorithms[0], 0)
    assert refusal(small) == str(of_all.value)


def test_a_server_that_is_too_small_for_all_and_not_for_a_few_is_found() -> None:
    """Each client of SplitFed V1 has a copy of the server's part of the model there."""
    ample = scenario("splitfed")
    peak = dry_run_that_fits(ample, ample.algorithms[0], 0).server_peak.bytes
    small = scenario("splitfed", server=f"{peak - 1} B")
    assert settled_by_sample(small, small.algorithms[0], 0) == ""
    assert "server" in refusal(small)


def staggered(server: str = AMPLE) -> Scenario:
    """Three hundred devices in five groups that reach the server one after another, before it is done with the last."""
    whole, rates = "100000 Gbit/s", (36, 18, 12, 9, 7.2)
    link = {"rate": whole, "latency": "0 ms"}
    names = ("jetson-nano", "raspberry-pi-5", "jetson-orin-nano", "galaxy-s23", "galaxy-a52s")
    devices = [
        {"name": name, "count": 60, "memory": AMPLE, "rate": {"fp32": f"{rate} GFLOP/s"}, "uplink": link}
        | {"memory_bandwidth": "100 TB/s", "downlink": link}
        for name, rate in zip(names, rates, strict=True)
    ]
    slow = {"name": "a100", "memory": server, "rate": {"fp32": "100 GFLOP/s"}, "memory_bandwidth": "100 TB/s"}
    return Scenario.model_validate(
        {
            "name": "staggered",
            "world": {
                "provisioning": "preinstalled",
                "devices": devices,
                "server": slow | {"slots": 1, "uplink": {"rate": whole}, "downlink": {"rate": whole}},
            },
            "model": {"name": "random", "image_size": 32},
            "data": {"name": "synthetic", "samples": 2400, "test_samples": 5, "classes": 5},
            "training": {"rounds": 1, "clients_per_round": 300, "batch_size": 8, "optimizer": {"name": "sgd"}},
            "algorithms": [{"name": "sfprompt", "label": "FL"}],
        }
    )


def test_groups_that_pile_up_at_a_busy_server_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few of each group leave the server before the next come, unless it is as much slower as there are fewer."""
    monkeypatch.setattr(memory_of_sample, "FEW", 16)
    ample = staggered()
    peak = dry_run_that_fits(ample, ample.algorithms[0], 0).server_peak.bytes
    small = staggered(server=f"{peak - 1} B")
    assert settled_by_sample(ample, ample.algorithms[0], 0)
    assert settled_by_sample(small, small.algorithms[0], 0) == ""

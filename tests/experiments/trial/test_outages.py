"""What an outage takes from a server in the middle of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from simulator.algorithms.steps.shared_body import SharedBody
from simulator.experiments.trial.simulate import Simulation
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")

SYNCHRONOUS = {"name": "synchronous"}
FEDBUFF = {"name": "fedbuff", "buffer": 2, "concurrency": 4}


def simulation(folder: Path, label: str, driver: dict[str, Any], **server: Any) -> Simulation:
    devices = [{"name": "raspberry-pi-4", "count": 6, "uplink": "lte", "downlink": "lte"}]
    world = {"devices": devices, "server": {"name": "rtx-4090", **server}, "provisioning": "preinstalled"}
    training = {"rounds": 3, "clients_per_round": 4, "driver": driver}
    data = {"name": "synthetic", "samples": 192, "test_samples": 20, "classes": 5}
    small = scenario(folder, [label], world=world, training=training, data=data)
    return Simulation(small, small.algorithms[0], seed=0)


def body(trial: Simulation) -> dict[str, torch.Tensor]:
    shared = trial.world.server.store(SharedBody)
    return {name: shared.weights[name].clone() for name in shared.trained}


@pytest.mark.parametrize("label", ["v2", pytest.param("v2-sent", marks=pytest.mark.slow), "v2-lora"])
def test_a_shared_body_is_taken_back_to_the_last_aggregation(label: str, tmp_path: Path) -> None:
    plain = simulation(tmp_path, label, SYNCHRONOUS)
    ends = [point.sim_time_s for point in plain.rounds()]
    within = ends[1] + 0.7 * (ends[2] - ends[1])  # in the middle of the second round
    window = [f"{within} s", f"{within + 1} s"]
    trial = simulation(tmp_path, label, SYNCHRONOUS, outages={"windows": [window]})
    bodies = [body(trial) for _ in trial.rounds()]
    rounds = list(trial.world.ledger.rounds)
    assert [bool(row.updates) for row in rounds] == [True, False, True]
    for name, tensor in bodies[1].items():
        assert torch.equal(tensor, bodies[2][name]), name
    assert any(not torch.equal(tensor, bodies[3][name]) for name, tensor in bodies[1].items())


@pytest.mark.parametrize("driver", [SYNCHRONOUS, FEDBUFF], ids=lambda driver: driver["name"])
def test_a_client_whose_weights_the_server_held_has_lost_its_attempt(driver: dict[str, Any], tmp_path: Path) -> None:
    """V1: the server trains a copy of its part for each client, which an outage takes."""
    length = simulation(tmp_path, "v1", driver).run().rounds[1].sim_time_s
    window = [f"{0.6 * length} s", f"{0.7 * length} s"]
    result = simulation(tmp_path, "v1", driver, outages={"windows": [window], "patience": "1 h"}).run()
    begun = [row for row in result.ledger.attempts if row.start < 0.6 * length]
    assert {row.reason for row in begun if row.start + row.seconds >= 0.6 * length} == {"outage"}


def test_a_client_that_trains_alone_goes_on_and_waits_for_the_server(tmp_path: Path) -> None:
    """FedAvg under FedBuff: who is computing when the outage begins uploads when it is over."""
    plain = simulation(tmp_path, "fl", FEDBUFF).run()
    work = next(row for row in plain.ledger.works if row.client and row.work == "train_step")
    moment = work.start + 0.5 * work.seconds
    window = [f"{moment} s", f"{moment + 5} s"]
    result = simulation(tmp_path, "fl", FEDBUFF, outages={"windows": [window], "patience": "1 h"}).run()
    (attempt,) = [row for row in result.ledger.attempts if row.client == work.client and row.attempt == work.attempt]
    assert attempt.reason != "outage"
    assert attempt.start + attempt.seconds > moment + 5

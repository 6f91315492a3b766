"""validate looks at as many rounds as can tell, and agrees with the run about what is too small."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.experiments.trial.memory_check import devices_left_out, dry_run_that_fits
from simulator.experiments.trial.settled_memory import FEWEST_ROUNDS, can_settle
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError

ROUNDS = 60
AMPLE = "100 GB"


def scenario(memory: tuple[str, str] = (AMPLE, AMPLE), **changes: Any) -> Scenario:
    """Two groups of three devices with so much memory each, and a small model."""
    groups = zip(("jetson-nano", "raspberry-pi-4"), memory, strict=True)
    data: dict[str, Any] = {
        "name": "settled",
        "world": {
            "devices": [{"name": name, "count": 3, "memory": size} for name, size in groups],
            "server": {"name": "a100", "memory": AMPLE},
        },
        "model": {"name": "random", "image_size": 8},
        "data": {"name": "synthetic", "samples": 72, "test_samples": 5, "classes": 5},
        "training": {"rounds": ROUNDS, "clients_per_round": 2, "batch_size": 6, "optimizer": {"name": "sgd"}},
        "algorithms": [{"name": "fedavg", "label": "FL"}],
    }
    for key, value in changes.items():
        data[key] = {**data[key], **value} if isinstance(value, dict) and key in data else value
    return Scenario.model_validate(data)


def looked_at(settings: Scenario) -> int:
    """In how many rounds validate looks at the memory."""
    return dry_run_that_fits(settings, settings.algorithms[0], 0, early=True).rounds[-1].round


@pytest.mark.parametrize("name", ["fedavg", "splitfed", "sfprompt", "ditto", "splitfrozen"])
def test_as_many_rounds_as_can_tell_find_the_peaks_of_all(name: str) -> None:
    settings = scenario(algorithms=[{"name": name}])
    few = dry_run_that_fits(settings, settings.algorithms[0], 0, early=True)
    every = dry_run_that_fits(settings, settings.algorithms[0], 0)
    assert FEWEST_ROUNDS <= few.rounds[-1].round < every.rounds[-1].round == ROUNDS
    assert max(peak.bytes for peak in few.client_peaks) == max(peak.bytes for peak in every.client_peaks)
    assert few.server_peak.bytes == every.server_peak.bytes


def test_it_is_said_that_not_every_round_was_looked_at() -> None:
    lines: list[str] = []
    devices_left_out(scenario(), lines.append, early=True)
    assert lines == [f"The memory of FL was looked at in 20 of {ROUNDS} rounds: none comes near a limit"]
    lines.clear()
    devices_left_out(scenario(training={"rounds": 19}), lines.append, early=True)
    devices_left_out(scenario(), lines.append)
    assert lines == []


def test_memory_that_grows_with_each_round_is_looked_at_to_the_end() -> None:
    """FLoRA's server keeps the factors of all rounds."""
    assert looked_at(scenario(algorithms=[{"name": "flora"}])) == ROUNDS


def test_what_comes_near_a_limit_is_looked_at_to_the_end() -> None:
    every = dry_run_that_fits(scenario(), scenario().algorithms[0], 0)
    most = max(peak.bytes for peak in every.client_peaks)
    for factor, rounds in ((2.01, 20), (1.99, ROUNDS), (1, ROUNDS)):
        assert looked_at(scenario((AMPLE, f"{int(most * factor)} B"))) == rounds, factor
    assert looked_at(scenario(world={**scenario_world(), "server": {"name": "a100", "memory": server(1.5)}})) == ROUNDS


def scenario_world() -> dict[str, Any]:
    """Devices with ample memory."""
    return {"devices": [{"name": "jetson-nano", "count": 6, "memory": AMPLE}]}


def server(factor: float) -> str:
    """So many times what the server needs."""
    settings = scenario(world={**scenario_world(), "server": {"name": "a100", "memory": AMPLE}})
    return f"{int(dry_run_that_fits(settings, settings.algorithms[0], 0).server_peak.bytes * factor)} B"


def test_both_leave_out_the_same_devices() -> None:
    small = scenario(("1 MB", AMPLE))
    small = small.model_copy(update={"world": small.world.model_copy(update={"on_oom": "skip"})})
    left_out = devices_left_out(small)
    assert left_out == devices_left_out(small, early=True) == {("FL", 0): {f"jetson-nano-{n}" for n in range(3)}}


def test_both_refuse_with_the_same_words() -> None:
    said = []
    for early in (False, True):
        with pytest.raises(ScenarioError) as refused:
            devices_left_out(scenario(("1 MB", AMPLE)), early=early)
        said.append(str(refused.value))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"driver": {"name": "deadline", "seconds": "100 s"}}},
        {"training": {"driver": {"name": "fedbuff", "buffer": 2}}},
        {"training": {"selection": {"name": "fedcs", "deadline": "1 h"}}},
        {"training": {"budget": {"seconds": "1000 s"}}},
        {"carbon": {"intensity": "300 g/kWh"}},
        {"world": {"server": {"name": "a100", "batching": {"most": 2, "wait": "1 s"}}}},
        {"world": {"devices": [{"name": "jetson-nano", "count": 6, "dropout": {"training": 0.1}}]}},
    ],
    ids=["deadline", "fedbuff", "selection by time", "budget", "carbon", "batching", "dropout"],
)
def test_where_seconds_or_chance_decide_every_round_is_looked_at(changes: dict[str, Any]) -> None:
    settings = scenario(**changes)
    assert can_settle(scenario(), scenario().algorithms[0])
    assert not can_settle(settings, settings.algorithms[0])


def test_of_a_plug_in_every_round_is_looked_at() -> None:
    settings = scenario()
    algorithm = settings.algorithms[0].algorithm

    class Growing(type(algorithm)):  # type: ignore[misc]
        """It could keep more with each round."""

    grown = Growing.model_validate(algorithm.model_dump(exclude={"name"}))
    assert not can_settle(settings, settings.algorithms[0].model_copy(update={"algorithm": grown}))

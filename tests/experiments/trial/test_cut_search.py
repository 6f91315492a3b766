"""A policy's choice against fixed cuts, each run dry in a world in which the device really is alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from simulator.experiments.run.tables import summarise
from simulator.experiments.trial import cut_search as placing
from simulator.experiments.trial.memory_check import dry_run_that_fits, too_small
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.simulate import Simulation
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError
from simulator.settings.humanize import human

pytestmark = pytest.mark.usefixtures("small_model")

HEADS = range(3)
"""Of a model of four blocks, with one in the tail."""
SAMPLES = 12
SLOW, QUICK = {"name": "raspberry-pi-4", "rate": {"fp32": "1 MFLOP/s"}}, {"name": "a100"}
POLICIES = "largest", "fastest"


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    placing.forget()
    yield
    placing.forget()


def scenario(*groups: dict[str, Any], on_oom: str = "error", name: str = "splitfed", **entry: Any) -> Scenario:
    """These groups of devices with twelve samples each, and a server that is slower than some of them."""
    count = sum(group.get("count", 1) for group in groups)
    return Scenario.model_validate(
        {
            "name": "cuts",
            "world": {
                "on_oom": on_oom,
                "devices": [{"uplink": "home-wifi", "downlink": "home-wifi", **group} for group in groups],
                "server": {"name": "rtx-4090", "rate": {"fp32": "10 MFLOP/s"}},
            },
            "model": {"name": "random", "image_size": 8},
            "data": {"name": "synthetic", "samples": SAMPLES * count, "test_samples": 5, "classes": 5},
            "training": {"rounds": 2, "clients_per_round": count, "batch_size": 6, "optimizer": {"name": "sgd"}},
            "algorithms": [{"name": name, **entry}],
        }
    )


def dry(settings: Scenario) -> TrialResult:
    return dry_run_that_fits(settings, settings.algorithms[0], seed=0)


def alone(group: dict[str, Any], head: int, **entry: Any) -> tuple[int, float, float]:
    """MemoryPeak bytes with a fixed cut of one such device, and the mean seconds and joules of its rounds."""
    return alone_once(json.dumps([group, head, entry]))


@cache
def alone_once(asked: str) -> tuple[int, float, float]:
    """What several tests ask for."""
    group, head, entry = json.loads(asked)
    settings = scenario({**group, "count": 1}, on_oom="ignore", head=head, **entry)
    outcome = run(settings, settings.algorithms[0], seed=0, dry=True)
    found, rounds = summarise(outcome, None), settings.algorithms[0].training.rounds
    return outcome.client_peaks[0].bytes, found["sim_time_s"] / rounds, found["client_energy_j"] / rounds


def heads(settings: Scenario) -> list[int]:
    """What was chosen, device by device."""
    return [cut["head"] for cut in summarise(dry(settings), None)["cuts"]]


def refusal(settings: Scenario) -> str:
    with pytest.raises(ScenarioError) as refused:
        dry(settings)
    return str(refused.value)


@cache
def peaks(name: str = "splitfed") -> list[int]:
    found = [alone(SLOW, head, name=name)[0] for head in HEADS]
    assert found[0] < found[1] < found[2]
    return found


@pytest.mark.parametrize("name", ["splitfed", "sfprompt"])
def test_largest_is_the_largest_that_fits_each_group(name: str) -> None:
    peak = peaks(name)
    groups = [{**SLOW, "count": 2, "memory": f"{size} B"} for size in (peak[1], peak[2], peak[1] - 1, peak[2] - 1)]
    assert heads(scenario(*groups, name=name, cut={"name": "largest"})) == [1, 1, 2, 2, 0, 0, 1, 1]


def test_fastest_is_the_fastest_of_the_fixed_cuts() -> None:
    best = [min(HEADS, key=lambda head: alone(group, head)[1]) for group in (SLOW, QUICK)]
    assert best[0] != best[1], "else this shows little"
    assert heads(scenario(SLOW, QUICK, cut={"name": "fastest"})) == best


def test_what_is_sent_once_counts_for_less_the_longer_training_goes_on() -> None:
    """On a fast device behind a slow link, more blocks take longer to be sent, and save time in every round."""
    device = {**QUICK, "downlink": {"rate": "1 Mbit/s"}}
    found = []
    for rounds in (1, 30):
        training = {"rounds": rounds, "train": "linear"}
        best = min(HEADS, key=lambda head: alone(device, head, training=training)[1])
        assert heads(scenario(device, cut={"name": "fastest"}, training=training)) == [best]
        found.append(best)
    assert found[0] < found[1]


def test_fastest_must_fit() -> None:
    best = min(HEADS, key=lambda head: alone(QUICK, head)[1])
    assert best > 0
    assert heads(scenario({**QUICK, "memory": f"{peaks()[0]} B"}, cut={"name": "fastest"})) == [0]


@pytest.mark.parametrize(
    ("limit", "place", "unit"),
    [
        ("seconds", 1, "s"),
        pytest.param("energy", 2, "J", marks=pytest.mark.slow),
        ("memory", 0, "B"),
    ],
)
def test_budget_keeps_within_what_the_fixed_cut_takes(limit: str, place: int, unit: str) -> None:
    asked = [alone(SLOW, head)[place] for head in HEADS]
    assert asked[0] < asked[1] < asked[2]
    for wanted in HEADS:
        budget = {"name": "budget", limit: f"{asked[wanted] * (1 + 1e-9)!r} {unit}"}
        assert heads(scenario(SLOW, cut=budget)) == [wanted]


def test_budget_as_a_share_of_memory() -> None:
    peak = peaks()
    groups = [{**SLOW, "memory": f"{2 * size} B"} for size in (peak[0], peak[1])]
    assert heads(scenario(*groups, cut={"name": "budget", "memory": 0.5})) == [0, 1]


@pytest.mark.parametrize("entry", [{"version": "v2"}, {"name": "split_learning"}])
def test_where_all_share_a_body_they_get_the_smallest_of_the_largest(entry: dict[str, Any]) -> None:
    by_head = [alone(SLOW, head, **entry)[0] for head in HEADS]
    groups = [{**SLOW, "memory": f"{by_head[head]} B"} for head in (2, 1)]
    assert heads(scenario(*groups, cut={"name": "largest"}, **entry)) == [1, 1]


def test_where_all_share_a_body_the_slowest_decides_what_is_fastest() -> None:
    slowest = [max(alone(group, head, version="v2")[1] for group in (SLOW, QUICK)) for head in HEADS]
    best = slowest.index(min(slowest))
    assert heads(scenario(SLOW, QUICK, cut={"name": "fastest"}, version="v2")) == [best, best]


def test_labels_sent_leave_all_blocks_to_the_head() -> None:
    assert heads(scenario(SLOW, labels="sent", cut={"name": "largest"})) == [3]


def test_a_cut_that_the_algorithm_refuses_is_no_candidate() -> None:
    """SFPrompt without any block on the device is blind."""
    blind = alone(SLOW, 0, name="sfprompt", tail=0, local_epochs=0, keep="random")[0]
    message = refusal(scenario({**SLOW, "memory": f"{blind} B"}, name="sfprompt", tail=0, cut={"name": "largest"}))
    assert "even with the smallest cut, head 1" in message


def test_dry_is_real_and_both_say_what_was_chosen() -> None:
    groups = [{**SLOW, "memory": f"{size} B"} for size in (peaks()[0], peaks()[2])]
    settings = scenario(*groups, cut={"name": "largest"})
    real = run(settings, settings.algorithms[0], seed=0)
    assert real.ledger == dry(settings).ledger
    assert summarise(real, None)["cuts"] == [
        {"device": "raspberry-pi-4-0", "head": 0, "tail": 1},
        {"device": "raspberry-pi-4-1", "head": 2, "tail": 1},
    ]


def test_it_runs_as_a_fixed_cut_does() -> None:
    chosen, fixed = (dry(scenario(SLOW, **cut)) for cut in ({"cut": {"name": "largest"}}, {"head": 2}))
    assert chosen.ledger == fixed.ledger


def test_equal_devices_are_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two groups, of which each device has as much data as the others."""
    asked: list[Any] = []

    def counted(*args: Any, **keywords: Any) -> Simulation:
        asked.append(args)
        return Simulation(*args, **keywords)

    monkeypatch.setattr(placing, "Simulation", counted)
    settings = scenario({**SLOW, "count": 4}, {**QUICK, "count": 3}, cut={"name": "fastest"})
    for _ in range(2):
        dry(settings)
    assert len(asked) == 2 * len(HEADS)


def test_it_is_told_by_group() -> None:
    groups = [{**SLOW, "count": 2, "memory": f"{peaks()[1]} B"}, {**QUICK, "count": 1}]
    settings, told = scenario(*groups, {**SLOW, "count": 1}, label="SFL", cut={"name": "largest"}), []
    dry_run_that_fits(settings, settings.algorithms[0], seed=0, tell=told.append)
    assert told == ["SFL: raspberry-pi-4: head 1 (2 devices), head 2 (1 device)", "SFL: a100: head 2 (1 device)"]


def test_of_a_fixed_cut_nothing_is_told() -> None:
    settings, told = scenario(SLOW, head=2), []
    outcome = dry_run_that_fits(settings, settings.algorithms[0], seed=0, tell=told.append)
    assert told == summarise(outcome, None)["cuts"] == []


@pytest.mark.parametrize("policy", POLICIES)
def test_a_device_that_no_cut_fits(policy: str) -> None:
    short = {**SLOW, "memory": f"{peaks()[0] - 1} B"}
    message = refusal(scenario(QUICK, {**short, "count": 2}, label="SFL", cut={"name": policy}))
    assert message.startswith("world.devices.1.memory is ")
    assert f": SFL needs {peaks()[0] / 1e3:.3g} kB on raspberry-pi-4-0 even with the smallest cut, head 0; " in message
    assert message.endswith("(or say on_oom: skip or ignore)")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_skipped_it_is_left_out_and_does_not_hold_the_others_back(version: str) -> None:
    short = {**SLOW, "memory": f"{peaks()[0] - 1} B"}
    settings = scenario(QUICK, short, on_oom="skip", version=version, cut={"name": "largest"})
    outcome = dry(settings)
    assert outcome.without == {"raspberry-pi-4-0"}
    assert heads(settings)[0] == 2


def test_ignored_it_takes_the_smallest() -> None:
    settings = scenario({**SLOW, "memory": "1 kB"}, on_oom="ignore", cut={"name": "largest"})
    assert heads(settings) == [0]
    assert [peak.site for peak in too_small(dry(settings))] == ["raspberry-pi-4-0"]


def test_a_budget_that_no_cut_keeps() -> None:
    quickest = human("seconds", alone(SLOW, 0)[1])
    message = refusal(scenario(SLOW, label="SFL", on_oom="skip", cut={"name": "budget", "seconds": "1 us"}))
    assert message.startswith("algorithms.SFL.cut")
    assert f"no cut will do for raspberry-pi-4-0: a round takes {quickest} at least (head 0), " in message


def test_a_server_that_is_too_small_is_told_of_a_fixed_cut() -> None:
    settings = scenario(SLOW, SLOW, cut={"name": "fastest"})
    server = settings.world.server.model_copy(update={"memory": float(dry(settings).peak_server_memory_bytes - 1)})
    message = refusal(settings.model_copy(update={"world": settings.world.model_copy(update={"server": server})}))
    assert message.startswith("world.server.memory is ")
    assert "; cut: {name: fixed} with head: 1 would fit" in message


def test_splitfrozen_is_offered_every_head() -> None:
    """Where its adapters are depends on the cut: each is looked at with its own."""
    settings = scenario({**QUICK, "count": 2}, cut={"name": "largest"}, name="splitfrozen")
    assert heads(settings) == [3, 3]  # of four blocks, one is left to the server

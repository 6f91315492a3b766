"""What a run will take, told beforehand: against what it takes, and without simulating it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch

from simulator.experiments.executors import local
from simulator.experiments.trial import estimate as estimates
from simulator.experiments.trial import training_rate as rates
from simulator.experiments.trial import trial_cost as costs
from simulator.experiments.trial.estimate import Estimate, estimate, estimate_sweep
from simulator.experiments.trial.training_rate import SLOWEST_FLOPS_PER_S, training_rate
from simulator.experiments.trial.trial import run
from simulator.experiments.trial.trial_cost import BASE_BYTES, trial_cost
from simulator.scenario.scenario import Scenario, load
from tests.helpers.grids import grid

LINK = {"rate": "8 Mbit/s", "latency": "5 ms"}
WORLD: dict[str, Any] = {
    "name": "small",
    "world": {
        "devices": [{"name": "raspberry-pi-4", "count": 6, "uplink": LINK, "downlink": LINK}],
        "server": {"name": "rtx-4090"},
    },
    "model": {
        "name": "vit_tiny_patch16_224",
        "image_size": 32,
        "pretrained": False,
        "keywords": {"patch_size": 8, "depth": 3, "embed_dim": 24, "num_heads": 2},
    },
    "data": {"name": "synthetic", "samples": 240, "test_samples": 20, "classes": 4},
    "training": {"rounds": 12, "clients_per_round": 3, "batch_size": 8, "optimizer": {"name": "sgd"}},
}
ENTRIES: dict[str, dict[str, Any]] = {
    "FL": {"name": "fedavg"},
    "many epochs": {"name": "fedavg", "training": {"local_epochs": 10}},
    "large shards": {"name": "splitfed", "training": {"batch_size": 1}},
    "SFL": {"name": "splitfed", "head": 1, "tail": 1},
    "SFPrompt": {"name": "sfprompt", "head": 1, "tail": 1, "keep_fraction": 0.5, "split_epochs": 6},
    "Ditto": {"name": "ditto", "personal_epochs": 8},
    "pFedMe": {"name": "pfedme", "inner_steps": 9},
    "FedBuff": {"name": "fedavg", "training": {"driver": {"name": "fedbuff", "buffer": 2, "concurrency": 4}}},
    "FedAsync": {"name": "fedavg", "training": {"driver": {"name": "fedasync", "concurrency": 4}}},
    "deadline": {"name": "fedavg", "training": {"driver": {"name": "deadline", "seconds": "1 h", "first": 3}}},
    "for half a minute": {"name": "fedavg", "training": {"budget": {"seconds": "2 min"}}},
    "40 updates": {"name": "fedavg", "training": {"budget": {"updates": 40}}},
}
ALIKE = ("many epochs", "pFedMe", "FedAsync", "40 updates")
"""They are foreseen as those before them."""


def scenario_of(label: str, **changes: Any) -> Scenario:
    """The small scenario with one of the entries."""
    return load({**WORLD, "algorithms": [{"label": label, **ENTRIES[label]}]}).with_(**changes)


@pytest.mark.parametrize("label", grid(ENTRIES, often=lambda label: label not in ALIKE))
def test_the_rows_of_the_ledger_are_foreseen_within_a_factor_of_two(label: str) -> None:
    scenario = scenario_of(label)
    cost = trial_cost(scenario, scenario.algorithms[0], dry=True)
    ledger = run(scenario, scenario.algorithms[0], 0, dry=True).ledger
    rows = len(ledger.works) + len(ledger.transfers) + len(ledger.waits)
    assert cost is not None
    assert rows / 2 < cost.rows < rows * 2


def test_the_flops_of_training_are_those_of_the_ledger() -> None:
    scenario = scenario_of("SFL", evaluation__every=1000, evaluation__samples=1)
    cost = trial_cost(scenario, scenario.algorithms[0], dry=False)
    works = run(scenario, scenario.algorithms[0], 0, dry=True).ledger.works
    assert cost is not None
    assert cost.flops == pytest.approx(sum(works.column("flops")), rel=0.05)


def test_what_is_huge_is_told_in_a_moment() -> None:
    """Ten million rounds of a million epochs: nothing of it is simulated."""
    huge = {"training__rounds": 10_000_000, "training__local_epochs": 1_000_000}
    small, found = estimate(scenario_of("FL"), dry=False), estimate(scenario_of("FL", **huge), dry=True)
    assert found is not None
    assert found.is_out_of_reach
    assert found.takes.startswith("takes roughly ")
    assert "1 trial, " in found.takes
    assert "years and " in found.takes
    assert small is not None
    assert not small.is_long


def test_short_dry_runs_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "trial_cost", None)
    assert estimate(scenario_of("FL"), dry=True) is None


def test_what_cannot_be_run_has_no_estimate() -> None:
    assert estimate(scenario_of("SFL", algorithms__SFL__head=99), dry=False) is None


def test_a_sweep_is_as_many_trials_as_it_has_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "is_short", lambda *_: False)
    scenario = scenario_of("FL", seeds=[0, 1])
    one, many = (estimate_sweep([scenario], points, dry=True, workers=1) for points in (1, 50))
    assert one is not None
    assert many is not None
    assert (one.trials, many.trials) == (2, 100)
    assert many.events == 50 * one.events


@pytest.mark.parametrize(
    ("seconds", "nbytes", "long", "out_of_reach"),
    [
        (60.0, 1e6, False, False),
        (86_400.0, 1e6, True, False),
        (60.0, 9e8, True, False),
        (60.0, 2e9, True, False),
        (60.0, 5e9, True, True),
        (40 * 86_400.0, 1e6, True, True),
    ],
)
def test_time_and_memory_are_worth_a_question(
    seconds: float, nbytes: float, long: bool, out_of_reach: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "available_memory", lambda: 10**9)
    found = Estimate(1, 100, seconds, nbytes)
    assert (found.is_long, found.is_out_of_reach) == (long, out_of_reach)


def test_what_torch_takes_is_never_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "available_memory", lambda: 10**9)
    assert not Estimate(20, 100, 60.0, 2e10, at_once=19).is_out_of_reach
    assert Estimate(20, 100, 60.0, 2e10, at_once=10).is_out_of_reach
    assert Estimate(10, 100, 60.0, 2e10, at_once=19).is_out_of_reach


@pytest.fixture
def _seven_gb(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 16 cores of which 7 GB are free."""
    monkeypatch.setattr("joblib.cpu_count", lambda: 16)
    for module in (local, estimates):
        monkeypatch.setattr(module, "available_memory", lambda: 7 * 10**9)


@pytest.mark.usefixtures("_seven_gb")
def test_a_small_sweep_is_no_matter_with_many_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    small = scenario_of("FL", training__rounds=2)
    assert estimate_sweep([small], 40, dry=True, workers=8) is None
    monkeypatch.setattr(estimates, "is_short", lambda *_: False)
    found = estimate_sweep([small], 40, dry=True, workers=8)
    assert found is not None
    assert found.bytes > 7e9
    assert not found.is_out_of_reach


@pytest.mark.usefixtures("_seven_gb")
def test_a_sweep_of_many_short_points_is_looked_at() -> None:
    assert estimate_sweep([scenario_of("FL")], 1_000_000, dry=True) is not None


@pytest.mark.usefixtures("_seven_gb")
@pytest.mark.parametrize(("jobs", "at_once"), [(16, 16), (None, 3)])
@pytest.mark.parametrize("dry", [True, False])
def test_memory_limits_how_many_run_at_once_if_nobody_says(
    jobs: int | None, at_once: int, dry: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "is_short", lambda *_: False)
    scenario = scenario_of("FL", seeds=list(range(20)), torch_device="cpu")
    found = estimate_sweep([scenario], 1, dry, jobs)
    assert found is not None
    assert found.at_once == at_once
    assert found.bytes == pytest.approx(at_once * BASE_BYTES, rel=0.1)


def test_without_its_gpu_a_run_has_an_estimate_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    scenario = scenario_of("FL", torch_device="cuda", threads=2)
    assert training_rate(scenario) == 2 * SLOWEST_FLOPS_PER_S


def test_a_model_that_cannot_be_timed_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(rates, "_rate", full)
    assert training_rate(scenario_of("FL", torch_device="cpu", threads=1)) == SLOWEST_FLOPS_PER_S


def test_timing_a_model_leaves_torch_as_it_was() -> None:
    rates._rate.cache_clear()
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    assert training_rate(scenario_of("FL", torch_device="cpu", threads=threads + 1)) > 0
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(("error", "raised"), [(ZeroDivisionError, False), (KeyboardInterrupt, True)])
def test_an_algorithm_that_fails_has_no_estimate(
    error: type[BaseException], raised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr("simulator.experiments.trial.trial.Trial.result", failing)
    with pytest.raises(error) if raised else nullcontext():
        assert estimate(scenario_of("FL"), dry=False) is None
    monkeypatch.setattr(costs, "_most_batches", failing)
    with pytest.raises(error) if raised else nullcontext():
        assert estimate(scenario_of("FL"), dry=True) is None


def test_what_it_takes_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "available_memory", lambda: 16 * 10**9)
    found = Estimate(4, 12e6, 3 * 3600, 2e9)
    expected = "takes roughly 3 hours and 2 GB of memory (16 GB are available): 4 trials, 12 M events"
    assert found.takes == expected
    assert replace(found, seconds=61.0).takes.startswith("takes roughly 1 minute and")


@pytest.mark.slow
@pytest.mark.parametrize("label", ["FL", "SFL"])
def test_a_real_run_takes_what_was_told_within_a_factor_of_three(label: str) -> None:
    """Seconds of this process: what else the machine does is left out."""
    model = {"name": "random", "image_size": 32}
    training = {**WORLD["training"], "rounds": 3, "batch_size": 32}
    data = {**WORLD["data"], "samples": 600, "test_samples": 200}
    entries = [{"label": label, **ENTRIES[label]}]
    scenario = load({**WORLD, "model": model, "data": data, "training": training, "algorithms": entries})
    cost = trial_cost(scenario, scenario.algorithms[0], dry=False)
    assert cost is not None
    told = cost.seconds + cost.flops / training_rate(scenario)
    began = time.process_time()
    run(scenario, scenario.algorithms[0], 0)
    took = time.process_time() - began
    assert took / 3 < told < took * 3

"""Estimates of real runs of language models."""

from __future__ import annotations

import pytest

from simulator.experiments.trial import training_rate as rates
from simulator.experiments.trial.training_rate import training_rate
from simulator.experiments.trial.trial_cost import trial_cost
from simulator.scenario.scenario import Scenario

SHAPE = {"vocabulary": 40, "width": 16, "positions": 16, "mlp": 24, "blocks": 2, "heads": 2}
SAMPLES = 64


def scenario(length: int, task: str, name: str = "gpt2") -> Scenario:
    return Scenario.model_validate(
        {
            "name": "estimated",
            "world": {"devices": [{"name": "raspberry-pi-4", "count": 2}], "server": {"name": "h100"}},
            "model": {"name": name, "length": length, "pretrained": False, "keywords": SHAPE},
            "data": {
                "name": "synthetic_text",
                "samples": SAMPLES,
                "test_samples": SAMPLES,
                "classes": 2,
                "task": task,
            },
            "training": {"rounds": 2, "clients_per_round": 2, "batch_size": 8, "optimizer": {"name": "sgd"}},
            "algorithms": [{"name": "fedavg"}],
        }
    )


def test_a_real_run_has_an_estimate_that_grows_with_the_texts() -> None:
    both = scenario(4, "next_token"), scenario(16, "next_token")
    short, long = (trial_cost(one, one.algorithms[0], dry=False) for one in both)
    assert short is not None
    assert long is not None
    assert long.flops > 3 * short.flops > 0
    assert long.bytes > short.bytes


@pytest.mark.parametrize(("name", "task"), [("gpt2", "next_token"), ("minilm", "classification")])
def test_the_rate_of_this_machine_is_that_of_the_model(name: str, task: str) -> None:
    rates._rate.cache_clear()
    one = scenario(8, task, name)
    found = training_rate(one.model_copy(update={"torch_device": "cpu"}))
    assert found > 0
    assert found != rates.SLOWEST_FLOPS_PER_S, "it was timed"

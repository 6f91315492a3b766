"""Every sweep that we ship is made of trials that can be."""

from __future__ import annotations

import pytest

from simulator.experiments.sweep.points import base, plan
from simulator.experiments.sweep.settings import load
from tests.helpers.places import SCENARIOS

FOLDER = SCENARIOS / "sweeps"
POINTS = {
    "split_point": (5, 16),
    "pruning_ratio": (4, 21),
    "bandwidth_x_samples": (49, 98),
    "length_x_batch": (6, 30),
    "label_skew": (3, 81),
    "pipeline": (49, 98),
    "learning_rate": (4, 36),
    "deadline": (6, 21),
    "absence": (4, 48),
    "tiers": (7, 84),
    "slower_links": (3, 12),
    "prices": (3, 36),
    "queues": (9, 27),
    "batching": (16, 48),
    "quickstart_rates": (3, 9),
    "claims_rates": (8, 48),
    "claims_accuracy": (2, 108),
    "sst2": (3, 63),
    "sst2_rates": (5, 35),
    "mrpc": (3, 63),
    "scale": (5, 5),
}
"""Points, and trials: what a point does not change for an algorithm is one trial."""
_SYNTHETIC = ["data={name: synthetic, samples: 1000, test_samples: 500, classes: 10}"]
_CIFAR10 = ("label_skew", "learning_rate", "claims_rates", "claims_accuracy")
_TEXTS = ["data={name: synthetic_text, samples: 1000, test_samples: 400, classes: 2}"]
INSTEAD = dict.fromkeys(_CIFAR10, _SYNTHETIC) | dict.fromkeys(("sst2", "sst2_rates", "mrpc"), _TEXTS)
"""Of data that would be downloaded."""


def test_all_are_looked_at() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(POINTS)


@pytest.mark.parametrize("name", POINTS)
def test_a_sweep_is_valid(name: str) -> None:
    file = FOLDER / f"{name}.yaml"
    sweep = load(file)
    assert sweep.name == name.replace("_", "-")
    assert file.read_text().startswith("# "), "its first line says which question it answers"
    found = plan(sweep, base(sweep, INSTEAD.get(name, ())), dry=True)
    assert not found.problems
    assert (found.rows[-1].point + 1, len(found.trials)) == POINTS[name]

"""Classes of a large population: few, each as weak as the weakest that it stands for; and a cut for every device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulator.experiments.trial import cut_search
from simulator.experiments.trial.dry import DeviceClass
from simulator.experiments.trial.population import Figures
from simulator.experiments.trial.similar import alike
from simulator.scenario.scenario import Scenario


def drawn(count: int, group: int = 0, seed: int = 0) -> list[DeviceClass]:
    rng = np.random.default_rng(seed)
    figures = rng.lognormal(sigma=0.5, size=(count, len(Figures._fields))).tolist()
    return [DeviceClass(group, int(rng.integers(5, 50)), None, Figures(*row)) for row in figures]


def test_what_stands_for_a_device_is_nowhere_stronger() -> None:
    for kin, other in alike(drawn(300), most=16).items():
        assert other.group == kin.group
        assert other.samples >= kin.samples
        assert kin.figures is not None
        assert other.figures is not None
        for figure in ("rate", "memory_bandwidth", "memory", "uplink", "downlink"):
            assert getattr(other.figures, figure) <= getattr(kin.figures, figure)
        for figure in ("uplink_latency", "downlink_latency", "power"):
            assert getattr(other.figures, figure) >= getattr(kin.figures, figure)


def test_each_population_has_classes_of_its_own() -> None:
    classes = [*drawn(40), *drawn(40, group=1), DeviceClass(2, 5), DeviceClass(2, 6)]
    found = alike(classes, most=8)
    assert list(found) == classes
    assert [len({found[kin] for kin in classes if kin.group == group}) for group in range(3)] == [8, 8, 2]


def test_a_small_population_is_left_as_it_is() -> None:
    classes = drawn(8)
    assert alike(classes, most=8) == {kin: kin for kin in classes}


def test_the_figure_that_differs_most_divides() -> None:
    same = drawn(1)[0]
    assert same.figures is not None
    uplinks = [1.0, 900.0, 1.1, 1000.0]
    classes = [
        same._replace(figures=same.figures._replace(uplink=uplink, memory=memory))
        for uplink, memory in zip(uplinks, [1.0, 1.2, 1.3, 1.4], strict=True)
    ]
    found = alike(classes, most=2)
    assert [found[kin].figures.uplink for kin in classes] == [1.0, 900.0, 1.0, 900.0]  # type: ignore[union-attr]


def fleet(**cut: Any) -> Scenario:
    """Twelve devices, no two of them alike, of which some have room for less of the model than others."""
    return Scenario.model_validate(
        {
            "name": "fleet",
            "world": {
                "on_oom": "skip",
                "devices": [
                    {
                        "name": "jetson-nano",
                        "count": 12,
                        "population": {"memory": {"name": "uniform", "low": "4 MB", "high": "27 MB"}},
                    }
                ],
                "server": {"name": "a100"},
            },
            "model": {"name": "random"},
            "data": {"name": "synthetic", "samples": 12 * 6, "test_samples": 5, "classes": 5},
            "training": {"rounds": 1, "clients_per_round": 12, "batch_size": 6, "optimizer": {"name": "sgd"}},
            "algorithms": [{"name": "splitfed", "cut": cut}],
        }
    )


def heads(scenario: Scenario) -> list[int]:
    cut_search.forget()
    algorithm: Any = cut_search.placed(scenario, scenario.algorithms[0], seed=0).algorithm
    return [place.head for place in algorithm.placement.values()]


def test_no_device_gets_more_of_the_model_than_it_would_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest portion for the weakest of a class fits all others; one without any cut does not decide for them."""
    own = heads(fleet(name="largest"))
    monkeypatch.setattr(cut_search, "alike", lambda classes: alike(classes, most=3))
    grouped = heads(fleet(name="largest"))
    assert len(set(own)) > 1
    assert all(few <= head for few, head in zip(grouped, own, strict=True))
    assert any(grouped)

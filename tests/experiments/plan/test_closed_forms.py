"""Closed forms in a plan: the same figures as dry runs wherever they hold, and dry runs wherever they may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.plan.answers import answers
from simulator.experiments.plan.cuts import points
from simulator.experiments.plan.rounds import Planner, Round
from simulator.scenario.scenario import Entry, Scenario
from tests.helpers.small_trials import ENTRIES, four_blocks, scenario

HAVE_ONE = (
    *("fl", "fl-epochs", "fl-linear", "fl-bias", "fl-prompt", "fl-lora"),
    *("v1", "v1-sent", "v1-linear", "v1-linear-sent", "v1-prompt", "v1-cut"),
    *("sfp", "sfp-easiest", "sfp-random", "sfp-all", "sfp-no-local", "sfp-no-split"),
    *("in-turn", "in-turn-sent", "psl", "epsl", "epsl-all", "v2-linear", "frozen"),
)
"""Entries with a twin where the server has slots enough, whatever the devices; EPSL and SplitFrozen want equal shards."""
IN_TURN = ("v2-sent", "v2-exclusive")
"""Those whose devices take turns: they must be equal."""


@pytest.fixture(autouse=True)
def _small_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.experiments.trial.build.build", four_blocks)


PI = {"name": "raspberry-pi-4", "count": 2}
NANO = {"name": "jetson-nano", "count": 2, "uplink": "lte", "memory_bandwidth": "1 GB/s"}
WIDE = {"rate": "100 Gbit/s", "latency": "3 ms"}
SERVER = {"name": "rtx-4090", "slots": 4, "rate": {"fp32": "1 GFLOP/s"}, "uplink": WIDE, "downlink": WIDE}


def small(
    folder: Path, *labels: str, devices: Any = (PI, NANO), server: dict[str, Any] | None = None, **changes: Any
) -> Scenario:
    """Four devices of two groups, with latency and slow memory, and fourteen samples on each; a server that has a slot
    for each, and ports as wide as need be. Nothing is compressed.
    """
    world = {"devices": list(devices), "server": SERVER | (server or {}), **changes.pop("world", {})}
    data = {"name": "synthetic", "samples": 56, "test_samples": 10, "classes": 5}
    training = {"clients_per_round": 4, **changes.pop("training", {})}
    found = scenario(folder, list(labels), **{"world": world, "data": data, "training": training, **changes})
    plain = tuple(
        entry.model_copy(update={"training": entry.training.model_copy(update={"compression": {}})})
        for entry in found.algorithms
    )
    return found.model_copy(update={"algorithms": plain})


def check_same(settings: Scenario, *places: dict[str, Any]) -> None:
    """Check that rounds have closed forms, with the figures of dry runs."""
    closed, dry = Planner(settings), Planner(settings, closed_forms=False)
    for where in places:
        found, wanted = (planner.round(settings.algorithms[0], **where) for planner in (closed, dry))
        assert found.smashed == wanted.smashed
        assert found[:-1] == pytest.approx(wanted[:-1], rel=1e-9)
    assert (closed.closed.total(), closed.dry) == (len(places), {})
    assert (dry.closed.total(), dry.dry) == (0, {})


@pytest.mark.parametrize("label", HAVE_ONE)
def test_figures_are_those_of_a_dry_run(label: str, tmp_path: Path) -> None:
    """In batches of eight each epoch ends with a smaller one; SplitFrozen wants full ones."""
    settings = small(tmp_path, label, training={"batch_size": 7 if label == "frozen" else 8})
    check_same(settings, {"speed": 0.03}, {"samples": 21})


@pytest.mark.parametrize("label", IN_TURN)
def test_equal_devices_take_turns(label: str, tmp_path: Path) -> None:
    settings = small(tmp_path, label, devices=[PI | {"count": 4}], training={"batch_size": 7})
    check_same(settings, {}, {"speed": 300.0, "samples": 49})


REASONS: dict[str, tuple[str, dict[str, Any]]] = {
    "devices share the server's downlink": ("v1", {"server": {"downlink": {"rate": "30 Mbit/s"}}}),
    "devices share the server's uplink": ("fl", {"server": {"uplink": {"rate": "30 Mbit/s"}}}),
    "works wait at the server": ("v1", {"server": {"slots": 3}}),
    "the server's queue is processor_sharing": ("sfp", {"server": {"queue": {"name": "processor_sharing"}}}),
    "works share passes at the server": ("sfp", {"server": {"batching": {"most": 2}}}),
    "devices interleave on one body": ("v2", {}),
    "devices, links or batches differ, and the server serves one at a time": ("v2-sent", {}),
    "the order of turns is not that of arrival": ("v2-in-order", {"devices": [PI | {"count": 4}]}),
    "shards or batches differ": ("frozen", {"training": {"batch_size": 8}}),
    "links lose bytes": ("fl", {"devices": [PI, NANO | {"uplink": {"rate": "8 Mbit/s", "loss": 0.1}}]}),
    "power_of_choice selects the cohort": ("fl", {}),
    "there is none for fedprox": ("prox", {}),
    "devices are behind edges": ("fl", {"world": {"edges": [{"name": "a100", "devices": {"raspberry-pi-4": 2}}]}}),
}

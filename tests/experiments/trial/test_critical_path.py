"""Critical paths of trials of every algorithm, and what happens to a round when a part of its path is sped up."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simulator.accounting.critical_path import ACTIVITIES, OTHER, path_shares
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import Scenario
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")
DRIVERS: dict[str, dict[str, Any]] = {
    "deadline": {"name": "deadline", "seconds": "1 s"},
    "fedbuff": {"name": "fedbuff", "buffer": 2},
    "fedasync": {"name": "fedasync"},
    "semi_async": {"name": "semi_async", "seconds": "1 s"},
}
LABELS = [
    *("fl", "v1", "v2", "v2-exclusive", "sfp", "in-turn", "alone"),
    *("fl-stacked", "flexp", "frozen", "ditto", "epsl", "sfpl", "centralized"),
]
FAST = "1000000 TFLOP/s"


def trials(small: Scenario) -> list[TrialResult]:
    """Return the dry trials of a scenario."""
    return [run(small, entry, 0, dry=True) for entry in small.algorithms]


def check(outcome: TrialResult) -> None:
    """Check that the path of every round has no gap and is as long as the round."""
    for turn in outcome.ledger.rounds:
        own = [found for found in outcome.critical_paths if found.round == turn.round]
        assert sum(found.seconds for found in own) == pytest.approx(turn.seconds, rel=1e-9, abs=1e-12)
        ends = [turn.start, *(found.start + found.seconds for found in own)]
        assert [found.start for found in own] == pytest.approx(ends[:-1], rel=1e-9)
        assert all(a.start < b.start for a, b in pairwise(own))
        assert all(found.activity in ACTIVITIES for found in own)


@pytest.fixture(scope="module")
def dry(small_model: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrialResult]:
    small = scenario(tmp_path_factory.mktemp("dry"), LABELS)
    return {outcome.entry.label: outcome for outcome in trials(small)}


@pytest.mark.parametrize("label", LABELS)
def test_the_path_of_every_algorithm_is_as_long_as_its_rounds_and_known(
    dry: dict[str, TrialResult], label: str
) -> None:
    check(dry[label])
    assert dry[label].ledger.rounds
    assert all(found.activity != OTHER for found in dry[label].critical_paths)


@pytest.mark.parametrize("name", DRIVERS)
def test_the_path_of_every_driver_is_as_long_as_its_rounds(name: str, tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl", "v1"], training={"driver": DRIVERS[name], "rounds": 4, "clients_per_round": 4})
    for outcome in trials(small):
        check(outcome)
        assert any(found.activity != OTHER for found in outcome.critical_paths)


def test_where_devices_and_the_server_are_away_the_path_is_as_long_as_the_round(tmp_path: Path) -> None:
    presence = {"name": "on_off", "mean_present": "2 s", "mean_absent": "500 ms"}
    devices = [{"name": "raspberry-pi-4", "count": 6, "presence": presence, "dropout": {"model exchange": 0.2}}]
    outages = {"between": "6 s", "duration": "500 ms"}
    world = {"devices": devices, "server": {"name": "rtx-4090", "outages": outages}}
    small = scenario(tmp_path, ["fl", "v1", "in-turn"], world=world, training={"rounds": 6, "clients_per_round": 4})
    for outcome in trials(small):
        check(outcome)


def played(folder: Path, label: str, slots: int = 6, **faster: dict[str, Any]) -> TrialResult:
    """Return a dry trial in which two groups of three devices take part in all rounds.

    Args:
        folder: the folder for its file.
        label: the label of its entry.
        slots: the slots of the server.
        faster: by the name of a group, or "server", keys that are other than usual.
    """
    groups = {
        "nano": {"name": "jetson-nano", "rate": {"fp32": "2 GFLOP/s"}, "uplink": "lte"},
        "pi": {"name": "raspberry-pi-4", "rate": {"fp32": "1 GFLOP/s"}, "uplink": "lte"},
    }
    devices = [{**keys, "count": 3, **faster.get(name, {})} for name, keys in groups.items()]
    server = {"name": "rtx-4090", "slots": slots, "rate": {"fp32": "5 GFLOP/s"}, **faster.get("server", {})}
    world = {"devices": devices, "server": server}
    partition = {"name": "digits", "partition": {"name": "iid"}}
    small = scenario(folder, [label], world=world, data=partition, training={"clients_per_round": 6})
    return run(small, small.algorithms[0], 0, dry=True)


def on_the_path(outcome: TrialResult, *kinds: tuple[str, str]) -> float:
    """Return the seconds on all paths of these activities and sides."""
    return sum(s for part, s in path_shares(outcome.critical_paths).items() if part[:2] in kinds)


@pytest.mark.parametrize("label", ["fl", "v1"])
def test_devices_that_are_not_on_the_path_may_be_as_fast_as_they_like(tmp_path: Path, label: str) -> None:
    before = played(tmp_path, label)
    assert {part.group for part in path_shares(before.critical_paths)} == {"raspberry-pi-4", "none"}
    after = played(tmp_path, label, nano={"rate": {"fp32": FAST}})
    assert [row.seconds for row in after.ledger.rounds] == pytest.approx([row.seconds for row in before.ledger.rounds])


@pytest.mark.parametrize(
    ("label", "slots"),
    [("v1", 1), ("v1", 6), *(pytest.param(label, 1, marks=pytest.mark.slow) for label in ("v2-exclusive", "in-turn"))],
)
def test_what_is_sped_up_saves_no_more_than_its_part_of_the_path(tmp_path: Path, label: str, slots: int) -> None:
    """The rest of the path is still a chain: a lower bound on its part is what is saved without it."""
    before = played(tmp_path, label, slots)
    fast = {"rate": {"fp32": FAST}}
    parts: list[tuple[dict[str, Any], tuple[tuple[str, str], ...]]] = [
        ({"pi": fast, "nano": fast}, (("compute", "device"), ("queue", "device"))),
        ({"server": fast}, (("compute", "server"), ("queue", "server"))),
    ]
    for faster, kinds in parts:
        after = played(tmp_path, label, slots, **faster)
        saved = sum(row.seconds for row in before.ledger.rounds) - sum(row.seconds for row in after.ledger.rounds)
        assert saved > 0
        assert on_the_path(before, *kinds) >= saved * (1 - 1e-9)

"""What is said of slots, GPUs and batching at the server, against what they change in dry runs."""

from __future__ import annotations

import pytest

from simulator.experiments.trial.memory_check import dry_run_that_fits
from simulator.experiments.trial.trial import run
from simulator.experiments.trial.validate import server_notices
from simulator.scenario.scenario import Scenario, load
from tests.helpers.places import ROOT

EVERY = ROOT / "tests" / "recorded" / "every_algorithm.yaml"
SLOW = "world.server.rate={fp32: 100 MFLOP/s}"
ONE_ROUND = ("training.rounds=1", "evaluation.clients=1")


def scenario(*overrides: str) -> Scenario:
    return load(EVERY, [SLOW, *ONE_ROUND, *overrides])


def last(scenario: Scenario) -> dict[str, tuple[float, float]]:
    """Return for each entry when its trial ends, and for how many seconds its server was busy."""
    ends = {}
    for entry in scenario.algorithms:
        result = run(scenario, entry, 0, dry=True)
        ends[entry.label] = (
            result.rounds[-1].sim_time_s,
            sum(row.seconds for row in result.ledger.works if row.site == "server"),
        )
    return ends


@pytest.mark.parametrize("more", ["slots", pytest.param("gpus", marks=pytest.mark.slow)])
def test_it_is_said_of_exactly_those_algorithms_that_cannot_use_more(more: str) -> None:
    """Those whose server is busy for a tenth of the time or more, and that take as long with eight slots."""
    one, many = (scenario("world.server.slots=1", f"world.server.{more}={count}") for count in (1, 8))
    before, after = last(one), last(many)
    unchanged = {label for label, (end, busy) in before.items() if busy > end / 10 and after[label][0] == end}
    assert {notice.split(" nothing for ")[1].split(", because ")[0] for notice in server_notices(many)} == unchanged
    assert {"SplitLoRA", "SFL V2 labels sent"} < unchanged
    assert not list(server_notices(one))


def test_a_frozen_body_is_shared_by_all_slots() -> None:
    linear = scenario("world.server.slots=8", "training.train=linear")
    assert not any("SFL V2 exclusive" in notice for notice in server_notices(linear))


def test_batching_without_a_table_is_said_to_gain_nothing() -> None:
    batching = "world.server.batching={most: 4}"
    none = list(server_notices(scenario("world.server.slots=1", batching)))
    assert len(none) == 1
    assert "rtx-4090" in none[0]
    assert "nothing is gained" in none[0]
    table = "world.server.batch_efficiency=[[1, 0.5], [8, 1]]"
    assert not list(server_notices(scenario("world.server.slots=1", batching, table)))


def test_it_is_said_of_whose_works_shared_no_pass() -> None:
    """A body that is trained has no works to share; a frozen one does, as soon as two wait."""
    batched = scenario("world.server.slots=1", "world.server.batching={most: 4}", "training.train=linear")
    said: dict[str, list[str]] = {}
    for entry in batched.algorithms:
        if entry.label in ("SFL V1", "SplitLoRA"):
            dry_run_that_fits(batched, entry, 0, tell=said.setdefault(entry.label, []).append)
    assert not any("shared a pass" in line for line in said["SFL V1"])
    assert any(line.startswith("No works of SplitLoRA shared a pass") for line in said["SplitLoRA"])

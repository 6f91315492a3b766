"""Trials: comparisons are paired, digits are repeatable, and a dry run charges what a real run charges."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from analysis.goal import Target
from simulator.experiments.run.tables import breakdown_frame, rounds_frame, summarise
from simulator.experiments.trial import build, simulate
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import run
from simulator.learning.data.shards import Shard
from simulator.settings.seeds import Seeds
from tests.helpers.grids import grid
from tests.helpers.small_trials import ENTRIES, LEARNED, PERSONAL, outcomes, scenario

pytestmark = pytest.mark.usefixtures("small_model")

NOTHING: dict[str, set[str]] = {
    "alone": {"bytes_up"},
    "centralized": {"bytes_down", "client_flops", "peak_client_memory_bytes"},
}
"""What some algorithms do not use at all."""


ALIKE = (
    *("fl-linear", "fl-bias", "v1-linear", "v1-linear-sent", "v1-prompt", "v1-cut", "v2-linear", "v2-exclusive"),
    *("sfp-all", "prox", "momentum", "yogi", "flexp-movement", "psl", "sfpl-linear"),
)
"""Entries that do nothing that no other one does."""
OTHERS = tuple(label for label in ENTRIES if label not in ALIKE)
DryAndReal = Callable[[str], tuple[TrialResult, TrialResult]]


@pytest.fixture(scope="module")
def dry_and_real(small_model: None, tmp_path_factory: pytest.TempPathFactory) -> DryAndReal:
    """Of many entries at once, for tracing takes longer than most trials."""

    @cache
    def all_of(labels: tuple[str, ...]) -> tuple[dict[str, TrialResult], ...]:
        small = scenario(tmp_path_factory.mktemp("dry"), list(labels))
        return outcomes(small, dry=True), outcomes(small, dry=False)

    def find(label: str) -> tuple[TrialResult, TrialResult]:
        dry, real = all_of(ALIKE if label in ALIKE else OTHERS)
        return dry[label], real[label]

    return find


@pytest.mark.parametrize("label", grid(ENTRIES, often=lambda label: label not in ALIKE))
def test_dry_is_real(label: str, dry_and_real: DryAndReal) -> None:
    """The whole ledger, and every figure of the world."""
    dry, real = dry_and_real(label)
    for name, table in dry.ledger.tables().items():
        assert list(table) == list(real.ledger.tables()[name]), name
    assert len(real.ledger.works) > 0
    summaries = [summarise(outcome, Target(0.0)) for outcome in (dry, real)]
    for key in LEARNED:
        values = [summary.pop(key) for summary in summaries]
        assert key == "wall_time_s" or (values[0] is None and values[1] is not None)
    assert summaries[0] == summaries[1]
    zeros = {key for key, value in summaries[0].items() if not value}
    may_be = {"seed", "bytes_provisioning", "server_flops", "devices_too_small", "cuts", "not_looked_at", "standstill"}
    may_be |= {key for key in summaries[0] if key.startswith("wasted")} | {"lost_updates", "unfinished_updates"}
    may_be |= {"empty_rounds", "mean_staleness", "server_utilisation", "server_wait_s", "server_queue_length"}
    may_be |= {"bytes_edge_up", "bytes_edge_down", "cost_usd", "carbon_kg"}
    assert zeros <= may_be | NOTHING.get(label, set())
    frames = [rounds_frame(outcome).drop(columns=["accuracy", "loss", *PERSONAL]) for outcome in (dry, real)]
    assert frames[0].equals(frames[1])
    assert breakdown_frame(dry).equals(breakdown_frame(real))


@pytest.mark.parametrize(
    ("label", "changes"),
    [
        ("fl-linear", {"world": {"provisioning": "preinstalled"}}),
        ("v2", {"model": {"attention": "math"}}),
        ("sfp", {"data": {"partition": {"name": "dirichlet", "alpha": 1.0, "min_samples": 1}}}),
    ],
)
def test_dry_is_real_in_other_worlds(label: str, changes: dict[str, Any], tmp_path: Path) -> None:
    small = scenario(tmp_path, [label], **changes)
    dry, real = (outcomes(small, dry) for dry in (True, False))
    assert dry[label].ledger == real[label].ledger
    assert dry[label].peak_client_memory_bytes == real[label].peak_client_memory_bytes
    assert dry[label].peak_server_memory_bytes == real[label].peak_server_memory_bytes


def test_attention_that_writes_its_scores_down_takes_more_memory_and_more_time(tmp_path: Path) -> None:
    math, fused = (
        outcomes(scenario(tmp_path, ["fl"], model={"attention": kind}), dry=True)["fl"] for kind in ("math", "fused")
    )
    assert sum(row.bytes_touched for row in math.ledger.works) > sum(row.bytes_touched for row in fused.ledger.works)
    assert math.rounds[-1].sim_time_s > fused.rounds[-1].sim_time_s
    assert [row.flops for row in math.ledger.works] == [row.flops for row in fused.ledger.works]
    assert math.peak_client_memory_bytes > fused.peak_client_memory_bytes


class Recorded:
    """What each trial started from: shards, weights."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shards: list[list[list[int]]] = []
        self.weights: list[dict[str, torch.Tensor]] = []
        people, task = build.populate, build.make_task

        def watch_people(*args: Any) -> Any:
            value = people(*args)
            world = next(arg for arg in args if hasattr(arg, "clients") and hasattr(arg, "ledger"))
            self.shards.append([client.data.index.tolist() for client in world.clients])
            assert all(isinstance(client.data, Shard) for client in world.clients)
            return value

        def watch_task(*args: Any) -> Any:
            value = task(*args)
            self.weights.append({name: tensor.clone() for name, tensor in value.backbone.items()})
            return value

        monkeypatch.setattr(simulate, "populate", watch_people)
        monkeypatch.setattr(simulate, "make_task", watch_task)


def test_all_algorithms_start_from_the_same_shards_cohorts_and_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(monkeypatch)
    labels = ["fl-linear", "v1", "v2-exclusive", "sfp"]
    partition = {"partition": {"name": "dirichlet", "alpha": 1.0, "min_samples": 1}}
    small = scenario(tmp_path, labels, data=partition, training={"rounds": 3})
    found = outcomes(small, dry=False)
    assert all(shards == recorded.shards[0] for shards in recorded.shards)
    assert sorted(index for shard in recorded.shards[0] for index in shard) == list(range(1400))
    cohorts = [sorted((row.round, row.client) for row in found[label].ledger.engagements) for label in labels]
    assert all(cohort == cohorts[0] for cohort in cohorts)
    assert len({client for _, client in cohorts[0]}) > 2
    for weights in recorded.weights:
        assert all(torch.equal(recorded.weights[0][name], weights[name]) for name in recorded.weights[0])
    at_start = [found[label].rounds[0].score for label in labels if label != "sfp"]
    assert len(set(at_start)) == 1


def test_the_same_seed_gives_the_same_digits_and_another_does_not(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["sfp"])
    one, two, other = (outcomes(small, dry=False, seed=seed) for seed in (0, 0, 1))
    for label in one:
        assert one[label].rounds == two[label].rounds
        assert one[label].ledger == two[label].ledger
        scores = [[point.score for point in outcome[label].rounds] for outcome in (one, other)]
        assert scores[0] != scores[1]
        assert {row.client for row in one[label].ledger.engagements} != {
            row.client for row in other[label].ledger.engagements
        }


def test_what_runs_beside_changes_no_digit(tmp_path: Path) -> None:
    """A trial is the same alone as after others: nothing is drawn from a stream that all share."""
    alone = outcomes(scenario(tmp_path, ["sfp"]), dry=False)["sfp"]
    torch.manual_seed(123)
    after = outcomes(scenario(tmp_path, ["v2", "sfp"]), dry=False)["sfp"]
    assert alone.rounds == after.rounds
    assert alone.ledger == after.ledger


def test_evaluation_every_so_often_and_at_the_end(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl-linear"], training={"rounds": 5}, evaluation={"every": 2, "samples": 10})
    points = outcomes(small, dry=False)["fl-linear"].rounds
    assert [point.round for point in points] == [0, 1, 2, 3, 4, 5]
    assert [point.score is not None for point in points] == [True, False, True, False, True, True]


def test_evaluation_is_off_the_clock(tmp_path: Path) -> None:
    often, rarely = (
        outcomes(scenario(tmp_path, ["fl-linear"], evaluation=evaluation), dry=False)["fl-linear"]
        for evaluation in ({"every": 1, "samples": 40}, {"every": 9, "samples": 1})
    )
    assert often.ledger == rarely.ledger


def test_progress_is_told_after_each_round(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl-linear"])
    told: list[int] = []
    run(small, small.algorithms[0], 0, dry=True, progress=lambda point: told.append(point.round))
    assert told == [0, 1, 2]


def test_threads_are_those_of_the_scenario(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl-linear"], threads=2)
    run(small, small.algorithms[0], 0, dry=True)
    assert torch.get_num_threads() == 2


def test_the_test_subset_is_the_same_for_all_seeds(tmp_path: Path) -> None:
    """And it is drawn: the first samples of a file may be all of one kind."""
    small = scenario(tmp_path, ["fl"])
    tasks = [build.make_task(small, small.algorithms[0], Seeds(seed), dry=False) for seed in (0, 1)]
    one, other = (task.samples.tolist() for task in tasks)
    assert one == other
    assert len(set(one)) == 20
    assert one != list(range(20))
    assert any(not torch.equal(tasks[0].backbone[name], tasks[1].backbone[name]) for name in tasks[0].backbone)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU on this machine")
def test_a_gpu_changes_no_figure_of_the_world(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl", "v2", "sfp"], torch_device="cuda")
    dry, real = (outcomes(small, dry) for dry in (True, False))
    assert all(dry[label].ledger == real[label].ledger for label in dry)

"""What a run leaves about its server's queue and the critical paths of its rounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from simulator.experiments.run.tables import write
from simulator.experiments.trial.trial import run
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")
QUEUES = (
    "algorithm,label,seed,site,gpu,utilisation,works,mean_wait_s,p95_wait_s,max_wait_s,"
    "mean_queue,max_queue,passes,works_per_pass"
)
WAITS = "algorithm,label,seed,site,group,phase,works,mean_wait_s,p95_wait_s,max_wait_s,total_wait_s"
PATHS = "algorithm,label,seed,round,side,activity,phase,group,seconds,share"


@pytest.fixture(scope="module")
def folder(small_model: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two algorithms and two seeds, in which six devices at once ask for a slow server's only slot."""
    place = tmp_path_factory.mktemp("run")
    devices = [{"name": "raspberry-pi-4", "count": 6}, {"name": "jetson-nano", "count": 2, "uplink": "lte"}]
    world = {"devices": devices, "server": {"name": "rtx-4090", "slots": 1, "rate": {"fp32": "1 GFLOP/s"}}}
    small = scenario(place, ["fl", "v1"], seeds=[0, 3], world=world, training={"clients_per_round": 6})
    outcomes = [run(small, entry, seed, dry=True) for entry in small.algorithms for seed in small.seeds]
    (place / "run").mkdir()
    write(place / "run", small, outcomes, dry=True, device="meta")
    return place / "run"


def trials(folder: Path) -> list[tuple[str, int, dict[str, Any]]]:
    found = json.loads((folder / "summary.json").read_text())["trials"]
    return [(trial["label"], trial["seed"], trial) for trial in found]


def table(folder: Path, name: str, label: str, seed: int) -> pd.DataFrame:
    rows = pd.read_csv(folder / f"{name}.csv")
    return rows[(rows["label"] == label) & (rows["seed"] == seed)]


def ledger(folder: Path, name: str, label: str, seed: int) -> pd.DataFrame:
    return pd.read_parquet(folder / "ledger" / f"{label}-{seed}" / f"{name}.parquet")


def test_the_columns(folder: Path) -> None:
    for name, columns in {"queues": QUEUES, "waits": WAITS, "critical_path": PATHS}.items():
        assert (folder / f"{name}.csv").read_text().splitlines()[0] == columns


def test_the_queue_is_that_of_the_ledger(folder: Path) -> None:
    for label, seed, trial in trials(folder):
        works = ledger(folder, "works", label, seed)
        served = works[works["site"] == "server"]
        waits, makespan = served["start"] - served["asked"], trial["sim_time_s"]
        site, gpu = table(folder, "queues", label, seed).to_dict("records")
        assert (site["gpu"], gpu["gpu"]) == ("all", "0")
        assert site["utilisation"] == gpu["utilisation"] == pytest.approx(served["seconds"].sum() / makespan)
        assert site["works"] == gpu["works"] == site["passes"] == len(served)
        assert site["mean_wait_s"] == pytest.approx(waits.mean())
        assert site["max_wait_s"] == pytest.approx(waits.max())
        assert site["mean_queue"] == pytest.approx(waits.sum() / makespan)
        summed = [trial[key] for key in ("server_utilisation", "server_wait_s", "server_queue_length")]
        wanted = [site["utilisation"], site["mean_wait_s"], site["mean_queue"]]
        assert summed == pytest.approx(wanted, rel=1e-14, abs=0)  # pandas before 3.1 reads inexactly
        if label == "v1":
            assert site["max_queue"] > 1


def test_the_waits_of_groups_and_phases_add_up_to_those_of_the_site(folder: Path) -> None:
    for label, seed, trial in trials(folder):
        rows, site = table(folder, "waits", label, seed), table(folder, "queues", label, seed).iloc[0]
        assert rows["works"].sum() == site["works"]
        assert rows["total_wait_s"].sum() == pytest.approx(site["mean_queue"] * trial["sim_time_s"])
        assert set(rows["phase"]) >= {"aggregation"}


def test_the_parts_of_critical_paths_add_up_to_the_rounds(folder: Path) -> None:
    for label, seed, _ in trials(folder):
        rows, rounds = table(folder, "critical_path", label, seed), ledger(folder, "rounds", label, seed)
        sums = rows.groupby("round")["seconds"].sum()
        assert sums["all"] == pytest.approx(rounds["seconds"].sum())
        assert [sums[str(number)] for number in rounds["round"]] == pytest.approx(rounds["seconds"].tolist())
        assert rows.groupby("round")["share"].sum().tolist() == pytest.approx([1.0] * len(sums))


def test_the_segments_go_with_the_ledger(folder: Path) -> None:
    for label, seed, _ in trials(folder):
        segments, rounds = (ledger(folder, name, label, seed) for name in ("critical_path", "rounds"))
        assert segments.groupby("round")["start"].min().tolist() == pytest.approx(rounds["start"].tolist())
        assert segments.groupby("round")["seconds"].sum().tolist() == pytest.approx(rounds["seconds"].tolist())

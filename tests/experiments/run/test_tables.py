"""What a run leaves in its folder: names, columns, sums."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyarrow import parquet
from rich.console import Console

from analysis import report
from analysis.goal import Target
from simulator.experiments.run.run import run_scenario
from simulator.experiments.run.tables import summarise
from simulator.experiments.trial import trial
from simulator.experiments.trial.model import torch_device
from simulator.learning.optimizers.sgd import Sgd
from simulator.scenario.scenario import load
from tests.helpers.small_trials import scenario

pytestmark = pytest.mark.usefixtures("small_model")

SUMMARY = [
    "algorithm",
    "label",
    "seed",
    "rounds",
    "final_accuracy",
    "best_accuracy",
    "final_loss",
    "sim_time_s",
    "time_to_target_s",
    "bytes_up",
    "bytes_down",
    "bytes_provisioning",
    "bytes_edge_up",
    "bytes_edge_down",
    "client_flops",
    "server_flops",
    "client_energy_j",
    "client_active_energy_j",
    "server_energy_j",
    "peak_client_memory_bytes",
    "peak_server_memory_bytes",
    "devices_too_small",
    "cuts",
    "trainable_parameters",
    "wall_time_s",
    "personal_accuracy",
    "personal_accuracy_worst_decile",
    "standstill",
    "not_looked_at",
    "updates",
    "lost_updates",
    "unfinished_updates",
    "empty_rounds",
    "mean_staleness",
    "energy_per_update_j",
    "wasted_device_seconds",
    "wasted_bytes",
    "wasted_flops",
    "wasted_energy_j",
    "server_utilisation",
    "server_wait_s",
    "server_queue_length",
    "cost_usd",
    "carbon_kg",
    "personal_accuracy_participants",
    "personal_accuracy_participants_worst_decile",
    "personal_models",
    "cost_to_target_usd",
    "carbon_to_target_kg",
    "perplexity",
    "settled_accuracy",
    "time_to_target_held_s",
    "evaluated_samples",
    "first_rounds",
    "first_round_s",
    "later_round_s",
    "first_round_bytes",
    "later_round_bytes",
]
ROUNDS = (
    "algorithm,label,seed,round,sim_time_s,accuracy,loss,bytes_up,bytes_down,client_flops,server_flops,"
    "client_energy_j,server_energy_j,personal_accuracy,personal_accuracy_worst_decile,"
    "personal_accuracy_participants,personal_accuracy_participants_worst_decile,updates"
)
WORKS = "site,client,work,phase,round,asked,start,seconds,flops,bytes_touched,attempt,lost,reason,gpu,share,batch,aside"
TRANSFERS = "source,target,client,kind,phase,round,start,seconds,bytes,lost,latency,attempt,reason"
FIGURES = ("accuracy_vs_time", "accuracy_vs_bytes", "accuracy_vs_energy", "where_it_goes", "round_timeline")
LABELS = ["fl-linear", "v2", "sfp"]


@pytest.fixture(scope="module", params=[False, True], ids=["real", "dry"])
def left(
    request: pytest.FixtureRequest,
    small_model: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, bool]:
    """A run folder of three algorithms and two seeds."""
    place = tmp_path_factory.mktemp("run")
    small = scenario(place, LABELS, seeds=[0, 3], target_accuracy=0.0)
    if not request.param:
        with pytest.MonkeyPatch.context() as patch:  # with the page as it is for a user
            patch.setattr("analysis.write_report", report.write_report)
            return run_scenario(small, out=place / "out"), False
    with pytest.MonkeyPatch.context() as patch:  # pictures take longer than the run, and are the same files
        patch.setattr("analysis.write_report", lambda folder: None)
        return run_scenario(small, out=place / "out", dry=True), True


def trials(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "summary.json").read_text())["trials"]


def test_the_names_of_everything(left: tuple[Path, bool]) -> None:
    folder, dry = left
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    ledgers = {f"ledger/{label}-{seed}/{name}.parquet" for label in LABELS for seed in (0, 3) for name in TABLES}
    files = {"summary.json", "rounds.csv", "breakdown.csv", "scenario.yaml", "environment.json"}
    files |= {"queues.csv", "waits.csv", "critical_path.csv"}
    pictures = set() if dry else {"report.html", *(f"figures/{name}.png" for name in FIGURES)}
    assert files | ledgers | pictures <= names
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []
    assert oct(folder.stat().st_mode & 0o777) == "0o755"


TABLES = ("works", "transfers", "attempts", "engagements", "absences", "rounds", "critical_path")


def test_summary(left: tuple[Path, bool]) -> None:
    folder, dry = left
    whole = json.loads((folder / "summary.json").read_text())
    assert list(whole) == ["scenario", "version", "dry", "task", "trials"]
    assert (whole["scenario"], whole["dry"], whole["task"]) == ("small", dry, "classification")
    assert [(one["label"], one["seed"]) for one in whole["trials"]] == [
        (label, seed) for label in LABELS for seed in (0, 3)
    ]
    for one in whole["trials"]:
        assert list(one) == SUMMARY
        learned = [one[key] for key in ("final_accuracy", "best_accuracy", "final_loss", "time_to_target_s")]
        learned += [one[key] for key in ("settled_accuracy", "time_to_target_held_s", "evaluated_samples")]
        assert [value is None for value in learned] == [dry] * 7
        assert one["rounds"] == 2
        if not dry:
            assert 0 <= one["final_accuracy"] <= one["best_accuracy"] <= 1
            assert one["time_to_target_s"] == one["time_to_target_held_s"] == 0, "round 0 is there already"
            assert one["evaluated_samples"] == 20
        assert one["client_active_energy_j"] <= one["client_energy_j"]
        assert one["bytes_provisioning"] < one["bytes_down"]


def test_rounds(left: tuple[Path, bool]) -> None:
    folder, dry = left
    assert (folder / "rounds.csv").read_text().splitlines()[0] == ROUNDS
    rounds = pd.read_csv(folder / "rounds.csv")
    totals = ROUNDS.split(",")[7:13]
    for one in trials(folder):
        rows = rounds[(rounds["label"] == one["label"]) & (rounds["seed"] == one["seed"])]
        assert rows["round"].tolist() == [0, 1, 2]
        first, last = rows.iloc[0], rows.iloc[-1]
        assert (first[totals] == 0).all()
        assert first["sim_time_s"] == 0
        assert (rows[["sim_time_s", *totals]].diff().iloc[1:] >= 0).all(axis=None)
        for key in (*totals, "sim_time_s", "updates"):
            assert last[key] == pytest.approx(one[key], rel=1e-9)
        assert rows["accuracy"].isna().all() == dry
        if not dry:
            assert last["accuracy"] == pytest.approx(one["final_accuracy"])
            assert last["loss"] == pytest.approx(one["final_loss"])


def test_breakdown_adds_up_to_the_summary(left: tuple[Path, bool]) -> None:
    folder, _ = left
    parts = pd.read_csv(folder / "breakdown.csv")
    for one in trials(folder):
        rows = parts[(parts["label"] == one["label"]) & (parts["seed"] == one["seed"])]
        client, server = rows[rows["side"] == "client"], rows[rows["side"] == "server"]
        assert client[client["activity"] == "upload"]["bytes"].sum() == one["bytes_up"]
        assert client[client["activity"] == "download"]["bytes"].sum() == one["bytes_down"]
        provisioned = client[(client["phase"] == "provisioning") & (client["activity"] == "download")]
        assert provisioned["bytes"].sum() == one["bytes_provisioning"]
        assert client["flops"].sum() == one["client_flops"]
        assert server["flops"].sum() == one["server_flops"]
        assert client["energy_j"].sum() == pytest.approx(one["client_energy_j"], rel=1e-9)
        assert server["energy_j"].sum() == pytest.approx(one["server_energy_j"], rel=1e-9)


def test_ledger_files_add_up_to_the_summary(left: tuple[Path, bool]) -> None:
    folder, _ = left
    for one in trials(folder):
        place = folder / "ledger" / f"{one['label']}-{one['seed']}"
        works, transfers = (parquet.read_table(place / f"{name}.parquet") for name in ("works", "transfers"))
        assert works.column_names == WORKS.split(",")
        assert transfers.column_names == TRANSFERS.split(",")
        used, sent = works.to_pandas(), transfers.to_pandas()
        assert sent[sent["target"] == "server"]["bytes"].sum() == one["bytes_up"]
        assert sent[sent["source"] == "server"]["bytes"].sum() == one["bytes_down"]
        assert used[used["site"] != "server"]["flops"].sum() == one["client_flops"]
        assert used[used["site"] == "server"]["flops"].sum() == one["server_flops"]
        assert (used["start"] >= used["asked"]).all()
        last = parquet.read_table(place / "rounds.parquet").to_pandas().iloc[-1]
        assert last["start"] + last["seconds"] == pytest.approx(one["sim_time_s"])


def test_every_ledger_has_the_sites_by_which_energy_was_counted(left: tuple[Path, bool]) -> None:
    """Idle watts of all who took part, and what each state draws beyond, make the joules of the summary."""
    folder, _ = left
    world = load(folder / "scenario.yaml").world
    for one in trials(folder):
        place = folder / "ledger" / f"{one['label']}-{one['seed']}"
        sites = parquet.read_table(place / "sites.parquet").to_pandas()
        assert ",".join(sites.columns) == "name,group,role,slots,memory,idle_w,compute_w,upload_w,download_w,gpus,above"
        (server,), devices = (sites[sites["role"] == role].to_dict("records") for role in ("server", "device"))
        assert (server["name"], server["group"], server["slots"]) == ("server", world.server.name, world.server.slots)
        assert server["memory"] == world.server.memory
        assert [device["group"] for device in devices] == [x.name for x in world.devices for _ in range(x.count)]
        assert [device["name"].rpartition("-")[0] for device in devices] == [device["group"] for device in devices]
        watts = sites.set_index("name")
        works, turns = (parquet.read_table(place / f"{name}.parquet").to_pandas() for name in ("works", "engagements"))
        computed = works.groupby("site")["seconds"].sum()
        idle = watts["idle_w"][turns["client"]].to_numpy() @ turns["seconds"]
        above = ((watts["compute_w"] - watts["idle_w"]) * computed).drop("server").sum()
        breakdown = pd.read_csv(folder / "breakdown.csv")
        mine = breakdown[(breakdown["label"] == one["label"]) & (breakdown["seed"] == one["seed"])]
        joules = mine[mine["side"] == "client"].groupby("activity")["energy_j"].sum()
        assert joules["idle"] == pytest.approx(idle, rel=1e-9)
        assert joules["compute"] == pytest.approx(above, rel=1e-9)


def test_the_resolved_scenario_is_a_scenario_that_is_equal(left: tuple[Path, bool]) -> None:
    folder, _ = left
    original, resolved = load(folder.parent / "small.yaml"), load(folder / "scenario.yaml")
    assert resolved == original


def test_environment(left: tuple[Path, bool]) -> None:
    folder, dry = left
    found = json.loads((folder / "environment.json").read_text())
    assert found["threads"] == 1
    assert found["torch_device"] == ("meta" if dry else torch_device(load(folder / "scenario.yaml"), False))
    assert {"torch", "timm", "simpy", "numpy"} <= set(found["packages"])


def test_the_report_needs_nothing_else(left: tuple[Path, bool]) -> None:
    folder, dry = left
    if dry:
        return
    text = (folder / "report.html").read_text()
    assert "default-src 'none'" in text  # a browser fetches nothing for it
    assert 'src="figures' not in text
    assert all(label in text for label in LABELS)


def test_time_to_target_is_the_clock_of_the_first_evaluation_there(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl"], training={"rounds": 3})
    outcome = trial.run(small, small.algorithms[0], 0)
    scores = [point.score.accuracy for point in outcome.rounds if point.score]
    target = max(scores)
    first = scores.index(target)
    assert summarise(outcome, Target(target))["time_to_target_s"] == outcome.rounds[first].sim_time_s
    assert summarise(outcome, Target(1.0))["time_to_target_s"] is None
    assert summarise(outcome, None)["time_to_target_s"] is None


def test_a_diverged_trial_has_no_loss_and_no_lucky_accuracy(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl-linear"])
    entry = small.algorithms[0]
    training = entry.training.model_copy(update={"optimizer": Sgd.model_construct(learning_rate=3e38)})
    figures = summarise(trial.run(small, entry.model_copy(update={"training": training}), 0), None)
    assert figures["final_loss"] is None
    assert figures["final_accuracy"] == 0
    json.dumps(figures, allow_nan=False)


def test_no_line_that_is_piped_ends_with_blanks(tmp_path: Path) -> None:
    said = StringIO()
    run_scenario(scenario(tmp_path, ["fl"]), dry=True, out=tmp_path / "out", console=Console(file=said, width=120))
    lines = said.getvalue().splitlines()
    assert any("wasted" in line or "accuracy" in line for line in lines)
    assert not [line for line in lines if line != line.rstrip()]

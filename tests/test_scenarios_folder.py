"""Every scenario that we ship is valid, and runs dry; the quickstart, made small, shows what can be known by hand."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from simulator.experiments.run.run import run_scenario
from simulator.experiments.trial.validate import check
from simulator.scenario.scenario import Scenario, load
from tests.helpers.places import SCENARIOS

FOLDER = SCENARIOS
FILES = sorted(FOLDER.glob("*.yaml"))
_SMALL = ["data={name: synthetic, samples: 1000, test_samples: 500, classes: 10, partition: {name: iid}}"]
_TOKENS = ["data={name: synthetic_text, samples: 1000, test_samples: 400, classes: 2, partition: {name: iid}}"]
WITHOUT_DOWNLOAD = {
    "cifar10": ["data={name: synthetic, samples: 50000, test_samples: 10000, classes: 10, partition: {name: iid}}"],
    "claims-accuracy": _SMALL,
    "label-skew": _SMALL,
    "smollm2": [*_TOKENS, "data.task=next_token", "data.samples=64"],
    "sst2": _TOKENS,
}
"""Data of the same shape, where a scenario would download some."""


def test_there_is_a_quickstart() -> None:
    assert "quickstart.yaml" in [file.name for file in FILES]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_scenario_is_valid_and_named_as_its_file(file: Path) -> None:
    scenario = load(file, WITHOUT_DOWNLOAD.get(file.stem, []))
    check(scenario)
    assert scenario.name == file.stem
    assert file.read_text().startswith("# "), "its first line says which question it answers"


def leave_out_pictures(patch: pytest.MonkeyPatch) -> None:
    """They take longer than the run."""
    patch.setattr("analysis.write_report", lambda folder: None)


@pytest.fixture
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out_pictures(monkeypatch)


@pytest.mark.usefixtures("_no_pictures")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_scenario_runs_dry(file: Path, tmp_path: Path) -> None:
    short = ["training.budget.seconds=20 s"] if "budget: {seconds" in file.read_text() else []
    scenario = load(file, ["training.rounds=2", "seeds=[0]", *short, *WITHOUT_DOWNLOAD.get(file.stem, [])])
    folder = run_scenario(scenario, dry=True, out=tmp_path / "out")
    trials = json.loads((folder / "summary.json").read_text())["trials"]
    assert [trial["label"] for trial in trials] == [entry.label for entry in scenario.algorithms]
    for trial in trials:
        assert trial["final_accuracy"] is None
        assert trial["sim_time_s"] > 0
        assert trial["client_energy_j"] >= trial["client_active_energy_j"] > 0


SCALE = sorted((FOLDER / "scale").glob("*.yaml"))


@pytest.mark.usefixtures("_no_pictures")
@pytest.mark.parametrize("file", SCALE, ids=lambda file: file.stem)
def test_a_scenario_of_very_many_devices_runs_dry_with_few_of_each_group(file: Path, tmp_path: Path) -> None:
    whole = load(file)
    few = [f"world.devices.{index}.count=4" for index in range(len(whole.world.devices))]
    cohort = f"training.clients_per_round={4 * len(few)}"
    rounds = ["training.rounds=3", "training.driver.buffer=2"] if file.stem == "fedbuff" else []
    folder = run_scenario(load(file, [*few, cohort, *rounds]), dry=True, out=tmp_path / "out")
    (trial,) = json.loads((folder / "summary.json").read_text())["trials"]
    assert whole.world.clients == whole.training.clients_per_round >= 10_000
    assert trial["sim_time_s"] > 0


SMALL = [
    "training.rounds=2",
    "evaluation.samples=40",
    "training.clients_per_round=2",
    "threads=1",
    "model.image_size=16",
    "world.devices.0.count=40",  # more devices: smaller shards
    "data.partition.alpha=10",
]
ROUNDS, COHORT = 2, 2


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scenario, Path]:
    scenario = load(FOLDER / "quickstart.yaml", SMALL)
    with pytest.MonkeyPatch.context() as patch:
        leave_out_pictures(patch)
        return scenario, run_scenario(scenario, out=tmp_path_factory.mktemp("quick") / "out")


def of(folder: Path) -> dict[str, dict[str, Any]]:
    return {trial["label"]: trial for trial in json.loads((folder / "summary.json").read_text())["trials"]}


DIM, TOKENS, BLOCKS, CLASSES = 128, 17, 6, 10
BLOCK = 12 * DIM**2 + 13 * DIM  # four linear maps with biases, two norms
EMBED = 3 * 4 * 4 * DIM + DIM + DIM + TOKENS * DIM
HEAD = 2 * DIM + DIM * CLASSES + CLASSES
WHOLE = EMBED + BLOCKS * BLOCK + HEAD


def split_samples(folder: Path, label: str, kind: str, per_sample: int) -> float:
    """How many samples crossed a cut, by the bytes of one kind."""
    from pyarrow import parquet

    sent = parquet.read_table(folder / "ledger" / f"{label}-0" / "transfers.parquet").to_pandas()
    return sent[sent["kind"] == kind]["bytes"].sum() / per_sample


def test_what_is_trained_and_sent_by_fl(quickstart: tuple[Scenario, Path]) -> None:
    trial = of(quickstart[1])["FL"]
    assert trial["trainable_parameters"] == WHOLE
    assert trial["bytes_up"] == trial["bytes_down"] == 4 * WHOLE * ROUNDS * COHORT
    assert trial["bytes_provisioning"] == 0


def test_what_is_trained_and_sent_by_sfl(quickstart: tuple[Scenario, Path]) -> None:
    _, folder = quickstart
    trial = of(folder)["SFL+FF"]
    assert trial["trainable_parameters"] == WHOLE
    samples = split_samples(folder, "SFL+FF", "smashed data", 4 * TOKENS * DIM)
    assert samples == int(samples) > 0
    models = 4 * (EMBED + 2 * BLOCK + HEAD) * ROUNDS * COHORT
    assert trial["bytes_up"] == trial["bytes_down"] == models + 2 * 4 * TOKENS * DIM * samples


def test_what_is_trained_and_sent_by_sfl_linear(quickstart: tuple[Scenario, Path]) -> None:
    _, folder = quickstart
    trial = of(folder)["SFL+Linear"]
    classifier = DIM * CLASSES + CLASSES
    assert trial["trainable_parameters"] == classifier
    samples = split_samples(folder, "SFL+Linear", "smashed data", 4 * TOKENS * DIM)
    assert samples == split_samples(folder, "SFL+FF", "smashed data", 4 * TOKENS * DIM), "the same cohorts and shards"
    assert trial["bytes_up"] == 4 * classifier * ROUNDS * COHORT + 4 * TOKENS * DIM * samples
    assert trial["bytes_down"] - trial["bytes_provisioning"] == trial["bytes_up"]
    frozen = 4 * (EMBED + 2 * BLOCK + 2 * DIM)
    assert trial["bytes_provisioning"] % frozen == 0
    assert COHORT <= trial["bytes_provisioning"] // frozen <= ROUNDS * COHORT


def test_what_is_trained_and_sent_by_sfprompt(quickstart: tuple[Scenario, Path]) -> None:
    scenario, folder = quickstart
    trial = of(folder)["SFPrompt"]
    algorithm = next(entry.algorithm for entry in scenario.algorithms if entry.label == "SFPrompt")
    prompts = algorithm.prompts.length
    trained = prompts * DIM + algorithm.tail * BLOCK + HEAD
    assert trial["trainable_parameters"] == trained
    cut = 4 * (TOKENS + prompts) * DIM
    samples = split_samples(folder, "SFPrompt", "smashed data", cut)
    assert trial["bytes_up"] == 4 * trained * ROUNDS * COHORT + 2 * cut * samples
    assert trial["bytes_down"] - trial["bytes_provisioning"] == trial["bytes_up"]
    everything = split_samples(folder, "SFL+FF", "smashed data", 4 * TOKENS * DIM)
    fraction = algorithm.keep_fraction
    assert fraction * everything - ROUNDS * COHORT < samples <= fraction * everything


def test_every_algorithm_moves_and_is_evaluated_after_each_round(quickstart: tuple[Scenario, Path]) -> None:
    rounds = pd.read_csv(quickstart[1] / "rounds.csv")
    assert rounds.groupby("label")["round"].apply(list).tolist() == [[0, 1, 2]] * 4
    assert (rounds.groupby("label")["loss"].nunique() == 3).all()
    assert (rounds["accuracy"] * 40 % 1).abs().max() < 1e-9, "of 40 samples"


def test_the_server_does_nothing_but_average_in_fl(quickstart: tuple[Scenario, Path]) -> None:
    trials = of(quickstart[1])
    assert trials["FL"]["server_flops"] == 0
    assert trials["SFL+FF"]["client_flops"] < trials["FL"]["client_flops"]
    assert trials["SFL+FF"]["client_flops"] + trials["SFL+FF"]["server_flops"] == trials["FL"]["client_flops"]

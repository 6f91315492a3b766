"""Weights & Biases, offline: the file that `wandb sync` would upload has what the folder has."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.trackers import is_installed, track
from analysis.trackers.study import study_of

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of the packages that W&B uses
    pytest.mark.skipif(not is_installed("wandb"), reason="the extra wandb is not installed"),
]
BLOCK, HEADER = 32768, 7
"""Bytes of a block and of the header of a record in a log of LevelDB, the format of the file."""


def chunks(data: bytes) -> Iterator[bytes]:
    """Yield the records of a log of LevelDB, behind its first header."""
    place, record = HEADER, b""
    while place + HEADER <= len(data):
        if BLOCK - place % BLOCK < HEADER:  # too little room for a header: the block is padded
            place += BLOCK - place % BLOCK
            continue
        _, size, kind = struct.unpack("<IHB", data[place : place + HEADER])
        record += data[place + HEADER : place + HEADER + size]
        place += HEADER + size
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""


def records(folder: Path, key: str) -> list[Any]:
    """Return the records of a run."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = folder.glob(f"wandb/offline-run-*-{key}/run-{key}.wandb")
    data = file.read_bytes()
    assert data[:4] == b":W&B"
    return [Record.FromString(chunk) for chunk in chunks(data)]


def history(found: list[Any]) -> list[dict[str, Any]]:
    """Return the rows that were logged."""
    rows = [record.history.item for record in found if record.WhichOneof("record_type") == "history"]
    return [{"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in row} for row in rows]


@pytest.fixture(scope="module")
def sent(run_folder: Path) -> Iterator[Path]:
    assert track(run_folder, "wandb") == f"W&B: wandb sync {run_folder / 'wandb'}/offline-run-*"
    yield run_folder
    import wandb

    wandb.teardown()  # ends its service, which else stays until this process ends


def test_curves_are_those_of_the_table(sent: Path) -> None:
    trial = study_of(sent).trials[3]
    rounds = pd.read_csv(sent / "rounds.csv").query("label == 'SFPrompt' and seed == 1")
    rows = history(records(sent, trial.key))
    across = {
        "rounds": rounds["round"],
        "time": rounds["sim_time_s"],
        "bytes": rounds["bytes_up"] + rounds["bytes_down"],
        "energy": rounds["client_energy_j"],
    }
    for over, places in across.items():
        assert [row[f"x/{over}"] for row in rows] == places.tolist()
        assert [row[f"accuracy/over {over}"] for row in rows] == rounds["accuracy"].tolist()
    assert [row["totals/bytes_up"] for row in rows] == rounds["bytes_up"].tolist()


def test_each_curve_runs_over_a_metric_of_its_own(sent: Path) -> None:
    found = [record.metric for record in records(sent, study_of(sent).trials[0].key) if record.HasField("metric")]
    steps = {metric.name: metric.step_metric for metric in found}
    assert steps["loss/over energy"] == "x/energy"
    assert steps["accuracy/over time"] == "x/time"


def test_a_trial_says_what_it_is(sent: Path) -> None:
    study = study_of(sent)
    found = records(sent, study.trials[0].key)
    (run,) = [record.run for record in found if record.HasField("run")][:1]
    assert (run.project, run.run_group, run.display_name) == ("tracked", "mine", "FL-0")
    assert sorted(run.tags) == ["run", "sfsim 0.1.0", "tracked"]
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["data"] == study.scenario["data"]
    assert config["settings"] == {"name": "fedavg", "label": "FL"}
    summary: dict[str, Any] = {}
    for record in found:
        if record.HasField("summary"):
            summary |= {item.key: json.loads(item.value_json) for item in record.summary.update if item.key}
    assert {key: summary[key] for key in study.trials[0].figures} == study.trials[0].figures


def test_the_files_are_with_the_run_of_the_study(sent: Path) -> None:
    (files,) = sent.glob(f"wandb/offline-run-*-{study_of(sent).key}-4/files")
    for name in ("report.html", "scenario.yaml", "rounds.csv"):
        assert (files / name).read_bytes() == (sent / name).read_bytes()
    (image,) = files.glob("media/images/figures/where_it_goes_*.png")
    assert image.read_bytes() == (sent / "figures" / "where_it_goes.png").read_bytes()


def test_what_is_there_is_not_sent_again(sent: Path) -> None:
    before = sorted((sent / "wandb").iterdir())
    track(sent, "wandb")
    assert sorted((sent / "wandb").iterdir()) == before

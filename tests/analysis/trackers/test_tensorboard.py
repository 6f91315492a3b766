"""TensorBoard: what it reads back is what the folder has, as far as its numbers of 32 bits go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from analysis.trackers import is_installed, track
from analysis.trackers import tensorboard as module
from analysis.trackers.study import study_of
from simulator.settings.errors import ScenarioError
from tests.helpers.sweep_folders import HEAD, UPLINK

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of the packages that TensorBoard uses
    pytest.mark.skipif(not is_installed("tensorboard"), reason="the extra tensorboard is not installed"),
]


def read(folder: Path) -> Any:
    """Return what TensorBoard finds in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def hparams(folder: Path) -> dict[str, object]:
    """Return the settings by which TensorBoard compares a trial."""
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    content = read(folder).PluginTagToContent("hparams")["_hparams_/session_start_info"]
    start = HParamsPluginData.FromString(content).session_start_info
    assert start.group_name == f"{folder.parent.parent.name}/{folder.name}"  # those of two runs must not be joined
    return {key: getattr(value, value.WhichOneof("kind")) for key, value in start.hparams.items()}


def test_of_two_at_once_one_is_told_so(run_folder: Path) -> None:
    with FileLock(run_folder / ".lock"), pytest.raises(ScenarioError, match="another process works there already"):
        track(run_folder, "tensorboard")


@pytest.fixture(scope="module")
def board(run_folder: Path) -> Path:
    assert track(run_folder, "tensorboard") == f"TensorBoard: tensorboard --logdir {run_folder / 'tensorboard'}"
    return run_folder / "tensorboard"


@pytest.mark.parametrize(
    ("tag", "column", "across"),
    [
        ("accuracy/over rounds", "accuracy", ["round"]),
        ("accuracy/over time", "accuracy", ["sim_time_s"]),
        ("loss/over bytes", "loss", ["bytes_up", "bytes_down"]),
        ("loss/over energy", "loss", ["client_energy_j"]),
        ("totals/server_flops", "server_flops", ["round"]),
    ],
)
def test_curves_are_those_of_the_table(board: Path, tag: str, column: str, across: list[str]) -> None:
    rounds = pd.read_csv(board.parent / "rounds.csv").query("label == 'SFPrompt' and seed == 1")
    events = read(board / "SFPrompt-1").Scalars(tag)
    assert [event.value for event in events] == np.float32(rounds[column]).tolist()
    assert [event.wall_time for event in events] == rounds["sim_time_s"].tolist()
    assert [event.step for event in events] == [round(place) for place in rounds[across].sum(axis=1)]


def test_figures_and_settings_of_a_trial(board: Path) -> None:
    trial = study_of(board.parent).trials[0]
    found = read(board / "FL-0")
    assert {key: found.Scalars(f"summary/{key}")[0].value for key in trial.figures} == {
        key: float(np.float32(value)) for key, value in trial.figures.items()
    }
    assert hparams(board / "FL-0") == {"algorithm": "fedavg", "label": "FL", "seed": 0.0}


def test_figures_and_scenario_of_the_run(board: Path) -> None:
    found = read(board)
    (image,) = found.Images("figures/where_it_goes")
    assert image.encoded_image_string == (board.parent / "figures" / "where_it_goes.png").read_bytes()
    assert (image.width, image.height) == (3, 2)
    (text,) = found.Tensors("scenario")
    assert (board.parent / "scenario.yaml").read_text() in text.tensor_proto.string_val[0].decode()


def test_a_sweep_is_compared_by_the_values_of_its_axes(sweep_folder: Path) -> None:
    track(sweep_folder, "tensorboard")
    board = sweep_folder / "tensorboard"
    assert hparams(board / "0003-SFPrompt-0") == {
        "algorithm": "sfprompt", "label": "SFPrompt", "seed": 0.0, UPLINK: 2e6, HEAD: 2.0
    }  # fmt: skip
    assert UPLINK in hparams(board / "0000-FL-0")
    assert HEAD not in hparams(board / "0000-FL-0")


def test_what_was_sent_stays_whole_until_it_is_replaced(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in board.rglob("*") if path.is_file()}

    def full(title: str, trial: object) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_of_trial", full)
        with pytest.raises(OSError, match="No space"):
            track(board.parent, "tensorboard")
    assert {path: path.read_bytes() for path in board.rglob("*") if path.is_file()} == before
    assert not list(board.parent.glob(".tensorboard*"))
    (board.parent / ".tensorboard-killed").mkdir()  # as after a SIGKILL
    track(board.parent, "tensorboard")
    assert not list(board.parent.glob(".tensorboard*"))

"""What tests of trackers share: folders to send, and no network."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import HEAD, UPLINK, fabricate_sweep


@pytest.fixture(autouse=True, scope="module")
def _no_network() -> Iterator[None]:
    """No tracker of a test may reach beyond this process and those that it starts."""

    def refused(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            raise AssertionError(f"a test connects to {address}")
        connect(self, address)

    connect = socket.socket.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refused)
        for name in ("MLFLOW_TRACKING_URI", "WANDB_API_KEY", "WANDB_BASE_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both, in which trackers may leave something."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def run_folder(runs: Path) -> Path:
    """A run of two algorithms with two seeds, with a figure and a report."""
    folder = fabricate(runs / "mine", seeds=(0, 1), name="tracked")
    (folder / "figures").mkdir()
    Image.new("RGB", (3, 2), (250, 0, 0)).save(folder / "figures" / "where_it_goes.png")
    (folder / "report.html").write_text("<p>report</p>")
    return folder


@pytest.fixture(scope="module")
def sweep_folder(runs: Path) -> Path:
    """A sweep over a link and a cut; FL ignores the cut, so that its points share trials. One trial has failed."""
    return fabricate_sweep(
        runs / "links",
        {UPLINK: ["8 Mbit/s", "16 Mbit/s"], HEAD: ["1", "2"]},
        whole=True,
        failed=lambda label, place, seed: label == "SFPrompt" and place[HEAD] == "2" and place[UPLINK] == "8 Mbit/s",
    )

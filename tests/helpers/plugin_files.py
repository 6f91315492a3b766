"""A plug-in file of a user's, with a scenario and a sweep that name what it defines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.settings.plugin_files import loaded_files, unload_file

FIRST = """\
from typing import ClassVar

from simulator.scheduling.selection.base import Selection, eligible


class First(Selection):
    \"\"\"The first clients of the scenario.\"\"\"

    name: ClassVar[str] = "first"
    skip: int = 0

    def choose(self, clients, size, round, seeds):
        return eligible(clients)[self.skip : self.skip + size]
"""
SCENARIO = """\
name: tiny
world: {devices: [{name: raspberry-pi-4, count: 20}], server: {name: rtx-4090}}
model: {name: random, image_size: 8}
data: {name: digits}
training: {rounds: 2, clients_per_round: 2, batch_size: 70, selection: {name: first}, optimizer: {name: sgd}}
algorithms: [{name: fedavg, training: {train: linear}}]
"""


def plugin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a folder with these files; unload what was loaded in the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))  # to which the folder is appended
    monkeypatch.setattr("analysis.write_report", lambda folder: None)
    Path("tiny.yaml").write_text(SCENARIO)
    Path("sweep.yaml").write_text("name: s\nscenario: tiny.yaml\naxes: {training.batch_size: [35, 70]}\n")
    Path("mine.py").write_text(FIRST)
    yield
    for file in loaded_files():
        unload_file(file.path)

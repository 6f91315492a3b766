"""The `sfsim` command as tests call it, a scenario for it, and the files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Sfsim = Callable[..., tuple[int, str, str]]
SCENARIO = """\
name: tiny
world:
  devices:
    - {name: raspberry-pi-4, count: 40}
    - {name: jetson-nano, count: 30, uplink: {rate: 20 Mbit/s}}
  server: {name: rtx-4090}
model: {name: random, image_size: 8}
data: {name: digits}
training: {rounds: 1, clients_per_round: 2, batch_size: 32, optimizer: {name: sgd, learning_rate: 0.05}}
evaluation: {samples: 10}
algorithms:
  - {name: fedavg, label: FL, training: {train: linear}}
  - {name: splitfed, label: SFL, head: 1, tail: 1}
  - {name: sfprompt, label: SFP, head: 1, tail: 1}
"""


def files(folder: Path) -> list[str]:
    """Return the relative paths of all files and folders below a folder, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))

"""A small scenario and two toy algorithms, so that tests of scenarios do not depend on the real algorithms."""

from pathlib import Path

import pytest

from simulator.settings.plugins import ALGORITHMS

PACKAGE = {
    "__init__": "",
    "base": """
from typing import ClassVar
from simulator.settings.base import Settings
class Algorithm(Settings):
    name: ClassVar[str]
    ignores: ClassVar[tuple[str, ...]] = ()
""",
    "fedavg": """
from typing import ClassVar
from toy_algorithms.base import Algorithm
class FedAvg(Algorithm):
    name: ClassVar[str] = "fedavg"
""",
    "sfprompt": """
from typing import ClassVar
from pydantic import Field, PositiveInt
from toy_algorithms.base import Algorithm
class SFPrompt(Algorithm):
    name: ClassVar[str] = "sfprompt"
    head: PositiveInt = 1
    local_epochs: PositiveInt = 1
    keep_fraction: float = Field(1.0, gt=0, le=1)
""",
}

SCENARIO = """\
name: toy
seeds: [0, 1]
target_accuracy: 0.8
world:
  devices:
    - {name: raspberry-pi-4, count: 3, uplink: {rate: 20 Mbit/s, latency: 5 ms}}
    - {name: jetson-nano, uplink: lte}
  server: {name: rtx-4090}
model: {name: bundled}
data: {name: digits, partition: {name: dirichlet, alpha: 0.5}}
training:
  rounds: 10
  clients_per_round: 4
  batch_size: 32
  optimizer: {name: sgd, learning_rate: 0.05, momentum: 0.9}
algorithms:
  - {name: fedavg, label: FL}
  - {name: fedavg, label: FL+AdamW, training: {local_epochs: 3, optimizer: {name: adamw}}}
  - name: sfprompt
    label: SFPrompt
    local_epochs: 2
    keep_fraction: 0.5
"""


def use_toy_algorithms(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make scenarios find the algorithms above, for one test."""
    package = folder / "toy_algorithms"
    package.mkdir()
    for name, text in PACKAGE.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    # Before `where` is changed: monkeypatch reads now what it will restore, and that must be the real modules.
    monkeypatch.setattr(ALGORITHMS, "_modules", {name: f"toy_algorithms.{name}" for name in ("fedavg", "sfprompt")})
    monkeypatch.setattr(ALGORITHMS, "where", "toy_algorithms")

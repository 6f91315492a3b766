"""How soon a command that trains nothing answers: its processor time over that of importing torch, with the figures of
models on disk and without."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench import report
from tests.helpers.places import ROOT
from tests.helpers.run_folders import fabricate

TURNS = 3
QUICKSTART = "scenarios/quickstart.yaml"
COMMANDS = {
    "schema": ["schema"],
    "list": ["list", "devices"],
    "validate": ["validate", QUICKSTART],
    "validate, 1,000 rounds": ["validate", QUICKSTART, "--set", "training.rounds=1000"],
    "validate ViT-Large": ["validate", "scenarios/vit-large.yaml"],
    "plan": ["plan", QUICKSTART],
    "run --dry": ["run", QUICKSTART, "--dry", "--force", "--out"],
    "report": ["report"],
    "trace": ["trace"],
}


def seconds(words: Sequence[str], cache: Path) -> float:
    """Return the processor seconds of a process of this Python.

    Args:
        words: the arguments.
        cache: the folder for the figures of models.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "SFSIM_CACHE": str(cache)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run, written, cache = fabricate(folder / "run"), str(folder / "written"), folder / "cache"
        torch = min(seconds(["-c", "import torch"], cache) for _ in range(TURNS))
        for what, words in COMMANDS.items():
            command = ["-m", "simulator", *words]
            if what in ("report", "trace"):
                command.append(str(run))
            elif what == "run --dry":
                command.append(written)
            first, *again = (seconds(command, cache / what) for _ in range(1 + TURNS))
            report(
                "start_up", min(again) / torch, command=what, seconds=min(again), first_s=first, import_torch_s=torch
            )


if __name__ == "__main__":
    main()

"""The finished trials of a run that goes on: each a folder of its own, from which the tables of the run are joined."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.experiments.run.digest import Digest
from simulator.experiments.run.tables import LEDGER, SUMMARY, write
from simulator.settings.files import atomically, whole_folder

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Scenario

DIGEST = "digest.json"
ONE_PER_SEED = "clients.csv"
"""The table that has its rows once for each seed: all algorithms share the partition."""


@dataclass(frozen=True)
class Part:
    """A trial of a run.

    Attributes:
        key: its hash, which names its folder.
        label: the label of its algorithm.
        seed: its seed.
    """

    key: str
    label: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its ledger's folder."""
        return f"{self.label}-{self.seed}"


@dataclass(frozen=True)
class Parts:
    """The folders of the trials of a run.

    Attributes:
        folder: where they are.
    """

    folder: Path

    def keep(self, key: str, scenario: Scenario, outcome: TrialResult, dry: bool, device: str) -> Digest:
        """Write the result of a trial, which is there whole or not at all, and return what is said of it.

        Args:
            key: the hash of the trial.
            scenario: the scenario of the run.
            outcome: the result.
            dry: whether it was a dry run.
            device: the torch device that computed it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_folder(self.folder / key) as place:
            (summary,) = write(place, scenario, [outcome], dry, device)
            digest = Digest.of(outcome, summary)
            (place / DIGEST).write_text(json.dumps(digest.plain()), encoding="utf-8")
        return digest

    def digest(self, key: str) -> Digest | None:
        """Return what is said of a finished trial; None if it is not finished."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            return Digest.read(json.loads((self.folder / key / DIGEST).read_text(encoding="utf-8")))
        return None

    def join(self, target: Path, parts: Sequence[Part]) -> None:
        """Bring the tables in a folder up to date with finished trials, each file whole; their ledgers move there.

        Args:
            target: the folder.
            parts: at least one, in the order of the scenario.
        """
        target.mkdir(parents=True, exist_ok=True)
        for part in parts:
            ledger, moved = self.folder / part.key / LEDGER / part.name, target / LEDGER / part.name
            if ledger.is_dir():
                moved.parent.mkdir(exist_ok=True)
                shutil.rmtree(moved, ignore_errors=True)
                os.replace(ledger, moved)
        folders = [self.folder / part.key for part in parts]
        for name in sorted({path.name for folder in folders for path in folder.glob("*.csv")}):
            firsts = {part.seed: part for part in parts} if name == ONE_PER_SEED else dict(enumerate(parts))
            tables = [self.folder / part.key / name for part in firsts.values()]
            texts = [table.read_bytes().partition(b"\n") for table in tables if table.is_file()]
            joined = texts[0][0] + b"\n" + b"".join(rows for _, _, rows in texts)
            atomically(target / name, lambda partial, joined=joined: partial.write_bytes(joined))  # type: ignore[misc]
        for folder in folders:
            if (folder / "plugins").is_dir():
                shutil.copytree(folder / "plugins", target / "plugins", dirs_exist_ok=True)
        summaries = [json.loads((folder / SUMMARY).read_bytes()) for folder in folders]
        summary = summaries[0] | {"trials": [trial for one in summaries for trial in one["trials"]]}
        text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
        atomically(
            target / "environment.json", lambda partial: shutil.copyfile(folders[-1] / "environment.json", partial)
        )
        atomically(target / "scenario.yaml", lambda partial: shutil.copyfile(folders[0] / "scenario.yaml", partial))
        atomically(target / SUMMARY, lambda partial: partial.write_text(text, encoding="utf-8"))

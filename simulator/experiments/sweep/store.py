"""The folder of a sweep: what is done lies there whole, under a name that says what it is."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from filelock import FileLock, Timeout

from simulator.experiments.run.tables import LEDGER, SUMMARY, environment, write
from simulator.settings.errors import ScenarioError
from simulator.settings.files import atomically, remove_unfinished, whole_folder
from simulator.settings.wording import shown

if TYPE_CHECKING:
    from simulator.experiments.sweep.points import Plan, Row, Trial
    from simulator.experiments.sweep.settings import Sweep
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Scenario

SWEEP, POINTS, ENVIRONMENT, FAILURE = "sweep.yaml", "points.csv", "environment.json", "failure.json"
COLUMNS = ("trial", "point", "label", "algorithm", "seed", "status", "message")


@dataclass(frozen=True)
class Store:
    """Trials by their hashes."""

    folder: Path

    @property
    def trials(self) -> Path:
        return self.folder / "trials"

    @contextmanager
    def opened(self, sweep: Sweep, base: Scenario, dry: bool, device: str, force: bool) -> Iterator[None]:
        """The folder to this sweep alone, while it goes on; what one that was killed left half done is gone.

        Raises:
            ScenarioError: something else is there, another sweep or one of another version, and ``force`` does not say
                to go on in spite of it; or a process of this sweep goes on already.
        """
        described = _described(sweep, base, dry)
        if not force:
            self._refuse_others(described)
        self.trials.mkdir(parents=True, exist_ok=True)
        with _locked(self.folder):
            self._clean()
            _write(self.folder / SWEEP, _yaml(described))
            _write(self.folder / ENVIRONMENT, json.dumps(environment(base.threads, device), indent=2) + "\n")
            try:
                yield
            finally:
                self._clean()

    @property
    def points(self) -> str:
        """What the table of points says; nothing, where there is none."""
        place = self.folder / POINTS
        return place.read_text(encoding="utf-8") if place.is_file() else ""

    def done(self, key: str, ledger: bool = False) -> bool:
        """Whether a trial is there whole, with its ledger if that is wanted."""
        place = self.trials / key
        try:
            said = json.loads((place / SUMMARY).read_bytes())  # after a power cut there may be a name without its bytes
            whole = len(said["trials"]) == 1
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return whole and (not ledger or (place / LEDGER).exists())

    def keep(self, trial: Trial, outcome: TrialResult, device: str, ledger: bool) -> None:
        """Write what a trial leaves: a run's folder, of this trial alone."""
        with whole_folder(self.trials / trial.hash) as place:
            write(place, trial.scenario, [outcome], trial.dry, device, ledger)

    def fail(self, key: str, message: str, **more: str) -> None:
        """Write why there is no such trial."""
        with whole_folder(self.trials / key) as place:
            (place / FAILURE).write_text(json.dumps({"message": message, **more}, indent=2, ensure_ascii=False) + "\n")

    def write_points(self, plan: Plan, keys: Sequence[str]) -> None:
        """Write which trial belongs to which point, and how it stands."""
        from simulator.experiments.sweep.points import written

        def write(path: Path) -> None:
            with path.open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file, lineterminator="\n")
                table.writerow((*COLUMNS[:2], *keys, *COLUMNS[2:]))
                for row in plan.rows:
                    values = (written(row.values[key]) for key in keys)
                    table.writerow(
                        (row.trial, row.point, *values, row.label, row.algorithm, row.seed, *self._stands(plan, row))
                    )

        atomically(self.folder / POINTS, write)

    def _stands(self, plan: Plan, row: Row) -> tuple[str, str]:
        """The status of a row, and the message."""
        if problem := plan.problem(row):
            return "failed", problem
        if self.done(row.trial):
            return "done", ""
        with suppress(OSError, ValueError):
            return "failed", json.loads((self.trials / row.trial / FAILURE).read_text("utf-8"))["message"]
        return "missing", ""

    def _clean(self) -> None:
        """Away with what was not finished."""
        remove_unfinished(self.trials)
        for name in (POINTS, SWEEP, ENVIRONMENT):
            remove_unfinished(self.folder, name)

    def _refuse_others(self, described: dict[str, Any]) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise ScenarioError(f"{self.folder} is a file: name a folder with --out")
        if not (self.folder / SWEEP).exists() or not self.trials.is_dir():
            if self.folder.exists() and any(place.name[:1] != "." for place in self.folder.iterdir()):
                taken = "exists, is not empty and holds no sweep"
                raise ScenarioError(f"{self.folder} {taken}: name another folder with --out, or say --force")
            return
        try:
            there = yaml.safe_load((self.folder / SWEEP).read_text("utf-8"))
        except (ValueError, yaml.YAMLError):
            there = None
        if not isinstance(there, dict):
            there = {}
        for key, what in (
            ("version", "of another version of sfsim"),
            ("dry", "of another kind"),
            ("scenario", "of another base scenario"),
        ):
            mine, theirs = _fixed(described[key]), _fixed(there.get(key))
            if mine != theirs:
                where, mine, theirs = _difference(key, mine, theirs)
                raise ScenarioError(
                    f"{self.folder} holds a sweep {what}: {where} is {shown(theirs)} there and {shown(mine)} here; "
                    "name another folder with --out, or use this one with --force: trials that are the same are kept"
                )


def _described(sweep: Sweep, base: Scenario, dry: bool) -> dict[str, Any]:
    """What ``sweep.yaml`` says: all that is needed to know the sweep again."""
    said: dict[str, Any] = {"name": sweep.name, "version": version("sfsim"), "dry": dry, "axes": sweep.axes}
    if sweep.zip:
        said["zip"] = list(sweep.zip)
    if sweep.sample:
        said["sample"] = sweep.sample.model_dump()
    return said | {"scenario": yaml.safe_load(base.resolved())}


def _fixed(said: Any) -> Any:
    """A base scenario without its seeds, which may be added to as values of an axis may."""
    return {key: value for key, value in said.items() if key != "seeds"} if isinstance(said, dict) else said


def _difference(where: str, mine: Any, theirs: Any) -> tuple[str, Any, Any]:
    """The first key by which two mappings differ, and both values."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in (*mine, *theirs):
            if mine.get(key) != theirs.get(key):
                return _difference(f"{where}.{key}", mine.get(key), theirs.get(key))
    return where, mine, theirs


def _yaml(data: Any) -> str:
    return str(yaml.safe_dump(data, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True))


def _write(path: Path, text: str) -> None:
    atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else writes here meanwhile; the operating system forgets it when the process ends, however it does."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ScenarioError(f"{folder}: another process runs this sweep already") from None
    try:
        yield
    finally:
        lock.release()

"""The folder of a sweep: each finished trial in a folder of its own, complete and named by its hash."""

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

from simulator.experiments.run.tables import LEDGER, SUMMARY, environment, write
from simulator.experiments.sweep.relative import as_said
from simulator.settings.csv_cells import escaped_row
from simulator.settings.errors import ScenarioError
from simulator.settings.files import atomically, remove_unfinished, whole_folder, write_text
from simulator.settings.locks import locked
from simulator.settings.wording import first_difference, shown

if TYPE_CHECKING:
    from simulator.experiments.sweep.points import Plan, Row, Trial
    from simulator.experiments.sweep.settings import Sweep
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Scenario

SWEEP, POINTS, ENVIRONMENT, FAILURE = "sweep.yaml", "points.csv", "environment.json", "failure.json"
CHECKPOINTS = ".checkpoints"
"""The hidden folder of the checkpoints of trials that are under way."""
COLUMNS = ("trial", "point", "label", "algorithm", "seed", "status", "message")


@dataclass(frozen=True)
class Store:
    """The trials of a sweep on disk, by their hashes.

    Attributes:
        folder: the folder of the sweep.
    """

    folder: Path

    @property
    def trials(self) -> Path:
        """The folder of the trials."""
        return self.folder / "trials"

    def checkpoint(self, key: str) -> Path:
        """Return where the checkpoint of a trial is, if it has one."""
        return self.folder / CHECKPOINTS / f"{key}.safetensors"

    @contextmanager
    def opened(self, sweep: Sweep, base: Scenario, dry: bool, device: str, force: bool) -> Iterator[None]:
        """Lock the folder for this sweep, and remove what an interrupted process left unfinished.

        Args:
            sweep: the sweep.
            base: its base scenario.
            dry: whether its trials are dry runs.
            device: the torch device of its trials.
            force: use the folder whatever it holds; finished trials of this sweep are kept.

        Raises:
            ScenarioError: without ``force``, the folder holds something else, another sweep, or one of another version
                of sfsim; or another process is running a sweep there.
        """
        described = _described(sweep, base, dry)
        if not force:
            self._refuse_others(described)
        self.trials.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / ".lock", self.folder, "runs this sweep"):
            self._clean()
            _write(self.folder / SWEEP, _yaml(described))
            _write(self.folder / ENVIRONMENT, json.dumps(environment(base.threads, device), indent=2) + "\n")
            try:
                yield
            finally:
                self._clean()

    @property
    def points(self) -> str:
        """The text of the table of points; empty if there is none."""
        place = self.folder / POINTS
        return place.read_text(encoding="utf-8") if place.is_file() else ""

    def done(self, key: str, ledger: bool = False) -> bool:
        """Return whether a trial is stored completely; with ``ledger``, also its ledger."""
        place = self.trials / key
        try:
            summary = json.loads((place / SUMMARY).read_bytes())  # a power cut may leave a file without content
            complete = len(summary["trials"]) == 1
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return complete and (not ledger or (place / LEDGER).exists())

    def keep(self, trial: Trial, outcome: TrialResult, device: str, ledger: bool) -> None:
        """Store the result of a trial as a run's folder with this trial alone.

        Args:
            trial: the trial.
            outcome: its result.
            device: the torch device that computed it.
            ledger: store the ledger, too.
        """
        with whole_folder(self.trials / trial.hash) as place:
            write(place, trial.scenario, [outcome], trial.dry, device, ledger)

    def fail(self, key: str, message: str, **more: str) -> None:
        """Store why a trial failed, unless it is there already: it was run again for its ledger.

        Args:
            key: the hash of the trial.
            message: the problem, in words.
            more: more to store under names of their own, such as ``traceback``.
        """
        if self.done(key):
            return
        with whole_folder(self.trials / key) as place:
            write_text(place / FAILURE, json.dumps({"message": message, **more}, indent=2, ensure_ascii=False) + "\n")

    def write_points(self, plan: Plan, keys: Sequence[str]) -> None:
        """Write the table of points: the values of the axes, the trial and its status for each row of a plan."""
        from simulator.experiments.sweep.points import written

        def write(path: Path) -> None:
            with path.open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file, lineterminator="\n")
                table.writerow(escaped_row((*COLUMNS[:2], *keys, *COLUMNS[2:])))
                for row in plan.rows:
                    values = (written(row.values[key]) for key in keys)
                    cells = row.trial, row.point, *values, row.label, row.algorithm, row.seed, *self._stands(plan, row)
                    table.writerow(escaped_row(cells))

        atomically(self.folder / POINTS, write)

    def _stands(self, plan: Plan, row: Row) -> tuple[str, str]:
        """Return the status of a row, "done", "failed" or "missing", and why it failed."""
        if problem := plan.problem(row):
            return "failed", problem
        if self.done(row.trial):
            return "done", ""
        with suppress(OSError, ValueError):
            return "failed", json.loads((self.trials / row.trial / FAILURE).read_text("utf-8"))["message"]
        return "missing", ""

    def _clean(self) -> None:
        """Remove unfinished files and folders."""
        remove_unfinished(self.trials)
        if (self.folder / CHECKPOINTS).is_dir():
            remove_unfinished(self.folder / CHECKPOINTS)
            with suppress(OSError):  # it is not empty
                (self.folder / CHECKPOINTS).rmdir()
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
            stored = yaml.safe_load((self.folder / SWEEP).read_text("utf-8"))
        except (ValueError, yaml.YAMLError):
            stored = None
        if not isinstance(stored, dict):
            stored = {}
        for key, what in (
            ("version", "of another version of sfsim"),
            ("dry", "of another kind"),
            ("scenario", "of another base scenario"),
        ):
            ours, theirs = _fixed(described[key]), _fixed(stored.get(key))
            if ours != theirs:
                where, ours, theirs = first_difference(key, ours, theirs)
                raise ScenarioError(
                    f"{self.folder} holds a sweep {what}: {where} is {shown(theirs)} there and {shown(ours)} here; "
                    "name another folder with --out, or use this one with --force: trials that are the same are kept"
                )


def _described(sweep: Sweep, base: Scenario, dry: bool) -> dict[str, Any]:
    """Return the content of ``sweep.yaml``: everything by which a sweep is recognised."""
    axes = {key: as_said(values) for key, values in sweep.axes.items()}
    description: dict[str, Any] = {"name": sweep.name, "version": version("sfsim"), "dry": dry, "axes": axes}
    if sweep.zip:
        description["zip"] = [{key: as_said(values) for key, values in group.items()} for group in sweep.zip]
    if sweep.sample:
        description["sample"] = sweep.sample.model_dump()
    return description | {"scenario": yaml.safe_load(base.resolved())}


def _fixed(value: Any) -> Any:
    """Return a base scenario without what may change: seeds, as the values of an axis may, and checkpoints."""
    free = ("seeds", "checkpoint")
    return {key: part for key, part in value.items() if key not in free} if isinstance(value, dict) else value


def _yaml(data: Any) -> str:
    return str(yaml.safe_dump(data, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True))


def _write(path: Path, text: str) -> None:
    atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))

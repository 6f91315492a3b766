"""Run folders as data frames: all that `analysis` knows about a run is read from its files here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import parquet

from analysis.batches import LedgerFile
from analysis.columns import (
    ABSENCES_COLUMNS,
    AGGREGATIONS_COLUMNS,
    ATTEMPTS_COLUMNS,
    BREAKDOWN_COLUMNS,
    CLIENTS_COLUMNS,
    COSTS_COLUMNS,
    ENGAGEMENTS_COLUMNS,
    FURTHER_WAITS_COLUMNS,
    HEADLINE,
    LEDGER_COLUMNS,
    LEDGER_LATER,
    LEDGER_OPTIONAL,
    ROUNDS_COLUMNS,
    ROUNDS_LATER,
    SEGMENTS_COLUMNS,
    SITES_COLUMNS,
    SUMMARY_COLUMNS,
    SUMMARY_LATER,
    TRANSFERS_COLUMNS,
    WASTE_COLUMNS,
    WORKS_COLUMNS,
)
from analysis.goal import Target
from analysis.headline import settle_of, settled
from analysis.limits import limited
from analysis.places import places_of
from analysis.reading import (
    RunError,
    check_folder,
    demand_columns,
    first_line,
    is_large,
    read_csv,
    read_if_there,
    read_json,
    read_text,
    read_yaml,
    typed,
)
from analysis.schemas import demand_schema
from analysis.tasks import CLASSIFICATION
from analysis.trials import labels_of_sweep, name_of_trial
from simulator.settings.files import RUN_SO_FAR, RUN_UNDER_WAY, finish_replacement


@dataclass(frozen=True, eq=False)
class Run:
    """A run folder: its scenario, the environment in which it was run, and its results as frames.

    All values are SI: seconds, bytes, FLOPs, joules. Accuracies are fractions, NaN where there is none.

    Attributes:
        folder: the folder.
        name: the name of the scenario, and of the trial where the run is one of a sweep.
        summary: one row per trial, in the order in which they were run.
        rounds: running totals, one row per trial and round, from round 0 on.
        breakdown: seconds, bytes, FLOPs and joules by trial, side, phase and activity.
        waste: what was spent in vain, by trial and reason; empty if nothing was, or in runs of earlier versions.
        environment: the machine and the versions of packages.
        scenario: the scenario.
        scenario_text: the file of the scenario.
        version: the version of sfsim that wrote the run; empty if unknown.
        dry: whether the run was dry: costs without learning.
        limited: what the budgets of all its trials limit: seconds, updates or bytes; empty if rounds end some of them.
        costs: what was paid and emitted, by trial, payer, group, phase and item; empty without prices and carbon
            intensities.
        target: the accuracy or the loss whose time is measured; None if there is none.
        places: by label, the place that settles its colour, dashes and marker in all figures; labels of the scenario
            that the run lacks have theirs too.
        task: what the models learn: "classification", "next_token" or "multiple_choice".
    """

    folder: Path
    name: str
    summary: pd.DataFrame
    rounds: pd.DataFrame
    breakdown: pd.DataFrame
    waste: pd.DataFrame
    environment: Mapping[str, Any]
    scenario: Mapping[str, Any]
    scenario_text: str
    version: str
    dry: bool
    target: Target | None
    limited: str = ""
    costs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COSTS_COLUMNS)))
    places: Mapping[str, int] = field(default_factory=dict)
    task: str = CLASSIFICATION

    @cached_property
    def clients(self) -> pd.DataFrame:
        """Samples by seed, client and class, where there are any; empty if the run did not record them.

        Raises:
            RunError: the file cannot be read; a small one is read with the run.
        """
        return read_if_there(self.folder / "clients.csv", CLIENTS_COLUMNS)

    @property
    def target_accuracy(self) -> float | None:
        """The accuracy whose time is measured, as a fraction; None if there is none."""
        return self.target.value if self.target and self.target.goal == "accuracy" else None

    @property
    def labels(self) -> list[str]:
        """The labels of the algorithm entries that were run, in the order of the scenario."""
        return list(dict.fromkeys(self.summary["label"]))

    def seeds(self, label: str) -> list[int]:
        """Return the seeds with which this label was run."""
        return [int(seed) for seed in self.summary.loc[self.summary["label"] == label, "seed"]]

    def works(self, label: str, seed: int, **only: object) -> pd.DataFrame:
        """Return the works of one trial, by their start.

        Args:
            label: the label of the trial.
            seed: the seed of the trial.
            only: values of columns; only rows with these values are kept (`round=2`).

        Raises:
            RunError: there is no such trial, or its ledger cannot be read.
        """
        return self._ledger(label, seed, "works", WORKS_COLUMNS, only)

    def transfers(self, label: str, seed: int, **only: object) -> pd.DataFrame:
        """Return the transfers of one trial, by their start; arguments and errors as for `works`."""
        return self._ledger(label, seed, "transfers", TRANSFERS_COLUMNS, only)

    def attempts(self, label: str, seed: int) -> pd.DataFrame:
        """Return the attempts of the clients in one trial, by their start; empty in runs of earlier versions.

        Errors are as for `works`.
        """
        return self._if_there(label, seed, "attempts", ATTEMPTS_COLUMNS)

    def further_waits(self, label: str, seed: int) -> pd.DataFrame:
        """Return the waits for service that the rows of no works tell, by the start; empty if there were none.

        Errors are as for `works`.
        """
        return self._if_there(label, seed, "waits", FURTHER_WAITS_COLUMNS)

    def critical_path(self, label: str, seed: int) -> pd.DataFrame:
        """Return the segments of the critical paths of one trial, by the start; empty in runs of earlier versions.

        Errors are as for `works`.
        """
        return self._if_there(label, seed, "critical_path", SEGMENTS_COLUMNS)

    def engagements(self, label: str, seed: int) -> pd.DataFrame:
        """Return when each client took part in one trial, by the start; errors as for `works`."""
        return self._ledger(label, seed, "engagements", ENGAGEMENTS_COLUMNS, {})

    def absences(self, label: str, seed: int) -> pd.DataFrame:
        """Return when each site was away in one trial, by the start; errors as for `works`."""
        return self._ledger(label, seed, "absences", ABSENCES_COLUMNS, {})

    def aggregations(self, label: str, seed: int) -> pd.DataFrame:
        """Return when each round of one trial took place, by the start; errors as for `works`."""
        return self._ledger(label, seed, "rounds", AGGREGATIONS_COLUMNS, {})

    def sites(self, label: str, seed: int) -> pd.DataFrame:
        """Return the server and the devices of one trial, with slots, memory (bytes) and power (W).

        Errors are as for `works`; runs of earlier versions lack the table, which is an error too.
        """
        if not self._path(label, seed, "sites").is_file():
            path = self._path(label, seed, "sites")
            raise RunError(f"{path}: this file is missing, as in runs of earlier versions: run the scenario again")
        return self._ledger(label, seed, "sites", SITES_COLUMNS, {})

    def columns(self, label: str, seed: int, table: str, *names: str, **only: object) -> pd.DataFrame:
        """Return columns of a table of the ledger of one trial, by its start if that is among them.

        Args:
            label: the label of the trial.
            seed: the seed of the trial.
            table: the name of the table.
            names: the columns.
            only: as for `works`.

        Returns:
            The rows; none if it is a table that may be missing, and is.

        Raises:
            RunError: there is no such trial, or its ledger cannot be read.
        """
        file = self.file(label, seed, table)
        if file is None:
            return pd.DataFrame(columns=list(names))
        frame = file.rows(names, **only).to_pandas()
        if "start" not in names or frame["start"].is_monotonic_increasing:
            return frame
        return frame.sort_values("start", kind="stable", ignore_index=True)

    def file(self, label: str, seed: int, table: str) -> LedgerFile | None:
        """Return a table of the ledger of one trial, to be read batch by batch; None if it is one that may be missing.

        Args:
            label: the label of the trial.
            seed: the seed of the trial.
            table: the name of the table.

        Raises:
            RunError: there is no such trial, or its ledger cannot be read.
        """
        self._demand_trial(label, seed)
        path = self._path(label, seed, table)
        if table in LEDGER_OPTIONAL and not path.is_file():
            return None
        return LedgerFile(path, LEDGER_COLUMNS[table], LEDGER_LATER.get(table, {}))

    def _path(self, label: str, seed: int, table: str) -> Path:
        return self.folder / "ledger" / f"{label}-{seed}" / f"{table}.parquet"

    def _if_there(self, label: str, seed: int, table: str, columns: tuple[str, ...]) -> pd.DataFrame:
        if seed in self.seeds(label) and not self._path(label, seed, table).is_file():
            return pd.DataFrame(columns=list(columns))
        return self._ledger(label, seed, table, columns, {})

    def _demand_trial(self, label: str, seed: int) -> None:
        if seed not in self.seeds(label):
            trials = ", ".join(f"{row.label} (seed {row.seed})" for row in self.summary.itertuples())
            raise RunError(f"{self.folder}: there is no trial {label!r} with seed {seed}; there are: {trials}")

    def _ledger(
        self, label: str, seed: int, table: str, columns: tuple[str, ...], only: Mapping[str, object]
    ) -> pd.DataFrame:
        self._demand_trial(label, seed)
        path = self._path(label, seed, table)
        if not path.is_file():
            raise RunError(f"{path}: this file is missing")
        filters = [(column, "==", value) for column, value in only.items()] or None
        try:
            demand_schema(path, parquet.read_schema(path).metadata)
            frame = pd.read_parquet(path, engine="pyarrow", filters=filters)
        except (OSError, ValueError) as error:  # pyarrow's own errors are one or the other
            raise RunError(f"{path}: cannot be read as Parquet: {first_line(error)}") from error
        demand_columns(path, frame.columns, columns)
        later = {column: value for column, value in LEDGER_LATER.get(table, {}).items() if column not in frame}
        frame = frame.assign(**later)
        return frame.sort_values("start", kind="stable", ignore_index=True) if "start" in columns else frame


def load_run(folder: str | Path) -> Run:
    """Read a run folder; its ledger stays on disk until one of its tables is used.

    Raises:
        RunError: the folder is no run, or a file in it cannot be read.
    """
    folder = Path(folder)
    check_folder(folder)
    if (folder / "points.csv").is_file():
        raise RunError(f"{folder}: this is a sweep's folder; its trials are runs: {folder / 'trials' / '…'}")
    with suppress(OSError):  # a copy that cannot be written
        finish_replacement(folder, if_abandoned=True)
    if not (folder / "summary.json").is_file() and (folder / RUN_SO_FAR / "summary.json").is_file():
        folder /= RUN_SO_FAR  # the trials that are done so far
    if not (folder / "summary.json").is_file():
        if (folder / RUN_UNDER_WAY).is_dir():
            raise RunError(f"{folder}: no trial of this run is finished; sfsim run ... --resume goes on with it")
        raise RunError(f"{folder}: not a run folder, it has no summary.json")

    head = read_json(folder / "summary.json")
    trials = head.get("trials")
    if not isinstance(trials, list) or not trials or not all(isinstance(trial, dict) for trial in trials):
        raise RunError(f"{folder / 'summary.json'}: 'trials' must be a list of at least one trial")
    for trial in trials:
        demand_columns(folder / "summary.json", trial, SUMMARY_COLUMNS)
    summary = typed(folder / "summary.json", pd.DataFrame(trials), SUMMARY_COLUMNS, SUMMARY_LATER)
    if summary.duplicated(["label", "seed"]).any():
        raise RunError(f"{folder / 'summary.json'}: a label and seed appear twice among the trials")

    scenario = read_yaml(folder / "scenario.yaml")
    target = Target.written(scenario)
    rounds = read_csv(folder / "rounds.csv", ROUNDS_COLUMNS, ROUNDS_LATER)
    if any(column not in trial for trial in trials for column in HEADLINE):  # a run of an earlier version
        summary = settled(summary, rounds, settle_of(scenario), target)
    run = Run(
        folder=folder,
        name=", ".join(part for part in (str(scenario.get("name") or folder.name), name_of_trial(folder)) if part),
        summary=summary,
        rounds=rounds,
        breakdown=read_csv(folder / "breakdown.csv", BREAKDOWN_COLUMNS),
        waste=read_if_there(folder / "waste.csv", WASTE_COLUMNS),
        environment=read_json(folder / "environment.json"),
        scenario=scenario,
        scenario_text=read_text(folder / "scenario.yaml"),
        version=str(head.get("version") or ""),
        dry=bool(head.get("dry", False)),
        target=target,
        limited=limited(scenario),
        costs=read_if_there(folder / "costs.csv", COSTS_COLUMNS),
        places=_places(folder, scenario, summary),
        task=str(head.get("task") or CLASSIFICATION),
    )
    if not is_large(folder / "clients.csv"):
        _ = run.clients  # what is wrong with it is said at once
    return run


def _places(folder: Path, scenario: Mapping[str, Any], summary: pd.DataFrame) -> dict[str, int]:
    """Return the place of each label: as in the sweep of which the run is a trial, else as in the scenario."""
    entries = scenario.get("algorithms")
    said = [entry.get("label") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    known = labels_of_sweep(folder) or [str(label) for label in said if label]
    return places_of(list(dict.fromkeys([*known, *summary["label"]])))

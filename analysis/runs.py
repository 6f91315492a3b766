"""Run folders as data frames: all that `analysis` knows about a run is read from its files here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from analysis.columns import (
    ABSENCES_COLUMNS,
    AGGREGATIONS_COLUMNS,
    ATTEMPTS_COLUMNS,
    BREAKDOWN_COLUMNS,
    CLIENTS_COLUMNS,
    COSTS_COLUMNS,
    ENGAGEMENTS_COLUMNS,
    FURTHER_WAITS_COLUMNS,
    LEDGER_LATER,
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
from analysis.limits import limited
from analysis.trials import name_of_trial

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the former is ten times as fast, but not always installed
_WORDS = frozenset({"algorithm", "label", "side", "phase", "activity", "client", "device", "class_name", "reason"})
_WORDS |= {"payer", "group", "item"}


class RunError(Exception):
    """A folder is no run (or no sweep), a file in it cannot be read, or it does not hold what was asked for.

    The message names the file and what is wrong with it, or what is available.
    """


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
        clients: samples by seed, client and class, where there are any; empty if the run did not record them.
        waste: what was spent in vain, by trial and reason; empty if nothing was, or in runs of earlier versions.
        environment: the machine and the versions of packages.
        scenario: the scenario.
        scenario_text: the file of the scenario.
        version: the version of sfsim that wrote the run; empty if unknown.
        dry: whether the run was dry: costs without learning.
        limited: what the budgets of all its trials limit: seconds, updates or bytes; empty if rounds end some of them.
        costs: what was paid and emitted, by trial, payer, group, phase and item; empty without prices and carbon
            intensities.
        target_accuracy: the accuracy whose time is measured, as a fraction; None if there is none.
    """

    folder: Path
    name: str
    summary: pd.DataFrame
    rounds: pd.DataFrame
    breakdown: pd.DataFrame
    clients: pd.DataFrame
    waste: pd.DataFrame
    environment: Mapping[str, Any]
    scenario: Mapping[str, Any]
    scenario_text: str
    version: str
    dry: bool
    target_accuracy: float | None
    limited: str = ""
    costs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COSTS_COLUMNS)))

    @property
    def labels(self) -> list[str]:
        """The labels of the algorithm entries, in the order of the scenario, by which figures colour them."""
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

    def _path(self, label: str, seed: int, table: str) -> Path:
        return self.folder / "ledger" / f"{label}-{seed}" / f"{table}.parquet"

    def _if_there(self, label: str, seed: int, table: str, columns: tuple[str, ...]) -> pd.DataFrame:
        if seed in self.seeds(label) and not self._path(label, seed, table).is_file():
            return pd.DataFrame(columns=list(columns))
        return self._ledger(label, seed, table, columns, {})

    def _ledger(
        self, label: str, seed: int, table: str, columns: tuple[str, ...], only: Mapping[str, object]
    ) -> pd.DataFrame:
        if seed not in self.seeds(label):
            trials = ", ".join(f"{row.label} (seed {row.seed})" for row in self.summary.itertuples())
            raise RunError(f"{self.folder}: there is no trial {label!r} with seed {seed}; there are: {trials}")
        path = self._path(label, seed, table)
        if not path.is_file():
            raise RunError(f"{path}: this file is missing")
        filters = [(column, "==", value) for column, value in only.items()] or None
        try:
            frame = pd.read_parquet(path, engine="pyarrow", filters=filters)
        except (OSError, ValueError) as error:  # pyarrow's own errors are one or the other
            raise RunError(f"{path}: cannot be read as Parquet: {first_line(error)}") from error
        _demand_columns(path, frame.columns, columns)
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
    if not (folder / "summary.json").is_file():
        raise RunError(f"{folder}: not a run folder, it has no summary.json (was the run finished?)")

    head = read_json(folder / "summary.json")
    trials = head.get("trials")
    if not isinstance(trials, list) or not trials or not all(isinstance(trial, dict) for trial in trials):
        raise RunError(f"{folder / 'summary.json'}: 'trials' must be a list of at least one trial")
    for trial in trials:
        _demand_columns(folder / "summary.json", trial, SUMMARY_COLUMNS)
    summary = _typed(folder / "summary.json", pd.DataFrame(trials), SUMMARY_COLUMNS, SUMMARY_LATER)
    if summary.duplicated(["label", "seed"]).any():
        raise RunError(f"{folder / 'summary.json'}: a label and seed appear twice among the trials")

    scenario = read_yaml(folder / "scenario.yaml")
    target = scenario.get("target_accuracy")
    return Run(
        folder=folder,
        name=", ".join(part for part in (str(scenario.get("name") or folder.name), name_of_trial(folder)) if part),
        summary=summary,
        rounds=_read_csv(folder / "rounds.csv", ROUNDS_COLUMNS, ROUNDS_LATER),
        breakdown=_read_csv(folder / "breakdown.csv", BREAKDOWN_COLUMNS),
        clients=read_if_there(folder / "clients.csv", CLIENTS_COLUMNS),
        waste=read_if_there(folder / "waste.csv", WASTE_COLUMNS),
        environment=read_json(folder / "environment.json"),
        scenario=scenario,
        scenario_text=read_text(folder / "scenario.yaml"),
        version=str(head.get("version") or ""),
        dry=bool(head.get("dry", False)),
        target_accuracy=float(target) if isinstance(target, int | float) else None,
        limited=limited(scenario),
        costs=_read_if_there(folder / "costs.csv", COSTS_COLUMNS),
    )


def check_folder(folder: Path) -> None:
    """Check that a folder exists.

    Raises:
        RunError: there is nothing at this path, or a file.
    """
    if not folder.exists():
        raise RunError(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise RunError(f"{folder}: this is a file, not a folder")


def read_text(path: Path) -> str:
    """Return the content of a text file.

    Raises:
        RunError: the file is missing or cannot be read.
    """
    if not path.is_file():
        raise RunError(f"{path}: this file is missing")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: cannot be read: {first_line(error)}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        RunError: the file is missing, or holds no JSON object.
    """
    try:
        return _mapping(path, json.loads(read_text(path)))
    except json.JSONDecodeError as error:
        raise RunError(f"{path}: cannot be read as JSON: {error}") from error


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises:
        RunError: the file is missing, or holds no mapping in YAML.
    """
    try:
        return _mapping(path, yaml.load(read_text(path), Loader=_LOADER))
    except yaml.YAMLError as error:
        raise RunError(f"{path}: cannot be read as YAML: {first_line(error)}") from error


def _mapping(path: Path, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RunError(f"{path}: must be a mapping of keys to values")
    return value


def _read_csv(
    path: Path, columns: tuple[str, ...], later: tuple[str, ...] = (), words: Set[str] = _WORDS
) -> pd.DataFrame:
    read_text(path)  # raises if the file is missing or unreadable
    try:
        # A label may be called "NA" or "1": only an empty field counts as missing, and words stay words.
        frame = pd.read_csv(path, dtype=dict.fromkeys(words, "object"), keep_default_na=False, na_values=[""])
    except ValueError as error:  # covers pandas' ParserError and EmptyDataError
        raise RunError(f"{path}: cannot be read as CSV: {first_line(error)}") from error
    _demand_columns(path, frame.columns, columns)
    return _typed(path, frame, columns, later, words)


def read_if_there(path: Path, columns: tuple[str, ...], *more_words: str) -> pd.DataFrame:
    """Return the table in a CSV file, or an empty one if there is no such file, as in runs of earlier versions.

    Args:
        path: the file.
        columns: the columns that it must have.
        more_words: those of them that hold text, beside the usual ones.

    Raises:
        RunError: the file cannot be read, or lacks a column.
    """
    there = path.exists()
    return _read_csv(path, columns, words=_WORDS.union(more_words)) if there else pd.DataFrame(columns=list(columns))


def _typed(
    path: Path, frame: pd.DataFrame, columns: tuple[str, ...], later: tuple[str, ...] = (), words: Set[str] = _WORDS
) -> pd.DataFrame:
    """Return a frame with its columns typed: text, whole numbers for seed, round and class, else floats (NaN: missing).

    Args:
        path: the file that the frame is from, for messages.
        frame: the frame.
        columns: columns that it has.
        later: columns that came with later versions, so that the frame may lack them.
        words: the columns that hold text.

    Raises:
        RunError: a column of numbers holds something else.
    """
    frame = frame.assign(**{column: float("nan") for column in later if column not in frame})
    for column in (*columns, *later):
        try:
            if column in words:
                frame[column] = frame[column].astype(str)
            elif column in ("seed", "round", "class"):
                frame[column] = frame[column].astype("int64")
            else:
                frame[column] = frame[column].astype("float64")
        except (TypeError, ValueError) as error:
            raise RunError(f"{path}: column {column!r} holds something else than numbers: {error}") from error
    return frame


def _demand_columns(path: Path, present: Any, wanted: tuple[str, ...]) -> None:
    missing = [column for column in wanted if column not in present]
    if missing:
        raise RunError(f"{path}: lacks {', '.join(missing)}")


def first_line(error: Exception) -> str:
    """Return the first line of a library's error message; the rest would not help a user of sfsim."""
    return (str(error).splitlines() or [type(error).__name__])[0]

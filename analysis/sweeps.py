"""Sweep folders as data frames: one row for each point, algorithm entry and seed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.axes import Axis, Value, parse_values, short_names
from analysis.columns import SUMMARY_COLUMNS
from analysis.goal import Goal, Target
from analysis.limits import limited
from analysis.places import places_of
from analysis.quantities import Measure, measure_of
from analysis.reading import RunError, as_written, check_folder, first_line, read_json, read_text, read_yaml
from analysis.runs import Run, load_run
from analysis.tasks import CLASSIFICATION
from analysis.trials import POINTS_COLUMNS

MEASURES = tuple(column for column in SUMMARY_COLUMNS if column not in ("algorithm", "label", "seed"))
TEXT = " text"
"""The suffix that, after the key of an axis, names the column of its values as they were written."""
DONE, BROKEN, MISSING = "done", "broken", "missing"


@dataclass(frozen=True, eq=False)
class Sweep:
    """A sweep folder: its axes and, in `summary`, one row for each point, algorithm entry and seed.

    The columns of `summary` are those of `points.csv`; each axis by its key (numbers in SI, else text) and once more as
    it was written (`<key> text`); and all measures of a trial's summary, in SI, NaN where there is none. A trial that
    failed or is missing keeps its rows, without measures: `status` is done, failed, missing or broken, and `message`
    says why.

    Attributes:
        folder: the folder.
        name: the name of the sweep.
        summary: the rows.
        axes: the axes, in the order of `points.csv`.
        together: groups of keys whose axes move as one (zipped).
        version: the version of sfsim that wrote the sweep; empty if unknown.
        dry: whether its trials were dry: costs without learning.
        limited: what the budgets of all its trials limit: seconds, updates or bytes; empty if rounds end some of them.
        held: the axes that `at` has fixed, and their values as written.
        task: what the models of all trials learn; "classification" if they learn different things.
        goal: what the target is of, if there is one.
        too_small: by trial, how many devices were too small for it and left out; only those with any.
    """

    folder: Path
    name: str
    summary: pd.DataFrame
    axes: tuple[Axis, ...]
    together: tuple[frozenset[str], ...]
    version: str
    dry: bool
    limited: str = ""
    held: tuple[tuple[str, str], ...] = ()
    task: str = CLASSIFICATION
    goal: Goal = "accuracy"
    too_small: Mapping[str, int] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """The labels of the algorithm entries, in the order of the scenario."""
        return list(dict.fromkeys(self.summary["label"]))

    @property
    def places(self) -> dict[str, int]:
        """By label, the place that settles its colour, dashes and marker in all figures."""
        return places_of(self.labels)

    @property
    def dimensions(self) -> list[Axis]:
        """The axes that vary: of those that move as one, only one, if possible one with numbers."""
        varying = sorted((axis for axis in self.axes if len(axis.values) > 1), key=lambda axis: not axis.numeric)
        kept: list[Axis] = []
        for axis in varying:
            if not any({axis.key, other.key} <= group for other in kept for group in self.together):
                kept.append(axis)
        return [axis for axis in self.axes if axis in kept]

    def axis(self, key: str) -> Axis:
        """Return the axis of this key, or of its shortest unique end (`head`).

        Raises:
            RunError: there is no such axis.
        """
        keys = [axis.key for axis in self.axes]
        full_keys = {name: key for key, name in short_names(keys).items()}
        matches = [axis for axis in self.axes if axis.key == full_keys.get(key, key)]
        if not matches:
            raise RunError(f"{self.folder}: this sweep has no axis {key!r}; it has: {', '.join(keys) or 'none'}")
        return matches[0]

    def measure(self, column: str) -> Measure:
        """Return the measure of this name.

        Raises:
            RunError: there is no such measure.
        """
        return measure_of(self.summary.drop(columns=[axis.key for axis in self.axes]), column, self.task)

    def at(self, place: Mapping[str, object]) -> Sweep:
        """Return the part of this sweep where axes have given values.

        >>> sweep.at({"world.devices.*.uplink.rate": "20 Mbit/s"})  # doctest: +SKIP

        Args:
            place: by the key of an axis, its value: a number in SI, or the text as written.

        Raises:
            RunError: there is no such axis or value, or no point with all of the values.
        """
        rows, held = self.summary, dict(self.held)
        for key, wanted in place.items():
            axis = self.axis(key)
            value = axis.find(wanted)
            if value is None:
                raise RunError(f"{self.folder}: {axis.key} is never {wanted}; it is {', '.join(axis.texts)}")
            rows = rows[rows[axis.key] == value]
            held[axis.key] = axis.texts[axis.values.index(value)]
        if rows.empty:
            raise RunError(f"{self.folder}: no point has {', '.join(f'{k} {v}' for k, v in place.items())} at once")
        axes = tuple(_axis_of(rows, axis.key) for axis in self.axes)
        return replace(self, summary=rows.reset_index(drop=True), axes=axes, held=tuple(held.items()))

    @cached_property
    def seeds_at(self) -> dict[tuple[int, str], list[int]]:
        """The numbers of the rows of `summary` by point and label, one per seed.

        A plain dictionary: a frame's `groupby` takes a hundred times as long.
        """
        rows: dict[tuple[int, str], list[int]] = {}
        for row, place in enumerate(zip(self.summary["point"].tolist(), self.summary["label"].tolist(), strict=True)):
            rows.setdefault(place, []).append(row)
        return rows

    def run(self, trial: str) -> Run:
        """Return one trial as a run, with its ledger if that was kept.

        Args:
            trial: the name of the trial, as in the column `trial` of `summary`.

        Raises:
            RunError: the trial is missing or cannot be read.
        """
        return load_run(self.folder / "trials" / trial)

    def means(self, keys: Sequence[str], measure: str) -> pd.DataFrame:
        """Return a measure at each place of these axes, for each label, over its seeds.

        Args:
            keys: the keys of the axes.
            measure: the column of the summary, or `bytes`.

        Returns:
            A frame with a row per place and label, and the columns of the keys, label, mean, low, high and std (SI),
            seeds (how many have a value) and lacking (how many have none, because their trial failed or is missing, or
            because there is no such value, as for a target that was not reached).

        Raises:
            RunError: there is no such measure, an axis is named twice, or several points are at one place.
        """
        if len(set(keys)) < len(keys):
            raise RunError(f"{self.folder}: x and y are the same axis, {keys[0]}")
        points = self.summary.groupby([*keys, "label"], sort=False, dropna=False)["point"].nunique()
        if (points > 1).any():
            others = [axis.key for axis in self.dimensions if axis.key not in keys and not self._tied(axis.key, keys)]
            raise RunError(
                f"{self.folder}: several points lie at one place of {' and '.join(keys)}; "
                f"choose one value of {', '.join(others)} with sweep.at({{...}})"
            )
        values = self.measure(measure).values(self.summary).rename("value")
        groups = pd.concat([self.summary[[*keys, "label"]], values], axis=1).groupby([*keys, "label"], sort=False)
        table = groups["value"].agg(["mean", "min", "max", "std", "count", "size"]).reset_index()
        table["lacking"] = table["size"] - table["count"]
        return table.drop(columns="size").rename(columns={"min": "low", "max": "high", "count": "seeds"})

    def _tied(self, key: str, keys: Sequence[str]) -> bool:
        return any({key, other} <= group for other in keys for group in self.together)


def load_sweep(folder: str | Path) -> Sweep:
    """Read a sweep folder; a trial that cannot be read keeps its rows, with the status `broken`.

    Raises:
        RunError: the folder is no sweep, a file in it cannot be read, or its trials are of several versions of sfsim.
    """
    folder = Path(folder)
    check_folder(folder)
    if not (folder / "points.csv").is_file():
        what = "it is a run's" if (folder / "summary.json").is_file() else "it has no points.csv"
        raise RunError(f"{folder}: not a sweep folder, {what}")
    points = _read_points(folder / "points.csv")
    keys = [column for column in points.columns if column not in POINTS_COLUMNS]
    for key in keys:
        points[key + TEXT] = points[key]
        points[key] = pd.Series(parse_values(list(points[key])), index=points.index)

    trials = {name: _Trial.read(folder / "trials" / name) for name in points.loc[points["status"] == DONE, "trial"]}
    plan = read_yaml(folder / "sweep.yaml")
    versions = {trial.version for trial in trials.values() if trial.status == DONE}
    versions |= {str(plan["version"])} if plan.get("version") else set()
    if len(versions) > 1:
        raise RunError(
            f"{folder}: the sweep and its trials are of several versions of sfsim ({', '.join(sorted(versions))}), "
            f"which do not compare; run it again with one"
        )
    by_trial = {name: trial.measures for name, trial in trials.items() if trial.measures}
    measures = pd.DataFrame([by_trial.get(name, {}) for name in points["trial"]], index=points.index)
    measures = measures.reindex(columns=list(dict.fromkeys((*MEASURES, *measures.columns)))).astype("float64")
    for name, trial in trials.items():
        if trial.status != DONE:
            points.loc[points["trial"] == name, ["status", "message"]] = [trial.status, trial.message]

    base = scenario if isinstance(scenario := plan.get("scenario"), Mapping) else {}
    tasks = {trial.task for trial in trials.values() if trial.status == DONE}
    target = Target.written(base)
    return Sweep(
        folder=folder,
        name=str(plan.get("name") or folder.name),
        summary=pd.concat([points, measures], axis=1),
        axes=tuple(_axis_of(points, key) for key in keys),
        together=tuple(frozenset(map(str, group)) for group in plan.get("zip") or () if isinstance(group, Mapping)),
        version="".join(versions),
        dry=bool(plan.get("dry")) or any(trial.dry for trial in trials.values()),
        limited=limited(base, keys),
        task=tasks.pop() if len(tasks) == 1 else CLASSIFICATION,
        goal="loss" if "target_loss" in keys or (target and target.goal == "loss") else "accuracy",
        too_small={name: trial.too_small for name, trial in trials.items() if trial.too_small},
    )


def opened(sweep: str | Path | Sweep) -> Sweep:
    """Return a sweep as it is, or read that of a folder.

    Raises:
        RunError: as `load_sweep` does.
    """
    return sweep if isinstance(sweep, Sweep) else load_sweep(sweep)


def _axis_of(rows: pd.DataFrame, key: str) -> Axis:
    values: list[Value] = list(rows[key])
    return Axis.of(key, values, list(rows[key + TEXT]))


def _read_points(path: Path) -> pd.DataFrame:
    """Read `points.csv`, all of it as text (a label may be called "NA") except for the numbers of points and seeds."""
    try:
        frame = as_written(pd.read_csv(io.StringIO(read_text(path)), dtype="object", keep_default_na=False))
    except ValueError as error:  # covers pandas' ParserError and EmptyDataError
        raise RunError(f"{path}: cannot be read as CSV: {first_line(error)}") from error
    lacking = [column for column in POINTS_COLUMNS if column not in frame]
    if lacking:
        raise RunError(f"{path}: lacks {', '.join(lacking)}; was it written by another version of sfsim?")
    if frame.empty:
        raise RunError(f"{path}: lists no trial")
    for column in ("point", "seed"):
        try:
            frame[column] = frame[column].astype("int64")
        except (TypeError, ValueError) as error:
            raise RunError(f"{path}: column {column!r} holds something else than whole numbers: {error}") from error
    if frame.duplicated(["point", "label", "seed"]).any():
        raise RunError(f"{path}: a point, label and seed appear twice")
    return frame


@dataclass(frozen=True)
class _Trial:
    """The folder of one trial: its measures, or why it has none."""

    status: str
    message: str = ""
    measures: Mapping[str, float | None] | None = None
    version: str = ""
    dry: bool = False
    task: str = CLASSIFICATION
    too_small: int = 0

    @classmethod
    def read(cls, folder: Path) -> _Trial:
        """Read the folder of a trial; whatever is wrong with it becomes its status and message."""
        path = folder / "summary.json"
        if not path.is_file():
            return cls(MISSING, f"{path}: this file is missing")
        try:
            head = read_json(path)
        except RunError as error:
            return cls(BROKEN, str(error))
        trials = head.get("trials")
        alone = isinstance(trials, list) and len(trials) == 1 and isinstance(trials[0], dict)
        trial: dict[str, Any] = trials[0] if isinstance(trials, list) and alone else {}
        lacking = [column for column in MEASURES if column not in trial] if alone else ["a trial"]
        if lacking:
            return cls(BROKEN, f"{path}: lacks {', '.join(lacking)}; was it written by another version of sfsim?")
        measures = {key: value for key, value in trial.items() if key in MEASURES or _is_number(value)}
        measures = {key: value for key, value in measures.items() if key not in ("algorithm", "label", "seed")}
        wrong = [key for key, value in measures.items() if value is not None and not _is_number(value)]
        if wrong:
            return cls(BROKEN, f"{path}: {', '.join(wrong)} must be numbers")
        task = str(head.get("task") or CLASSIFICATION)
        small = trial.get("devices_too_small")
        count = len(small) if isinstance(small, list) else 0
        return cls(DONE, "", measures, str(head.get("version") or ""), bool(head.get("dry", False)), task, count)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

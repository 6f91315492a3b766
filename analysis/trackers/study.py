"""A finished run or sweep as trackers take it: its trials with their settings, figures and curves."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

from analysis.columns import ROUNDS_COLUMNS
from analysis.reading import RunError, demand_columns, read_json, read_text, read_yaml
from analysis.trackers.flat import Scalar, flat
from simulator.settings.files import RUN_UNDER_WAY

Columns = Mapping[str, Sequence[float]]
"""Numbers by the names of their columns."""
OVER: Mapping[str, tuple[str, ...]] = {
    "rounds": ("round",),
    "time": ("sim_time_s",),
    "bytes": ("bytes_up", "bytes_down"),
    "energy": ("client_energy_j",),
}
"""What curves run over, and the columns whose sum that is: rounds, simulated seconds, bytes, joules of the devices."""
TOTALS = (
    *("bytes_up", "bytes_down", "client_flops", "server_flops", "client_energy_j", "server_energy_j", "updates"),
    *("cost_usd", "carbon_kg"),
)
"""Columns of ``rounds.csv`` that only grow: they are drawn over rounds, and over simulated time."""
_PAGES = ("scenario.yaml", "sweep.yaml", "environment.json", "report.html", "explorer.html")


@dataclass(frozen=True)
class Curve:
    """The values of a measure at the ends of rounds, where it has any.

    Attributes:
        measure: the column of ``rounds.csv``.
        over: what it runs over, a key of ``OVER``.
        across: where on that axis each value is, in SI.
        seconds: the simulated time of each value.
        values: the values.
        rows: at which places among the rows of the trial they are.
    """

    measure: str
    over: str
    across: Sequence[float]
    seconds: Sequence[float]
    values: Sequence[float]
    rows: Sequence[int]

    @property
    def tag(self) -> str:
        """Its name: that of its group, a slash, and the rest."""
        return f"totals/{self.measure}" if self.measure in TOTALS else f"{self.measure}/over {self.over}"

    @property
    def steps(self) -> list[int]:
        """The places on its axis as whole numbers, which is all that some trackers take."""
        return [round(place) for place in self.across]


@dataclass(frozen=True, eq=False)
class TrackedTrial:
    """One algorithm with one seed, at one point if it is of a sweep.

    Attributes:
        key: a hash by which it is recognised.
        name: a name that no other trial of the study has.
        label: the label of its algorithm's entry.
        algorithm: the algorithm's name.
        seed: its seed.
        varied: what tells it from other trials of a sweep: by the key of an axis, its value in SI, or as text.
        settings: all its settings by dotted key; of a trial in a sweep, only what is varied.
        summary: what it has in ``summary.json``.
        folder: the folder with its ``rounds.csv``.
        ended: when it was done, in seconds since 1970.
    """

    key: str
    name: str
    label: str
    algorithm: str
    seed: int
    varied: Mapping[str, Scalar]
    settings: Mapping[str, Scalar]
    summary: Mapping[str, Any]
    folder: Path
    ended: float
    _rounds: Columns | None = field(default=None, repr=False)

    @property
    def hparams(self) -> dict[str, Scalar]:
        """What to compare trials by: algorithm, label and seed, and in a sweep the values of its axes."""
        return {"algorithm": self.algorithm, "label": self.label, "seed": self.seed, **self.varied}

    @property
    def figures(self) -> dict[str, float]:
        """The numbers of its summary, without those that are missing or not finite."""
        return {
            key: value
            for key, value in self.summary.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and key != "seed" and isfinite(value)
        }

    @cached_property
    def rounds(self) -> Columns:
        """Its rows of ``rounds.csv``, as columns of numbers; NaN where there is none."""
        return self._rounds if self._rounds is not None else _columns(self.folder / "rounds.csv")

    def across(self, over: str) -> list[float]:
        """Return where each of its rows is on an axis, in SI; ``over`` is a key of ``OVER``."""
        return [sum(numbers) for numbers in zip(*(self.rounds[column] for column in OVER[over]), strict=True)]

    def curves(self) -> Iterator[Curve]:
        """Yield its curves: what is learned over each of ``OVER``, and running totals over rounds."""
        learned = [column for column in self.rounds if column == "loss" or "accuracy" in column]
        places, seconds = {over: self.across(over) for over in OVER}, self.rounds["sim_time_s"]
        for measure in (*learned, *(column for column in TOTALS if column in self.rounds)):
            values = self.rounds[measure]
            rows = [row for row, value in enumerate(values) if isfinite(value)]
            if not rows:
                continue
            for over in OVER if measure in learned else ("rounds",):
                yield Curve(
                    measure,
                    over,
                    across=[places[over][row] for row in rows],
                    seconds=[seconds[row] for row in rows],
                    values=[values[row] for row in rows],
                    rows=rows,
                )


@dataclass(frozen=True, eq=False)
class Study:
    """A finished run or sweep.

    Attributes:
        key: a hash by which it is recognised.
        folder: its folder.
        name: the name of the scenario or sweep.
        dry: whether it was dry.
        version: the version of sfsim that wrote it.
        is_sweep: whether it is a sweep.
        scenario: the resolved scenario; of a sweep, the base scenario.
        trials: the finished trials.
    """

    key: str
    folder: Path
    name: str
    dry: bool
    version: str
    is_sweep: bool
    scenario: Mapping[str, Any]
    trials: Sequence[TrackedTrial]

    @property
    def title(self) -> str:
        """The name of its folder, which tells it from other runs of a scenario."""
        return self.folder.resolve().name

    @property
    def tags(self) -> dict[str, str]:
        """Words by which it is found."""
        return {
            "scenario": self.name,
            "kind": "sweep" if self.is_sweep else "run",
            "dry": "yes" if self.dry else "no",
            "version": self.version,
        }

    @property
    def images(self) -> list[Path]:
        """Its figures."""
        return sorted((self.folder / "figures").glob("*.png"))

    @property
    def files(self) -> list[Path]:
        """Its scenario, its report, and its tables."""
        pages = [self.folder / name for name in _PAGES if (self.folder / name).is_file()]
        return [*pages, *sorted(self.folder.glob("*.csv"))]


def study_of(folder: Path) -> Study:
    """Read the folder of a finished run or sweep.

    Raises:
        RunError: it is neither, it is not finished, or a file in it cannot be read.
    """
    return _sweep(folder) if (folder / "points.csv").is_file() else _run(folder)


def _run(folder: Path) -> Study:
    from analysis.runs import load_run

    if (folder / RUN_UNDER_WAY).is_dir():
        raise RunError(f"{folder}: its run is not complete: send it when it is, after sfsim run ... --resume")
    run = load_run(folder)
    ended = (folder / "summary.json").stat().st_mtime
    shared = flat({key: value for key, value in run.scenario.items() if key not in ("algorithms", "seeds", "name")})
    entries = {entry.get("label"): entry for entry in run.scenario.get("algorithms") or () if isinstance(entry, dict)}
    numbers = run.rounds.drop(columns=["algorithm", "label"])
    groups = numbers.groupby([run.rounds["label"], run.rounds["seed"]], sort=False)
    rows = {place: {str(key): part[key].tolist() for key in part} for place, part in groups}
    trials = []
    for trial in read_json(folder / "summary.json")["trials"]:
        label, seed = str(trial["label"]), int(trial["seed"])
        if (label, seed) not in rows:
            raise RunError(f"{folder / 'rounds.csv'}: lacks the rounds of {label}, seed {seed}")
        settings = flat(entries.get(label, {}), "algorithm")
        trials.append(
            TrackedTrial(
                key=_hash(run.version, run.scenario_text, trial),
                name=f"{label}-{seed}",
                label=label,
                algorithm=str(trial["algorithm"]),
                seed=seed,
                varied={},
                settings={**settings, "label": label, "seed": seed, **shared},
                summary=trial,
                folder=folder,
                ended=ended,
                _rounds=rows[label, seed],
            )
        )
    name = str(run.scenario.get("name") or run.folder.name)
    key = _hash([trial.key for trial in trials])
    return Study(key, folder, name, run.dry, run.version, False, run.scenario, trials)


def _sweep(folder: Path) -> Study:
    from analysis.sweeps import DONE, load_sweep

    sweep = load_sweep(folder)
    plan = read_yaml(folder / "sweep.yaml")
    base = plan.get("scenario")
    keys = [axis.key for axis in sweep.axes]
    rows = sweep.summary[sweep.summary["status"] == DONE]
    trials = []
    for hash_, same in rows.groupby("trial", sort=False):  # points that differ in what an algorithm ignores share one
        place = folder / "trials" / str(hash_)
        summary = read_json(place / "summary.json")["trials"][0]
        first = same.iloc[0]
        varied = {key: _plain(first[key]) for key in keys if same[key].nunique(dropna=False) == 1}
        label, seed = str(first["label"]), int(first["seed"])
        trials.append(
            TrackedTrial(
                key=_hash(str(hash_), summary),
                name=f"{int(first['point']):04d}-{label}-{seed}",
                label=label,
                algorithm=str(first["algorithm"]),
                seed=seed,
                varied=varied,
                settings={"algorithm.name": str(first["algorithm"]), "label": label, "seed": seed, **varied},
                summary=summary,
                folder=place,
                ended=(place / "summary.json").stat().st_mtime,
            )
        )
    if not trials:
        raise RunError(f"{folder}: no trial of this sweep is done")
    key = _hash(sweep.name, sweep.version, read_text(folder / "sweep.yaml"))
    scenario = base if isinstance(base, Mapping) else {}
    return Study(key, folder, sweep.name, sweep.dry, sweep.version, True, scenario, trials)


def _columns(path: Path) -> Columns:
    """Return the columns of numbers in the table of one trial; for a thousand small ones, pandas would take longer."""
    table = csv.reader(io.StringIO(read_text(path)))
    try:
        names, *rows = table
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        demand_columns(path, columns, ROUNDS_COLUMNS)
        words = ("algorithm", "label")
        return {key: [float(cell or "nan") for cell in column] for key, column in columns.items() if key not in words}
    except ValueError as error:
        raise RunError(f"{path}: cannot be read as a table of numbers: {error}") from error


def _plain(value: Any) -> Scalar:
    """Return a value of an axis as plain data: a number in SI, or text."""
    return float(value) if not isinstance(value, str) else value


def _hash(*what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:16]

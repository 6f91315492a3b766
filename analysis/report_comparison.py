"""Several runs joined into one: labels kept distinct, measures in common, and the settings in which the runs differ."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.columns import COSTS_TO_TARGET
from analysis.headline import HELD
from analysis.interactive.timeline import rounds_of
from analysis.measures import present
from analysis.places import places_of
from analysis.reading import RunError
from analysis.report_page import THERE, described, flat
from analysis.runs import Run, load_run
from analysis.sweeps import MEASURES
from analysis.tasks import SEVERAL
from analysis.versions import versions_told
from simulator.settings.humanize import MISSING

_NOT_COMPARED = frozenset({"wall_time_s", "rounds", "final_loss"})
ABSENT = "–"


@dataclass(frozen=True)
class Difference:
    """A setting in which the runs differ.

    Attributes:
        key: its dotted key.
        values: its value in each run, in the order of the runs.
    """

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Several runs side by side.

    Attributes:
        runs: the runs, by titles that tell them apart.
        joined: all of them as one run.
        own_labels: by label of `joined`, the run it is from and its label there.
        notes: sentences on what does not compare.
        differences: the settings in which the runs differ.
    """

    runs: dict[str, Run]
    joined: Run
    own_labels: dict[str, tuple[Run, str]]
    notes: tuple[str, ...]
    differences: tuple[Difference, ...]

    def rounds(self) -> dict[str, tuple[Run, str, int]]:
        """Return, for every label of `joined`, the run it is from, its label there and the round to show.

        Raises:
            RunError: the ledger of a run cannot be read.
        """
        usual = {title: rounds_of(run) for title, run in self.runs.items()}
        titles = {id(run): title for title, run in self.runs.items()}
        return {shown: usual[titles[id(run)]][label] for shown, (run, label) in self.own_labels.items()}


def compare(folders: Sequence[str | Path]) -> Comparison:
    """Read runs and join them.

    Raises:
        RunError: one of them is no run or is named twice, or they have no measure in common.
    """
    runs = _load([Path(folder) for folder in folders])
    occurrences = Counter(label for run in runs.values() for label in run.labels)
    shown = {
        (title, label): f"{label} ({title})" if occurrences[label] > 1 else label
        for title, run in runs.items()
        for label in run.labels
    }
    if not any(_common(runs, column) for column in MEASURES if column not in _NOT_COMPARED):
        raise RunError(
            f"{' and '.join(runs)} cannot be compared: there is no measure of which all of them have a value"
        )
    return Comparison(
        runs=runs,
        joined=_joined(runs, shown),
        own_labels={name: (runs[title], label) for (title, label), name in shown.items()},
        notes=tuple(_notes(runs)),
        differences=tuple(_differences(runs)),
    )


def _load(folders: Sequence[Path]) -> dict[str, Run]:
    """Read runs, and return them by names that tell them apart: their own, else their folders', else their paths."""
    if len({os.path.realpath(folder) for folder in folders}) < len(folders):
        twice = next(folder for folder, count in Counter(map(os.path.realpath, folders)).items() if count > 1)
        raise RunError(f"{twice}: this run is named twice; a comparison is of different ones")
    runs = []
    for folder in folders:
        if (folder / "points.csv").is_file():
            raise RunError(f"{folder}: this is a sweep's folder; only runs are compared, `sfsim report` draws a sweep")
        with versions_told(folder):
            runs.append(load_run(folder))
    for names in (
        [run.name for run in runs],
        [Path(os.path.realpath(run.folder)).name for run in runs],
        [str(run.folder) for run in runs],
    ):
        if len(set(names)) == len(runs):
            break
    return dict(zip(names, runs, strict=True))


def _joined(runs: dict[str, Run], shown: dict[tuple[str, str], str]) -> Run:
    """Return all runs as one, with the scenario of the first, and with a target only if it is the same in all of them.

    Args:
        runs: the runs, by title.
        shown: by title and label, the label in the joined run.
    """
    first = next(iter(runs.values()))

    def together(name: str) -> pd.DataFrame:
        frames = {title: getattr(run, name) for title, run in runs.items()}
        filled = [_renamed(frame, title, shown) for title, frame in frames.items() if not frame.empty]
        return pd.concat(filled, ignore_index=True) if filled else getattr(first, name)

    summary, rounds, breakdown, waste, costs = map(together, ("summary", "rounds", "breakdown", "waste", "costs"))
    same_target = len({run.target for run in runs.values()}) == 1
    if not same_target:
        summary[["time_to_target_s", HELD, *COSTS_TO_TARGET]] = float("nan")
    copies = [
        (shown[title, label], label, sum(label in other.labels for other in list(runs.values())[:number]))
        for number, (title, run) in enumerate(runs.items())
        for label in run.labels
    ]
    return replace(
        first,
        places=places_of(list(dict.fromkeys(label for run in runs.values() for label in run.places)), copies),
        name=" and ".join(runs) if len(runs) < 4 else f"{len(runs)} runs",
        summary=summary,
        rounds=rounds,
        breakdown=breakdown,
        waste=waste,
        costs=costs,
        version=" and ".join(dict.fromkeys(run.version for run in runs.values())),
        dry=all(run.dry for run in runs.values()),
        target=first.target if same_target else None,
        task=first.task if len({run.task for run in runs.values()}) == 1 else SEVERAL,
        limited=first.limited if len({run.limited for run in runs.values()}) == 1 else "",
    )


def _notes(runs: dict[str, Run]) -> Iterator[str]:
    """Yield sentences on what does not compare between the runs."""
    if len({run.version for run in runs.values()}) > 1:
        versions = ", ".join(f"{title} is of sfsim {run.version or '(no version)'}" for title, run in runs.items())
        yield f"The runs are of different versions, which may count differently: {versions}."
    dry = [title for title, run in runs.items() if run.dry]
    if dry and len(dry) < len(runs):
        yield f"Without accuracy, as dry runs have none: {', '.join(dry)}."
    if len({run.task for run in runs.values()}) > 1:
        tasks = ", ".join(f"{title} {run.task.replace('_', ' ')}" for title, run in runs.items())
        yield f"The runs learn different tasks, so that their accuracies do not compare: {tasks}."
    if len({run.target for run in runs.values()}) > 1:
        targets = ", ".join(f"{title} {run.target.said if run.target else MISSING}" for title, run in runs.items())
        cost = any(not run.costs.empty for run in runs.values())
        left_out = "Time and cost to the target are" if cost else "The time to the target is"
        yield f"{left_out} left out, as the targets differ: {targets}."
    if len({tuple(dict.fromkeys(run.summary["seed"])) for run in runs.values()}) > 1:
        yield "The runs have different seeds: partitions, cohorts and initial weights are not the same."


def _renamed(frame: pd.DataFrame, title: str, shown: dict[tuple[str, str], str]) -> pd.DataFrame:
    """Return a frame of the run with this title, with its labels as the joined run has them."""
    known = frame[[(title, label) in shown for label in frame["label"]]]
    return known.assign(label=[shown[title, label] for label in known["label"]])


def _common(runs: dict[str, Run], column: str) -> bool:
    return all(present(run.summary, column) for run in runs.values())


def _differences(runs: dict[str, Run]) -> list[Difference]:
    """Return the settings of the scenarios, then of the environments, whose values are not the same in all runs."""
    descriptions = [dict(_described(run)) for run in runs.values()]
    keys = dict.fromkeys(key for description in descriptions for key in description)
    rows = [(key, tuple(description.get(key, ABSENT) for description in descriptions)) for key in keys]
    differing = [Difference(key, values) for key, values in rows if len(set(values)) > 1]
    # An item that some runs lack is one difference: the settings inside it would add nothing.
    lone = [f"{row.key}." for row in differing if set(row.values) == {THERE, ABSENT}]
    return [row for row in differing if not any(row.key.startswith(item) for item in lone)]


def _described(run: Run) -> list[tuple[str, str]]:
    """Return what describes a run, as pairs of a dotted key and a text."""
    scenario: dict[str, Any] = {key: value for key, value in run.scenario.items() if key != "name"}
    dry = [("dry", str(run.dry).lower()), ("version", run.version)]
    environment = [
        (f"environment.{key}" if key != "plugins" else key, text) for key, text in described(run.environment)
    ]
    return [*dry, *flat(scenario), *environment]

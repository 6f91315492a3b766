"""The table of a run: what each algorithm reached and what it took, mean over seeds, in people's units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.humanize import MISSING, Kind, Scale, common_scale, human, human_spread, scale
from analysis.runs import Run


@dataclass(frozen=True)
class Cell:
    """One figure as shown; `best` marks the best of its row."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Row:
    """One measure, a cell for each label of the run in its order."""

    group: str
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class _Measure:
    group: str
    name: str
    column: str
    kind: Kind
    more_is_better: bool = False


_MEASURES = (
    _Measure("Learning", "Final accuracy", "final_accuracy", "fraction", more_is_better=True),
    _Measure("Learning", "Best accuracy", "best_accuracy", "fraction", more_is_better=True),
    _Measure("Learning", "Trainable parameters", "trainable_parameters", "count"),
    _Measure("Time", "Time to target", "time_to_target_s", "seconds"),
    _Measure("Time", "Simulated time", "sim_time_s", "seconds"),
    _Measure("Traffic", "Sent up", "bytes_up", "bytes"),
    _Measure("Traffic", "Sent down", "bytes_down", "bytes"),
    _Measure("Traffic", "of which provisioning", "bytes_provisioning", "bytes"),
    _Measure("Work", "Device FLOPs", "client_flops", "flops"),
    _Measure("Work", "Server FLOPs", "server_flops", "flops"),
    _Measure("Energy", "Devices", "client_energy_j", "joules"),
    _Measure("Energy", "Server", "server_energy_j", "joules"),
    _Measure("Memory", "Peak of a device", "peak_client_memory_bytes", "bytes"),
)


def measure_rows(run: Run) -> list[Row]:
    """All measures of a run as rows, the best figure of each marked (all of them where figures read the same)."""
    return [Row(measure.group, measure.name, _cells(run, measure)) for measure in _MEASURES]


def highlights(run: Run) -> list[tuple[str, str, str]]:
    """What a reader wants first: (what, which label, how much), for what the run can answer."""
    asked = [
        _Measure("", "Most accurate at the end", "final_accuracy", "fraction", more_is_better=True),
        _Measure("", f"First to {human('fraction', run.target_accuracy)}", "time_to_target_s", "seconds"),
        _Measure("", "Least simulated time", "sim_time_s", "seconds"),
        _Measure("", "Least traffic", "traffic", "bytes"),
        _Measure("", "Least device energy", "client_energy_j", "joules"),
        _Measure("", "Least memory on a device", "peak_client_memory_bytes", "bytes"),
    ]
    found = []
    for measure in asked:
        winners = [label for label, cell in zip(run.labels, _cells(run, measure), strict=True) if cell.best]
        if winners:
            much = _text(measure.kind, _values(run, winners[0], measure.column), unit=None)
            found.append((measure.name, _listed(winners), much))
    return found


def _cells(run: Run, measure: _Measure) -> tuple[Cell, ...]:
    values = [_values(run, label, measure.column) for label in run.labels]
    # A label that reached a value with some seeds only has a mean that compares with no other.
    means = [float(column.mean()) if column.notna().all() else None for column in values]
    unit = common_scale(measure.kind, (float(column.mean()) for column in values))
    texts = [_text(measure.kind, column, unit) for column in values]
    return tuple(Cell(text, best) for text, best in zip(texts, _best(means, measure.more_is_better), strict=True))


def _best(means: Sequence[float | None], more_is_better: bool) -> list[bool]:
    """Which of these means read as the best one; none where all read the same, or there is nothing to compare."""
    shown = [None if mean is None else float(f"{mean:.3g}") for mean in means]  # equal to the eye is equal
    present = [mean for mean in shown if mean is not None]
    if len(set(shown)) < 2:
        return [False] * len(means)
    best = max(present) if more_is_better else min(present)
    return [mean == best for mean in shown]


def _values(run: Run, label: str, column: str) -> pd.Series:
    rows = run.summary[run.summary["label"] == label]
    return rows["bytes_up"] + rows["bytes_down"] if column == "traffic" else rows[column]


def _text(kind: Kind, values: pd.Series, unit: Scale | None) -> str:
    present = values.dropna()
    if present.empty:
        return MISSING
    mean = float(present.mean())
    text = human_spread(mean, float(present.std()), unit or scale(kind, mean))
    return text if len(present) == len(values) else f"{text} ({len(present)} of {len(values)} seeds)"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)

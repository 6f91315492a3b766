"""The data with which the page of a sweep shows single points: where time, bytes and joules go, and one round."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from analysis import style
from analysis.columns import BREAKDOWN_COLUMNS
from analysis.interactive.figure import number
from analysis.interactive.places import Places, places
from analysis.interactive.timeline import bars_each, timeline_figure
from analysis.interactive.where import OPTIONS, PATTERNS
from analysis.reading import RunError
from analysis.spans import read_timeline, usual_round
from analysis.sweeps import DONE, Sweep
from analysis.where import ACTIVITIES, KINDS, shares_of_devices
from simulator.settings.csv_cells import unescaped_row

_MOST_BARS = 40
"""The most values of an axis, each of which has its bar in a figure."""
_MOST_TIMELINES = 18


def where_data(sweep: Sweep, room: int = 400_000) -> dict[str, Any] | None:
    """Return where device time, bytes and joules go, as JSON; None if no trial says, or if there is no room.

    `pieces` are pairs of phase and activity. A row of `rows` is `[[index on each axis], label, amounts]`, where amounts
    has, for each of `of`, a list with an amount (SI, mean over seeds) for each piece. `said` is a sentence for the
    caption on points that are left out.

    Args:
        sweep: the sweep.
        room: the most characters of JSON, roughly.
    """
    shares = _shares(sweep)
    if all(table.empty for table in shares.values()):
        return None
    most = sweep.summary["point"].nunique()
    while True:
        chosen = places(sweep, most, _MOST_BARS)
        data = _where(sweep, shares, chosen)
        size = len(json.dumps(data["rows"], separators=(",", ":")))
        if size <= room or len(chosen.of) <= 1:
            return data if size <= room else None
        most = max(1, min(len(chosen.of) - 1, int(0.9 * len(chosen.of) * room / size)))


def _shares(sweep: Sweep) -> dict[str, pd.DataFrame]:
    """Return, by column of a breakdown, the shares of devices by trial, phase and activity, for all readable trials."""
    words, amounts = BREAKDOWN_COLUMNS[3:6], BREAKDOWN_COLUMNS[6:]
    rows: list[tuple[Any, ...]] = []
    for trial in dict.fromkeys(sweep.summary.loc[sweep.summary["status"] == DONE, "trial"]):
        try:
            with (sweep.folder / "trials" / trial / "breakdown.csv").open(newline="", encoding="utf-8") as file:
                rows += [
                    (trial, *(row[name] for name in words), *(float(row[name]) for name in amounts))
                    for row in map(unescaped_row, csv.DictReader(file))
                ]
        except (OSError, KeyError, TypeError, ValueError, csv.Error):
            continue  # the trial still has its measures; only its bar stays empty
    table = pd.DataFrame(rows, columns=["trial", *words, *amounts])
    return {column: shares_of_devices(table, column, "trial") for column in KINDS}


def _where(sweep: Sweep, shares: dict[str, pd.DataFrame], chosen: Places) -> dict[str, Any]:
    """Return the JSON of `where_data` for some points."""
    phases = style.phase_order(phase for table in shares.values() for phase in table["phase"])
    present = {pair for table in shares.values() for pair in zip(table["phase"], table["activity"], strict=True)}
    pieces = [(phase, activity) for phase in phases for activity in ACTIVITIES if (phase, activity) in present]
    indices, colours = {pair: index for index, pair in enumerate(pieces)}, style.phase_colours(phases)
    amounts: dict[tuple[str, str], list[float]] = {}
    for column, table in shares.items():
        for trial, phase, activity, amount in table.itertuples(index=False, name=None):
            amounts.setdefault((trial, column), [0.0] * len(pieces))[indices[phase, activity]] = amount
    labels = {label: index for index, label in enumerate(sweep.labels)}
    readable, zeros = {trial for trial, _ in amounts}, [0.0] * len(pieces)
    trials, rows = sweep.summary["trial"].tolist(), []
    for (point, label), seeds in sweep.seeds_at.items():
        own_trials = [trials[row] for row in seeds if trials[row] in readable]
        if point in chosen.of and own_trials:
            by_column = [[amounts.get((trial, column), zeros) for trial in own_trials] for column in shares]
            means = [
                [number(sum(values) / len(own_trials), 4) for values in zip(*by_trial, strict=True)]
                for by_trial in by_column
            ]
            rows.append([list(chosen.of[point]), labels[label], means])
    return {
        "axes": chosen.axes,
        "of": [{"name": name, "kind": KINDS[column], "title": title} for name, (column, title) in OPTIONS.items()],
        "pieces": [
            {"phase": phase, "activity": activity, "colour": colours[phase], "pattern": PATTERNS.get(activity, "")}
            for phase, activity in pieces
        ],
        "rows": rows,
        "said": chosen.said,
    }


def round_data(sweep: Sweep, room: int = 600_000) -> dict[str, Any] | None:
    """Return a round at some points, as JSON; None if no trial has its ledger, or if there is no room.

    A row of `rows` is `[[index on each axis], label, name of a figure]`, for the first seed that is done; `figures` has
    the figures by name. `said` is a sentence for the caption on points that are left out.

    Args:
        sweep: the sweep.
        room: the most characters of JSON, roughly.
    """
    most = _MOST_TIMELINES
    while True:
        chosen = places(sweep, most)
        wanted = [row for row in _first_seeds(sweep) if row[0] in chosen.of]
        trials = len({trial for *_, trial in wanted})  # points may share one
        if trials <= _MOST_TIMELINES or len(chosen.of) <= 1:
            data = _rounds(sweep, chosen, wanted, bars_each(trials))
            size = len(json.dumps(data["figures"], separators=(",", ":")))
            if size <= room or len(chosen.of) <= 1:
                return data if data["rows"] and size <= room else None
        most = max(1, min(len(chosen.of) - 1, len(chosen.of) * _MOST_TIMELINES // trials))


def _first_seeds(sweep: Sweep) -> Iterator[tuple[int, str, str]]:
    """Return point, label and trial, for the first seed that is done."""
    done = sweep.summary[sweep.summary["status"] == DONE].drop_duplicates(["point", "label"])
    return zip(*(done[column].tolist() for column in ("point", "label", "trial")), strict=True)


def _rounds(sweep: Sweep, chosen: Places, wanted: Sequence[tuple[int, str, str]], most: int) -> dict[str, Any]:
    """Return the JSON of `round_data` for some points, with at most so many bars per figure."""
    labels = {label: index for index, label in enumerate(sweep.labels)}
    label_of = {trial: label for _, label, trial in wanted}
    figures = {trial: figure for trial, label in label_of.items() if (figure := _round(sweep, trial, label, most))}
    rows = [[list(chosen.of[point]), labels[label], trial] for point, label, trial in wanted if trial in figures]
    return {"axes": chosen.axes, "rows": rows, "figures": figures, "said": chosen.said}


def _round(sweep: Sweep, trial: str, label: str, most: int) -> dict[str, Any] | None:
    """Return the figure of a trial's usual round; None if its ledger was not kept or cannot be read."""
    try:
        run = sweep.run(trial)
        return timeline_figure(read_timeline(run, label, usual_round(run)), most)
    except RunError:
        return None

"""What the page of a sweep shows of single points: where time, bytes and joules go there, and a round."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from analysis import style
from analysis.interactive.figure import number
from analysis.interactive.places import Places, places
from analysis.interactive.timeline import bars_each, timeline_figure
from analysis.interactive.where import OPTIONS, PATTERNS
from analysis.runs import BREAKDOWN_COLUMNS, RunError
from analysis.sweeps import DONE, Sweep
from analysis.timeline import read_timeline, usual_round
from analysis.where import ACTIVITIES, KINDS, shares_of_devices

_MOST_BARS = 40
"""Of a figure: values of an axis, each with its bar."""
_MOST_TIMELINES = 18


def where_data(sweep: Sweep, room: int = 400_000) -> dict[str, Any] | None:
    """Where device time, bytes and joules go, as JSON of about so many characters; None where no trial tells.

    `pieces` are phases and activities, `rows` `[place on each axis, label, amounts]`: for each of `of` a list with an
    amount (SI) for each piece, the mean over seeds. `said` is what a caption says of points without room.
    """
    shares = _shares(sweep)
    if all(table.empty for table in shares.values()):
        return None
    most = sweep.summary["point"].nunique()
    while True:
        chosen = places(sweep, most, _MOST_BARS)
        found = _where(sweep, shares, chosen)
        size = len(json.dumps(found["rows"], separators=(",", ":")))
        if size <= room or len(chosen.of) <= 1:
            return found if size <= room else None
        most = max(1, min(len(chosen.of) - 1, int(0.9 * len(chosen.of) * room / size)))


def _shares(sweep: Sweep) -> dict[str, pd.DataFrame]:
    """By column of a breakdown: trial, phase, activity and how much, for all trials that tell."""
    words, amounts = BREAKDOWN_COLUMNS[3:6], BREAKDOWN_COLUMNS[6:]
    rows: list[tuple[Any, ...]] = []
    for trial in dict.fromkeys(sweep.summary.loc[sweep.summary["status"] == DONE, "trial"]):
        try:
            with (sweep.folder / "trials" / trial / "breakdown.csv").open(newline="", encoding="utf-8") as file:
                rows += [
                    (trial, *(row[name] for name in words), *(float(row[name]) for name in amounts))
                    for row in csv.DictReader(file)
                ]
        except (OSError, KeyError, TypeError, ValueError, csv.Error):
            continue  # its measures are there all the same, and its bar is empty
    table = pd.DataFrame(rows, columns=["trial", *words, *amounts])
    return {column: shares_of_devices(table, column, "trial") for column in KINDS}


def _where(sweep: Sweep, shares: dict[str, pd.DataFrame], chosen: Places) -> dict[str, Any]:
    phases = style.phase_order(phase for table in shares.values() for phase in table["phase"])
    there = {pair for table in shares.values() for pair in zip(table["phase"], table["activity"], strict=True)}
    pieces = [(phase, activity) for phase in phases for activity in ACTIVITIES if (phase, activity) in there]
    turns, colours = {pair: turn for turn, pair in enumerate(pieces)}, style.phase_colours(phases)
    amounts: dict[tuple[str, str], list[float]] = {}
    for column, table in shares.items():
        for trial, phase, activity, much in table.itertuples(index=False, name=None):
            amounts.setdefault((trial, column), [0.0] * len(pieces))[turns[phase, activity]] = much
    labels = {label: turn for turn, label in enumerate(sweep.labels)}
    telling, nothing = {trial for trial, _ in amounts}, [0.0] * len(pieces)
    trials, rows = sweep.summary["trial"].tolist(), []
    for (point, label), seeds in sweep.seeds_at.items():
        told = [trials[row] for row in seeds if trials[row] in telling]
        if point in chosen.of and told:
            own = [[amounts.get((trial, column), nothing) for trial in told] for column in shares]
            means = [[number(sum(each) / len(told), 4) for each in zip(*known, strict=True)] for known in own]
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
    """A round at some points, as JSON of about so many characters; None where no trial has its ledger.

    `rows` are `[place on each axis, label, name of a figure]`, of the first seed that is done; `figures` has them by
    name. `said` is what a caption says of points without room.
    """
    most = _MOST_TIMELINES
    while True:
        chosen = places(sweep, most)
        wanted = [row for row in _first_seeds(sweep) if row[0] in chosen.of]
        trials = len({trial for *_, trial in wanted})  # points may share one
        if trials <= _MOST_TIMELINES or len(chosen.of) <= 1:
            found = _rounds(sweep, chosen, wanted, bars_each(trials))
            size = len(json.dumps(found["figures"], separators=(",", ":")))
            if size <= room or len(chosen.of) <= 1:
                return found if found["rows"] and size <= room else None
        most = max(1, min(len(chosen.of) - 1, len(chosen.of) * _MOST_TIMELINES // trials))


def _first_seeds(sweep: Sweep) -> Iterator[tuple[int, str, str]]:
    """Point, label and trial, of the first seed that is done."""
    done = sweep.summary[sweep.summary["status"] == DONE].drop_duplicates(["point", "label"])
    return zip(*(done[column].tolist() for column in ("point", "label", "trial")), strict=True)


def _rounds(sweep: Sweep, chosen: Places, wanted: Sequence[tuple[int, str, str]], most: int) -> dict[str, Any]:
    labels = {label: turn for turn, label in enumerate(sweep.labels)}
    own = {trial: label for _, label, trial in wanted}
    drawn = {trial: figure for trial, label in own.items() if (figure := _round(sweep, trial, label, most))}
    rows = [[list(chosen.of[point]), labels[label], trial] for point, label, trial in wanted if trial in drawn]
    return {"axes": chosen.axes, "rows": rows, "figures": drawn, "said": chosen.said}


def _round(sweep: Sweep, trial: str, label: str, most: int) -> dict[str, Any] | None:
    """The figure of a trial's usual round; None where its ledger was not kept, or cannot be read."""
    try:
        run = sweep.run(trial)
        return timeline_figure(read_timeline(run, label, usual_round(run)), most)
    except RunError:
        return None

"""What a report says of servers and of critical paths: lengths of queues over time, and small tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.columns import PATHS_COLUMNS, QUEUES_COLUMNS, WAITS_COLUMNS
from analysis.losses import TextTable
from analysis.reading import read_if_there
from analysis.runs import Run
from simulator.settings.humanize import human

MOST_STEPS = 300
"""The steps of one line; a queue that changes more often is shown as means over so many equal parts of the time."""
MOST_WAITS = 6
"""How many groups and phases of each label are listed."""
_ALL = "all"
_ROUNDING = 1e-12
"""Moments that differ by no more than this part of the clock are one (as in `simulator.accounting.queues`)."""
OwnLabels = dict[str, tuple[Run, str]]
"""By label as shown, the run that it is from and its label there."""


class Length(NamedTuple):
    """The length of a queue over time: what it is from each moment to the next.

    Attributes:
        at: the moments, in seconds since the start of the trial.
        mean: the mean number of waiting works until the next moment.
        largest: the largest number until then.
    """

    at: list[float]
    mean: list[float]
    largest: list[int]


def queue_lengths(run: Run, label: str, most: int = MOST_STEPS) -> dict[str, Length]:
    """Return the length of the queue of every site that serves others, over the time of a label's first seed.

    Args:
        run: the run.
        label: the label.
        most: the most steps of each.

    Raises:
        RunError: the ledger cannot be read.
    """
    seed = run.seeds(label)[0]
    works = run.columns(label, seed, "works", "site", "client", "asked", "start")
    end = float(run.summary.loc[(run.summary["label"] == label) & (run.summary["seed"] == seed), "sim_time_s"].iloc[0])
    serving = works.loc[works["client"] != works["site"], "site"].unique().tolist()
    late = works[(works["start"] > works["asked"]) & works["site"].isin(serving)]
    further = run.columns(label, seed, "waits", "site", "start", "seconds")
    sites = pd.concat([late["site"], further["site"]]).to_numpy()
    begins = np.concatenate([late["asked"].to_numpy(), further["start"].to_numpy()]).astype(float)
    ends = np.concatenate([late["start"].to_numpy(), (further["start"] + further["seconds"]).to_numpy()]).astype(float)
    return {site: _length(begins[sites == site], ends[sites == site], end, most) for site in serving}


def length_of(intervals: list[tuple[float, float]], end: float, most: int = MOST_STEPS) -> Length:
    """Return how many intervals there are at once, from 0 until ``end`` (seconds), in at most so many steps."""
    begins, ends = np.array([a for a, _ in intervals]), np.array([b for _, b in intervals])
    return _length(begins, ends, end, most)


def _length(begins: np.ndarray, ends: np.ndarray, end: float, most: int) -> Length:
    times, number = _steps(begins, ends, end)
    if len(times) <= most:
        return Length(times.tolist(), number.astype(float).tolist(), number.tolist())
    edges = np.linspace(0.0, max(end, times[-1]), most + 1)
    areas = np.concatenate(([0.0], np.cumsum(number[:-1] * np.diff(times))))
    means = np.diff(np.interp(edges, times, areas)) / np.diff(edges)
    first = np.searchsorted(times, edges[:-1], side="right") - 1  # the step that holds at the beginning of each part
    after = np.searchsorted(times, edges[1:], side="left")
    largest = [int(number[a:b].max()) for a, b in zip(first, after, strict=True)]
    return Length([*edges[:-1].tolist(), float(edges[-1])], [*means.tolist(), 0.0], [*largest, 0])


def _steps(begins: np.ndarray, ends: np.ndarray, end: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the moments at which the number of intervals changes, with 0 and ``end``, and the number from then on.

    Moments that differ by rounding are one: else a work that begins when another ends would be a peak of no time.
    """
    every = np.unique(np.concatenate(([0.0, end], begins, ends)))
    last = np.append(np.diff(every) > _ROUNDING * every[1:], True)  # of those that are one
    times = every[last]
    begun, ended = (np.searchsorted(np.sort(moments), times, side="right") for moments in (begins, ends))
    number = begun - ended
    kept = np.concatenate(([True], np.diff(number) != 0))
    kept[-1] = True
    return times[kept], number[kept]


def read_queues(run: Run, label: str) -> pd.DataFrame:
    """Return the queues of a label, a row for each seed, site and GPU; empty in runs of earlier versions.

    Raises:
        RunError: the file cannot be read.
    """
    return _of(read_if_there(run.folder / "queues.csv", QUEUES_COLUMNS, "site", "gpu"), label)


def read_paths(run: Run, label: str) -> pd.DataFrame:
    """Return what all rounds of a label waited for, a row for each seed and part; empty in runs of earlier versions.

    Raises:
        RunError: the file cannot be read.
    """
    table = read_if_there(run.folder / "critical_path.csv", PATHS_COLUMNS, "group", "round")
    return _of(table[table["round"] == _ALL], label)


def server_tables(own_labels: OwnLabels) -> list[TextTable]:
    """Return the tables of servers and of their waits, as far as there are any.

    Raises:
        RunError: a file cannot be read.
    """
    tables = [
        TextTable(
            "servers",
            "How busy, and how long a queue",
            (*("Algorithm", "Where", "Busy", "Works", "Mean wait", "95 % within", "Longest wait"),
             *("Mean queue", "Longest", "Works a pass")),
            [row for name, (run, label) in own_labels.items() for row in _server_rows(name, run, label)],
            "Busy is the share of the time of all slots in which they served. A work that did not wait counts as a "
            "wait of nothing; the time for which one was set aside for others is waiting. Where works share the "
            "processor none waits, and each takes longer. Means over seeds.",
        ),
        TextTable(
            "waits",
            "Who waited there",
            ("Algorithm", "Where", "Devices", "Phase", "Works", "Mean wait", "95 % within", "In all"),
            [row for name, (run, label) in own_labels.items() for row in _wait_rows(name, run, label)],
            "The groups of devices, and the phases, that waited longest in all. Means over seeds.",
        ),
    ]  # fmt: skip
    return [table for table in tables if table.rows]


def _server_rows(name: str, run: Run, label: str) -> Iterator[tuple[str, ...]]:
    queues = read_queues(run, label)
    if not queues.loc[queues["gpu"] == _ALL, "works"].gt(0).any():
        return
    amounts = ["utilisation", "works", "mean_wait_s", "p95_wait_s", "max_wait_s", "mean_queue", "max_queue"]
    means = queues.groupby(["site", "gpu"], sort=False)[[*amounts, "works_per_pass"]].mean()
    gpus = queues.groupby("site")["gpu"].nunique() - 1
    for (site, gpu), row in zip(means.index, means.to_dict("records"), strict=True):
        if gpu != _ALL and gpus[site] == 1:
            continue
        waits = [human("seconds", row[column]) for column in ("mean_wait_s", "p95_wait_s", "max_wait_s")]
        lengths = [human("count", row[column]) for column in ("mean_queue", "max_queue", "works_per_pass")]
        where = site if gpu == _ALL else f"{site}, GPU {gpu}"
        busy = human("fraction", row["utilisation"])
        yield name, where, busy, human("count", row["works"]), *waits, *lengths


def _wait_rows(name: str, run: Run, label: str) -> Iterator[tuple[str, ...]]:
    waits = _of(read_if_there(run.folder / "waits.csv", WAITS_COLUMNS, "site", "group"), label)
    amounts = ["works", "mean_wait_s", "p95_wait_s", "total_wait_s"]
    means = waits.groupby(["site", "group", "phase"])[amounts].mean().sort_values("total_wait_s", ascending=False)
    means = means[means["total_wait_s"] > 0].head(MOST_WAITS)
    for kind, row in zip(means.index, means.to_dict("records"), strict=True):
        seconds = [human("seconds", row[column]) for column in amounts[1:]]
        yield name, *kind, human("count", row["works"]), *seconds


def _of(table: pd.DataFrame, label: str) -> pd.DataFrame:
    return table[table["label"] == label].reset_index(drop=True)

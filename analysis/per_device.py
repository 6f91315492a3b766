"""What each device of a trial did and used, from its ledger: the quantities whose spread a report shows.

The rule is the one by which the run itself counted energy (`simulator.accounting.usage`), so that the joules of all
devices add up to those in the summary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow
from pyarrow import compute

from analysis.runs import Run

MOST_READ = 3_000_000
"""Of a ledger with more rows than this, every second, third, ... device is looked at."""
_AT_ONCE = 1_000_000
"""How many rows are read at once: for each part, the names of all devices are hashed anew."""
_TABLES = ("works", "transfers", "engagements", "absences")
_SENT = ("start", "seconds", "latency", "bytes")
_POWER = ("idle_w", "compute_w", "upload_w", "download_w")


class Devices(NamedTuple):
    """What the devices of a trial did and used.

    Attributes:
        frame: a row for each device, with its ``name`` and ``group``; ``chosen``, how often it took part; ``busy_s``,
            the seconds in which it computed or moved data, and ``wait_s``, those in which it took part and did neither;
            ``bytes``, what it sent and received; ``energy_j``, the joules it drew while it took part. All but
            ``chosen`` are missing (NaN) for devices that never took part.
        every: 1, or 2, 3, ... if only every second, third, ... device was looked at.
    """

    frame: pd.DataFrame
    every: int


class _Spans(NamedTuple):
    """Intervals of devices: the place of the device, and when they start and end."""

    device: np.ndarray
    start: np.ndarray
    end: np.ndarray


def per_device(run: Run, label: str, seed: int) -> Devices | None:
    """Return what the devices of a trial did and used; None if the ledger does not tell all of it.

    Raises:
        RunError: a table of the ledger cannot be read.
    """
    folder = run.folder / "ledger" / f"{label}-{seed}"
    if not all((folder / f"{name}.parquet").is_file() for name in (*_TABLES, "sites")):
        return None
    rows = sum(len(file) for name in _TABLES if (file := run.file(label, seed, name)))
    every = -(-rows // MOST_READ) or 1
    sites = run.columns(label, seed, "sites", "name", "group", "role", *_POWER)
    devices = sites[sites["role"] == "device"].iloc[::every].reset_index(drop=True)
    ledger = _Ledger(run, label, seed, pyarrow.array(devices["name"], pyarrow.string()))
    idle, computing, sending, receiving = (devices[name].to_numpy(dtype=float) for name in _POWER)

    worked, work_s = ledger.works()
    moved, sent_bytes = ledger.transfers()
    engaged, away = ledger.spans("engagements", "client"), ledger.spans("absences", "site")
    up, down = ledger.union(*moved[:1]), ledger.union(*moved[1:])
    busy, took_part, active = ledger.union(worked, *moved), ledger.union(engaged), ledger.union(worked, *moved, engaged)
    either = ledger.union(engaged, away) if len(away.device) else took_part
    present = ledger.total(engaged) - (took_part + ledger.union(away) - either)
    waiting = np.maximum(0.0, present - (busy + took_part - active))
    counted = present + active - took_part
    energy = idle * counted + (computing - idle) * work_s + (sending - idle) * up + (receiving - idle) * down
    used = {"busy_s": busy, "wait_s": waiting, "bytes": sent_bytes, "energy_j": energy}
    nobody = (took_part == 0) & (busy == 0)
    frame = devices[["name", "group"]].assign(
        chosen=ledger.chosen(), **{name: np.where(nobody, np.nan, values) for name, values in used.items()}
    )
    return Devices(frame, every)


class _Ledger:
    """The ledger of a trial as intervals of some devices.

    Args:
        run: the run.
        label: the label of the trial.
        seed: the seed of the trial.
        names: the names of the devices.
    """

    def __init__(self, run: Run, label: str, seed: int, names: pyarrow.Array) -> None:
        self.run, self.label, self.seed, self.names = run, label, seed, names
        self.count = len(names)

    def batches(self, table: str, named: str, *columns: str) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
        """Yield the rows of a table that name one of the devices: its places, and the columns."""
        file = self.run.file(self.label, self.seed, table)
        for batch in file.batches([named, *columns], _AT_ONCE) if file else ():
            yield self._named(batch[named], [batch[name].to_numpy() for name in columns])

    def _named(self, names: pyarrow.ChunkedArray, columns: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the places of those devices that are among some names, and for each what columns have."""
        places = compute.fill_null(compute.index_in(names, value_set=self.names), -1).to_numpy()
        known = places >= 0
        return places[known], [column[known] for column in columns]

    def spans(self, table: str, named: str) -> _Spans:
        """Return the intervals in a table, by the device that a column names."""
        found = [(who, *times) for who, times in self.batches(table, named, "start", "seconds")]
        who, start, seconds = _joined(found, 3)
        return _Spans(who.astype(int), start, start + seconds)

    def works(self) -> tuple[_Spans, np.ndarray]:
        """Return the works on the devices, and the seconds for which they kept a slot of each busy."""
        found = [(who, *each) for who, each in self.batches("works", "site", "start", "seconds", "share")]
        who, start, seconds, share = _joined(found, 4)
        work_s = np.bincount(who.astype(int), seconds * share, minlength=self.count)
        return _Spans(who.astype(int), start, start + seconds), work_s

    def transfers(self) -> tuple[list[_Spans], np.ndarray]:
        """Return what each device sent and what it received, latency left out, and the bytes of both together."""
        spans, total = [], np.zeros(self.count)
        ends: dict[str, list[tuple[np.ndarray, ...]]] = {"source": [], "target": []}
        file = self.run.file(self.label, self.seed, "transfers")
        for batch in file.batches([*ends, *_SENT], _AT_ONCE) if file else ():
            columns = [batch[name].to_numpy() for name in _SENT]
            for named, parts in ends.items():
                places, own = self._named(batch[named], columns)
                parts.append((places, *own))
        for parts in ends.values():
            who, start, seconds, latency, size = _joined(parts, 5)
            spans.append(_Spans(who.astype(int), start + latency, start + seconds))
            total += np.bincount(who.astype(int), size, minlength=self.count)
        return spans, total

    def chosen(self) -> np.ndarray:
        """Return how often each device was chosen: its attempts or, without any, the rounds in which it took part."""
        if self.run.file(self.label, self.seed, "attempts"):
            who = _joined([(places,) for places, _ in self.batches("attempts", "client")], 1)[0]
        else:
            turns = _joined([(places, *each) for places, each in self.batches("engagements", "client", "round")], 2)
            who = np.unique(np.stack(turns), axis=1)[0]
        times: np.ndarray = np.bincount(who.astype(int), minlength=self.count).astype(float)
        return times

    def total(self, spans: _Spans) -> np.ndarray:
        """Return the seconds of all intervals of each device."""
        seconds: np.ndarray = np.bincount(spans.device, spans.end - spans.start, minlength=self.count)
        return seconds

    def union(self, *several: _Spans) -> np.ndarray:
        """Return for how many seconds each device was in any of the intervals; what overlaps counts once."""
        device, start, end = (np.concatenate(parts) for parts in zip(*several, strict=True))
        return union_seconds(device, start, end, self.count)


def union_seconds(device: np.ndarray, start: np.ndarray, end: np.ndarray, count: int) -> np.ndarray:
    """Return the length of the union of intervals, for each device.

    Args:
        device: the place of the device of each interval.
        start, end: when each starts and ends, in seconds.
        count: how many devices there are.
    """
    times = np.bincount(device, minlength=count)
    if times.max(initial=0) <= 1:
        once: np.ndarray = np.bincount(device, np.maximum(0.0, end - start), minlength=count)
        return once
    order = np.lexsort((start, device))
    device, start, end = device[order], start[order], end[order]
    # When all that started before has ended: the largest end so far of the same device.
    until = np.full(len(end), -np.inf)
    until[1:] = np.where(device[1:] == device[:-1], end[:-1], -np.inf)
    step = 1
    while step < times.max():  # over twice as many with each step
        same = device[step:] == device[:-step]
        until[step:] = np.where(same, np.maximum(until[step:], until[:-step]), until[step:])
        step *= 2
    seconds: np.ndarray = np.bincount(device, np.maximum(0.0, end - np.maximum(start, until)), minlength=count)
    return seconds


def _joined(parts: list[tuple[np.ndarray, ...]], columns: int) -> list[np.ndarray]:
    """Return the columns of several parts of a table; empty ones if there are no parts."""
    if not parts:
        return [np.zeros(0) for _ in range(columns)]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]

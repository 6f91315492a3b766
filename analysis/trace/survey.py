"""A first look at a trial: about how many events its rounds and devices have, and what is shown of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow
from pyarrow import compute

from analysis.trace.excerpt import Excerpt, Gap, Rounds, some_devices
from analysis.trace.tables import Tables

EVENTS = {"works": 4, "transfers": 8, "attempts": 1, "critical_path": 1, "absences": 3}
"""About how many events a row of a table is: slices, flows, and steps of counters."""
_DEVICE = {"works": ("client",), "transfers": ("client",), "attempts": ("client",), "absences": ("site",)}


def survey(tables: Tables) -> Rounds:
    """Return the rounds of a trial, with about how many events each has; what is before the first belongs to it."""
    turns = tables.whole("rounds", "round", "start", "seconds")
    events = np.zeros(max(1, len(turns["start"])))
    for name, each in EVENTS.items():
        for table in tables.batches(name, "start"):
            events += each * np.bincount(_round_of(table, turns["start"]), minlength=len(events))
    return Rounds(turns["round"], turns["start"], turns["start"] + turns["seconds"], events)


def _round_of(table: pyarrow.Table, starts: np.ndarray) -> np.ndarray:
    places: np.ndarray = np.maximum(0, np.searchsorted(starts, table["start"].to_numpy(), side="right") - 1)
    return places


def excerpt(tables: Tables, rounds: Rounds, most: float) -> Excerpt:
    """Return what is shown of a trial in about so many events.

    Args:
        tables: the trial's ledger.
        rounds: its rounds, as `survey` returns them.
        most: the number of events.
    """
    devices = [site.name for site in tables.sites if site.client]
    about: dict[str, Any] = {"devices": len(devices), "rounds": len(rounds.number)}
    if rounds.events.sum() <= most:
        return Excerpt(**about)
    gaps: list[Gap] = []
    if len(rounds.number):
        show = rounds.chosen(most)
        gaps = list(rounds.gaps(show))
        if rounds.events[show].sum() <= most:
            return Excerpt(gaps, **about)
    events, finish, others = _by_device(tables, Excerpt(gaps, **about), devices)
    present = np.flatnonzero(events)
    names = [devices[place] for place in present]
    shown = some_devices(names, events[present], finish[present], most - others)
    return Excerpt(gaps, frozenset(devices) - shown, **about)


def _by_device(tables: Tables, shown: Excerpt, devices: list[str]) -> tuple[np.ndarray, np.ndarray, float]:
    """Return for each device about how many events it has in what is shown, and when it is done; and other events."""
    known = pyarrow.array(devices, pyarrow.string())
    events, finish, others = np.zeros(len(devices)), np.zeros(len(devices)), 0.0
    for name, places, ends in _rows(tables, shown, known):
        of_device = places >= 0
        events += EVENTS[name] * np.bincount(places[of_device], minlength=len(devices))
        others += EVENTS[name] * float((~of_device).sum())
        np.maximum.at(finish, places[of_device], ends[of_device])
    return events, finish, others


def _rows(tables: Tables, shown: Excerpt, known: pyarrow.Array) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for name, columns in _DEVICE.items():
        for table in tables.batches(name, *columns, "start", "seconds"):
            keep = shown.rows(table)
            table = table if keep is None else table.filter(pyarrow.array(keep))
            places = compute.fill_null(compute.index_in(table[columns[0]], value_set=known), -1).to_numpy()
            yield name, places, table["start"].to_numpy() + table["seconds"].to_numpy()

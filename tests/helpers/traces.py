"""Reading traces, and checking them against Chrome's Trace Event Format as Perfetto reads it."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

Event = dict[str, Any]

KEYS = {
    "X": {"name", "cat", "ph", "ts", "dur", "pid", "tid", "args"},
    "s": {"name", "cat", "ph", "ts", "pid", "tid", "id"},
    "f": {"name", "cat", "ph", "ts", "pid", "tid", "id", "bp"},
    "C": {"name", "ph", "ts", "pid", "tid", "args"},
    "M": {"name", "ph", "pid", "tid", "args"},
}


def ns(microseconds: float) -> int:
    """Return a time in whole nanoseconds, as Perfetto takes it."""
    return round(microseconds * 1000)


def faults(events: list[Event]) -> Iterator[str]:
    """Yield what is wrong with a trace, a text for each fault."""
    for event in events:
        if event.keys() != KEYS.get(event["ph"]):
            yield f"keys of {event}"
        elif any(ns(event.get(key, 0)) < 0 for key in ("ts", "dur")):
            yield f"before the beginning: {event}"
    slices, named = defaultdict(list), defaultdict(dict)
    for event in events:
        if event["ph"] == "X":
            slices[event["pid"], event["tid"]].append((ns(event["ts"]), ns(event["ts"]) + ns(event["dur"])))
        elif event["ph"] == "M":
            if event["name"] in named[event["pid"], event["tid"]]:
                yield f"twice: {event}"
            named[event["pid"], event["tid"]][event["name"]] = event["args"]
    for track, spans in slices.items():
        if not {"thread_name", "thread_sort_index"} <= named[track].keys():
            yield f"no name: {track}"
        for (_, end), (start, _) in pairwise(spans):
            if start < end:
                yield f"overlap in {track} at {start}"
    if {pid for pid, _ in slices} != {pid for (pid, _), metadata in named.items() if "process_name" in metadata}:
        yield "a process without a name"
    names = [(pid, about["thread_name"]["name"]) for (pid, _), about in named.items() if "thread_name" in about]
    if len(set(names)) < len(names):
        yield "two tracks of one name"
    if {tid for _, tid in slices} & ({0} | {pid for pid, _ in slices}):
        yield "a track with the number of a process"
    yield from _faults_of_flows(events)
    counters = defaultdict(list)
    for event in (event for event in events if event["ph"] == "C"):
        counters[event["pid"], event["name"]].append(ns(event["ts"]))
        if any(not isinstance(value, int | float) or value < 0 for value in event["args"].values()):
            yield f"no value: {event}"
    yield from (f"{name} goes back" for name, times in counters.items() if sorted(set(times)) != times)


def _faults_of_flows(events: list[Event]) -> Iterator[str]:
    """Yield what is wrong with the flows, which Perfetto binds to the slice that began last on the same track."""
    latest: dict[tuple[int, int], Event] = {}
    begun: dict[int, Event] = {}
    ended = set()
    for event in sorted((event for event in events if event["ph"] in "Xsf"), key=lambda event: ns(event["ts"])):
        track = event["pid"], event["tid"]
        if event["ph"] == "X":
            latest[track] = event
            continue
        bound = latest.get(track)
        if bound is None or ns(event["ts"]) > ns(bound["ts"]) + ns(bound["dur"]):
            yield f"in no slice: {event}"
        elif event["ph"] == "s":
            if event["id"] in begun:
                yield f"twice: {event}"
            begun[event["id"]] = bound
        else:
            source = begun.get(event["id"])
            if source is None or described(source) != described(bound) or source["cat"] == bound["cat"]:
                yield f"from {source} to {bound}"
            ended.add(event["id"])
    if ended != set(begun):
        yield "a flow without an end"


def described(transfer: Event) -> tuple[object, ...]:
    """Return what the two slices of a transfer have in common."""
    return transfer["name"], *(transfer["args"].get(key) for key in ("kind", "round", "bytes"))


def read(path: Path) -> list[Event]:
    """Return the events of a trace file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        events: list[Event] = json.load(file)["traceEvents"]
    return events


def first(events: list[Event], kind: str) -> Event:
    """Return the first event of a kind, such as "X" for slices."""
    return next(event for event in events if event["ph"] == kind)


def tracks(events: list[Event], pid: int) -> dict[int, str]:
    """Return the names of a trial's tracks."""
    said = (event for event in events if (event["pid"], event["name"]) == (pid, "thread_name"))
    return {event["tid"]: event["args"]["name"] for event in said}


def slices(events: list[Event], pid: int = 1) -> dict[str, list[tuple[float, float, str]]]:
    """Return what is on each track of a trial: from when (s), how long, which phase."""
    names = tracks(events, pid)
    found = defaultdict(list)
    for event in events:
        if event["ph"] == "X" and event["pid"] == pid:
            row = round(event["ts"] / 1e6, 9), round(event["dur"] / 1e6, 9), event["name"]
            found[names[event["tid"]]].append(row)
    return found


def counter(events: list[Event], name: str, pid: int = 1) -> list[tuple[float, float]]:
    """Return the moments (s) and values of a counter."""
    steps = [event for event in events if (event["ph"], event["name"], event["pid"]) == ("C", name, pid)]
    return [(event["ts"] / 1e6, *event["args"].values()) for event in steps]


def area(steps: list[tuple[float, float]]) -> float:
    """Return the area below a counter, which ends at 0."""
    assert not steps or steps[-1][1] == 0
    return sum(value * (later - moment) for (moment, value), (later, _) in pairwise(steps))

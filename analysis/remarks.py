"""Remarks that a reader needs beside a table of measures: too little memory, cuts per device, compression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.axes import parse_values
from analysis.disclosed import sent_kinds
from analysis.report_page import section
from analysis.runs import Run
from simulator.settings.humanize import human

_DIRECTIONS = ("up", "down")


def remarks(shown: Mapping[str, tuple[Run, str]]) -> list[str]:
    """Return sentences about the labels of a report.

    Of several seeds, memory is the largest, devices left out are those of any seed, and cuts are those of the first.

    Args:
        shown: by the name under which a label is shown, the run it is from and its label there.
    """
    topics = (_too_small, _left_out, _cuts, _compression, _not_looked_at)
    return [
        f"{name}{remark}" for name, (run, label) in shown.items() for topic in topics for remark in topic(run, label)
    ]


def _too_small(run: Run, label: str) -> Iterator[str]:
    """Say where memory was too small but counted as if it were enough, which only `on_oom: ignore` allows."""
    world = section(run.scenario, "world")
    if world.get("on_oom") != "ignore":
        return
    rows = _rows(run, label)
    needed = float(rows["peak_client_memory_bytes"].max())
    memories = [(str(group.get("name")), _bytes(group)) for group in _mappings(world.get("devices"))]
    small = [f"{name} has {human('bytes', size)}" for name, size in memories if size < needed]
    if small:
        # Devices with different cuts need different amounts, of which the summary has the largest only.
        sure = len(small) == len(memories) or len({(cut["head"], cut["tail"]) for cut in _first(rows, "cuts")}) < 2
        counted = "wherever chosen, counted" if sure else "wherever chosen, perhaps counted"
        yield f" needs up to {human('bytes', needed)} on a device; {_listed(small)}: {counted} as if it had enough."
    needed, server = float(rows["peak_server_memory_bytes"].max()), section(world, "server")
    if _bytes(server) < needed:
        available = f"{server.get('name', 'which')} has {human('bytes', _bytes(server))}"
        yield f" needs {human('bytes', needed)} at the server; {available}: counted as if it had enough."


def _left_out(run: Run, label: str) -> Iterator[str]:
    """Say which devices were left out because their memory is too small."""
    rows = _rows(run, label)
    lists = rows.get("devices_too_small", ())
    if devices := {device for names in lists if isinstance(names, list) for device in names}:
        yield f" leaves out devices whose memory is too small for it: {_counted(map(_kind, devices))}."


def _cuts(run: Run, label: str) -> Iterator[str]:
    """Say where a cut policy cut the model, by kind of device."""
    cuts = _first(_rows(run, label), "cuts")
    kinds = (f"{_kind(cut['device'])}: head {cut['head']}{_tail(cut['tail'])}" for cut in cuts)
    if listed := "; ".join(f"{kind} ({_devices(count)})" for kind, count in Counter(kinds).items()):
        yield f" has cuts that were chosen per device. {listed}."


def _compression(run: Run, label: str) -> Iterator[str]:
    """Say which of the payloads that this label sends are compressed, and how."""
    shared = section(section(run.scenario, "training"), "compression")
    entry = next((e for e in _mappings(run.scenario.get("algorithms")) if e.get("label") == label), {})
    settings = {**shared, **section(section(entry, "training"), "compression")}
    sent = sent_kinds(run, label)
    methods = {
        key: method.get("name")
        for key, method in settings.items()
        if isinstance(method, Mapping) and _covers(key, sent)
    }
    if methods:
        yield f" sends {_listed([f'{key} compressed by {name}' for key, name in methods.items()])}."


def _not_looked_at(run: Run, label: str) -> Iterator[str]:
    """Say which of the scenario's training settings this label's algorithm does not use."""
    rows = _rows(run, label)
    value = rows["not_looked_at"].iloc[0] if "not_looked_at" in rows else []
    yield from (f" {sentence}." for sentence in value if isinstance(value, list))


def _covers(key: str, sent: set[tuple[str, str]] | None) -> bool:
    """Return whether a key of `compression` applies to anything that was sent.

    Args:
        key: `KIND`, `KIND up` or `KIND down`; it covers the kind with labels beside it as well.
        sent: payload kinds and their directions; None if they are not known.
    """
    kind, _, last = key.rpartition(" ")
    kind, directions = (kind, (last,)) if kind and last in _DIRECTIONS else (key, _DIRECTIONS)
    return sent is None or any((name, way) in sent for name in (kind, f"{kind} and labels") for way in directions)


def _rows(run: Run, label: str) -> pd.DataFrame:
    return run.summary[run.summary["label"] == label]


def _first(rows: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    """Return the list that a column holds for the first seed; empty in summaries of earlier versions."""
    value = rows[column].iloc[0] if column in rows else []
    return value if isinstance(value, list) else []


def _bytes(site: Mapping[str, Any]) -> float:
    """Return the memory of a site of the scenario ("4 GiB") in bytes; infinite if the scenario does not say."""
    (size,) = parse_values([str(site.get("memory"))])
    return size if isinstance(size, float) else float("inf")


def _kind(device: str) -> str:
    """Return the kind of a device: `pi` of `pi-3`."""
    return device.rpartition("-")[0]


def _tail(blocks: int) -> str:
    return f", tail {blocks}" if blocks else ""


def _devices(count: int) -> str:
    return "1 device" if count == 1 else f"{count} devices"


def _counted(kinds: Iterable[str]) -> str:
    return _listed([f"{kind} ({_devices(count)})" for kind, count in sorted(Counter(kinds).items())])


def _listed(parts: list[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []

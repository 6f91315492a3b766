"""What a reader must know beside a table of measures: memory that is not there, cuts per device, compression."""

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
    """Sentences on labels, by the names under which they are shown: the run each is from, and its label there.

    Of several seeds, memory is the largest of them, devices left out are those of any, cuts are the first one's.
    """
    about = (_too_small, _left_out, _cuts, _compression, _not_looked_at)
    return [f"{name}{said}" for name, (run, label) in shown.items() for each in about for said in each(run, label)]


def _too_small(run: Run, label: str) -> Iterator[str]:
    """What was counted as if memory were there; where a scenario does not ignore it, nothing was."""
    world = section(run.scenario, "world")
    if world.get("on_oom") != "ignore":
        return
    rows = _rows(run, label)
    needed = float(rows["peak_client_memory_bytes"].max())
    owned = [(str(group.get("name")), _bytes(group)) for group in _mappings(world.get("devices"))]
    small = [f"{name} has {human('bytes', size)}" for name, size in owned if size < needed]
    if small:
        # Devices with cuts of their own need different amounts, and the summary tells the largest alone.
        sure = len(small) == len(owned) or len({(cut["head"], cut["tail"]) for cut in _first(rows, "cuts")}) < 2
        counted = "wherever chosen, counted" if sure else "wherever chosen, perhaps counted"
        yield f" needs up to {human('bytes', needed)} on a device; {_listed(small)}: {counted} as if it had enough."
    needed, server = float(rows["peak_server_memory_bytes"].max()), section(world, "server")
    if _bytes(server) < needed:
        there = f"{server.get('name', 'which')} has {human('bytes', _bytes(server))}"
        yield f" needs {human('bytes', needed)} at the server; {there}: counted as if it had enough."


def _left_out(run: Run, label: str) -> Iterator[str]:
    rows = _rows(run, label)
    lists = rows.get("devices_too_small", ())
    if devices := {device for found in lists if isinstance(found, list) for device in found}:
        yield f" leaves out devices whose memory is too small for it: {_counted(map(_kind, devices))}."


def _cuts(run: Run, label: str) -> Iterator[str]:
    """Where a policy cut the model, by kind of device."""
    cuts = _first(_rows(run, label), "cuts")
    places = (f"{_kind(cut['device'])}: head {cut['head']}{_tail(cut['tail'])}" for cut in cuts)
    if said := "; ".join(f"{place} ({_devices(count)})" for place, count in Counter(places).items()):
        yield f" has cuts that were chosen per device. {said}."


def _compression(run: Run, label: str) -> Iterator[str]:
    """What this label sends smaller, and how; what all are asked for counts where the label sends such a thing."""
    shared = section(section(run.scenario, "training"), "compression")
    own = next((e for e in _mappings(run.scenario.get("algorithms")) if e.get("label") == label), {})
    asked = {**shared, **section(section(own, "training"), "compression")}
    sent = sent_kinds(run, label)
    methods = {key: how.get("name") for key, how in asked.items() if isinstance(how, Mapping) and _covers(key, sent)}
    if methods:
        yield f" sends {_listed([f'{key} compressed by {name}' for key, name in methods.items()])}."


def _not_looked_at(run: Run, label: str) -> Iterator[str]:
    """What this label's algorithm passes over of the scenario's training."""
    rows = _rows(run, label)
    value = rows["not_looked_at"].iloc[0] if "not_looked_at" in rows else []
    yield from (f" {said}." for said in value if isinstance(value, list))


def _covers(key: str, sent: set[tuple[str, str]] | None) -> bool:
    """Whether a key of `compression` (`KIND`, `KIND up` or `KIND down`) meets anything; labels may go with a kind."""
    kind, _, last = key.rpartition(" ")
    kind, ways = (kind, (last,)) if kind and last in _DIRECTIONS else (key, _DIRECTIONS)
    return sent is None or any((name, way) in sent for name in (kind, f"{kind} and labels") for way in ways)


def _rows(run: Run, label: str) -> pd.DataFrame:
    return run.summary[run.summary["label"] == label]


def _first(rows: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    """The list of the first seed; summaries of earlier versions have none."""
    value = rows[column].iloc[0] if column in rows else []
    return value if isinstance(value, list) else []


def _bytes(site: Mapping[str, Any]) -> float:
    """The memory of a site, "4 GiB" as in a scenario; infinite where it is not told."""
    (size,) = parse_values([str(site.get("memory"))])
    return size if isinstance(size, float) else float("inf")


def _kind(device: str) -> str:
    """`pi` of `pi-3`."""
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

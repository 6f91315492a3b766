"""How sites serve works: when works waited, and by which rule they are served, from a run's ledger and scenario."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from analysis.columns import SET_ASIDE, UNFINISHED
from analysis.report_page import flat, section
from analysis.runs import Run
from simulator.settings.humanize import human

_ROUNDING = 1e-12
_SHARES = "processor_sharing"
"""The discipline under which any number of works share the slots of a GPU."""


class Waiting(NamedTuple):
    """An interval in which a work waited.

    Attributes:
        site: where it waited.
        start, end: when, in seconds of the clock.
        aside: whether it had been in service before, and was set aside.
    """

    site: str
    start: float
    end: float
    aside: bool = False


def waiting(works: pd.DataFrame, further: pd.DataFrame) -> Iterator[Waiting]:
    """Yield the intervals in which works waited for service, at all sites.

    Args:
        works: the works of a trial.
        further: the waits that the rows of no works tell.
    """
    late = works[works["start"] > works["asked"]]
    for site, asked, start in zip(late["site"].tolist(), late["asked"].tolist(), late["start"].tolist(), strict=True):
        yield Waiting(site, asked, start)
    for row in further.to_dict("records"):
        yield Waiting(row["site"], row["start"], row["start"] + row["seconds"], row["reason"] == SET_ASIDE)


def in_service(works: pd.DataFrame, further: pd.DataFrame, keep_places: bool = False) -> pd.DataFrame:
    """Return when sites served their works: a row for each pass, and for each time in which a work was not set aside.

    Args:
        works: the works of a trial.
        further: the waits that the rows of no works tell.
        keep_places: keep the index of the works, which a pass has from its first.

    Returns:
        The columns of the works, by the start, and three more: ``works``, the number of works in the pass;
        ``clients``, whom a pass was for, in one text; ``set_aside_s``, the seconds for which the work was set aside in
        all. A pass has the FLOPs and the shares of all its works; it was asked for with the first, and was in vain if
        all were. A part of a work has its part of the FLOPs, and is asked for when the part before it ends.
    """
    shared, parted = works["batch"] > 0, works["aside"] > 0
    alone = works[~(shared | parted)].assign(works=1, clients="", set_aside_s=0.0)
    if found := [*_passes(works[shared]), *_parts(works[parted], further)]:
        others = pd.DataFrame([row for _, row in found], index=[place for place, _ in found])
        alone = pd.concat([alone, others]) if len(alone) else others
    return alone.sort_index(kind="stable").sort_values("start", kind="stable", ignore_index=not keep_places)


_Placed = tuple[Hashable, dict[Any, Any]]
"""A row, and its place among all works."""


def _passes(works: pd.DataFrame) -> Iterator[_Placed]:
    """Yield a row for each pass."""
    passes: dict[Hashable, list[_Placed]] = defaultdict(list)
    for place, row in zip(works.index, works.to_dict("records"), strict=True):
        passes[row["site"], row["batch"]].append((place, row))
    for members in passes.values():
        (first, row), rows = members[0], [row for _, row in members]
        reasons = [each["reason"] for each in rows]
        useful = "" if "" in reasons else UNFINISHED if UNFINISHED in reasons else reasons[0]
        sums = {key: sum(each[key] for each in rows) for key in ("flops", "bytes_touched", "share")}
        about = {"works": len(rows), "clients": ", ".join(str(each["client"]) for each in rows), "set_aside_s": 0.0}
        yield first, row | sums | about | {"asked": min(each["asked"] for each in rows), "reason": useful}


def _parts(works: pd.DataFrame, further: pd.DataFrame) -> Iterator[_Placed]:
    """Yield a row for each time in which a work was in service, those of no time left out."""
    aside: dict[Hashable, list[tuple[float, float]]] = defaultdict(list)
    for row in further[further["reason"] == SET_ASIDE].sort_values("start", kind="stable").to_dict("records"):
        aside[row["site"], row["aside"]].append((row["start"], row["seconds"]))
    for place, row in zip(works.index, works.to_dict("records"), strict=True):
        times, begin = [], row["start"]
        for start, seconds in aside[row["site"], row["aside"]]:
            times.append((begin, start - begin))
            begin = start + seconds
        times.append((begin, row["start"] + row["seconds"] - begin))
        times = [(start, seconds) for start, seconds in times if seconds > _ROUNDING * start] or times[:1]
        served = sum(seconds for _, seconds in times)
        share = min(1.0, row["seconds"] * row["share"] / served) if served else row["share"]
        about = {
            "works": 1,
            "clients": "",
            "set_aside_s": sum(seconds for _, seconds in aside[row["site"], row["aside"]]),
        }
        done, asked = 0.0, row["asked"]
        for start, seconds in times:
            before, done = done, done + seconds
            sums = {key: _between(row[key], before, done, served) for key in ("flops", "bytes_touched")}
            yield place, row | sums | about | {"asked": asked, "start": start, "seconds": seconds, "share": share}
            asked = start + seconds


def _between(amount: int, before: float, done: float, whole: float) -> int:
    """Return the part of an amount that was done in between, so that all parts add up to it."""
    return round(amount * done / whole) - round(amount * before / whole) if whole else int(amount)


def edges_above(run: Run, label: str, seed: int) -> dict[str, tuple[str, ...]]:
    """Return the sites above each edge of a trial, its own first; empty without edges.

    Raises:
        RunError: the trial's table of sites cannot be read.
    """
    if not section(run.scenario, "world").get("edges"):
        return {}
    sites = run.sites(label, seed)
    above = dict(zip(sites["name"], sites["above"], strict=True))
    chains = {}
    for name in sites.loc[sites["role"] == "edge", "name"]:
        chain = [above[name]]
        while above.get(chain[-1]):
            chain.append(above[chain[-1]])
        chains[name] = tuple(chain)
    return chains


def shares(run: Run, name: str, role: str) -> bool:
    """Return whether any number of works share the slots of a site; arguments as for `rule`."""
    return _serving(run, name, role)[0] == _SHARES


def rule(run: Run, name: str, role: str) -> str:
    """Return in words how a site serves works, such as "priority; passes of up to 8"; empty if it does so as usual.

    Args:
        run: the run, whose scenario says it.
        name: the name of the site; that of an edge server begins with the label of its entry in the scenario.
        role: the role of the site.
    """
    discipline, own = _serving(run, name, role)
    batching = section(own, "batching")
    said = []
    if discipline not in (None, "fifo"):
        keys = {key: value for key, value in section(own, "queue").items() if key != "name"}
        said.append(", ".join([str(discipline), *(f"{key}: {_text(value)}" for key, value in flat(keys))]))
    if batching:
        wait = f", wait: {_text(batching['wait'])}" if batching.get("wait") else ""
        said.append(f"passes of up to {batching.get('most')}{wait}")
    return "; ".join(said)


def queue_of(scenario: Mapping[str, Any], name: str, role: str) -> object:
    """Return the discipline of a site, None if the scenario names none; name and role as for `rule`."""
    return _said(scenario, name, role)[0]


def _serving(run: Run, name: str, role: str) -> tuple[object, Mapping[str, Any]]:
    """Return the discipline of a site, None if the scenario names none, and the scenario's section of the site."""
    return _said(run.scenario, name, role)


def _said(scenario: Mapping[str, Any], name: str, role: str) -> tuple[object, Mapping[str, Any]]:
    world = section(scenario, "world")
    edges = [edge for edge in world.get("edges") or [] if isinstance(edge, Mapping)]
    labelled = {str(edge.get("label") or "edge"): edge for edge in edges}
    edge = labelled.get(name) or labelled.get(name.rpartition("-")[0]) or {}
    own = section(world, "server") if role == "server" else edge
    queue = own.get("queue")
    return (queue.get("name") if isinstance(queue, Mapping) else queue), own


def _text(value: object) -> str:
    """Return a value as a scenario writes it; a number of seconds gets its unit."""
    if isinstance(value, float):
        return human("seconds", value)
    return str(value).lower() if value in ("True", "False") else str(value)

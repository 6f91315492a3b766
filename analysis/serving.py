"""How sites serve works: when works waited, and by which rule they are served, from a run's ledger and scenario."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from analysis.columns import SET_ASIDE
from analysis.report_page import flat, section
from analysis.runs import Run
from simulator.settings.humanize import human

_ALIKE = ["site", "client", "work", "phase", "round", "attempt"]


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


class Aside:
    """For how long works were set aside.

    Args:
        further: the waits that the rows of no works tell.
    """

    def __init__(self, further: pd.DataFrame) -> None:
        self._seconds: dict[Hashable, float] = defaultdict(float)
        for row in further[further["reason"] == SET_ASIDE].to_dict("records"):
            self._seconds[row["site"], row["aside"]] += row["seconds"]

    def seconds(self, work: Any) -> float:
        """Return for how many seconds a work was set aside."""
        return self._seconds.get((work.site, work.aside), 0.0) if work.aside else 0.0


def rule(run: Run, name: str, role: str) -> str:
    """Return in words how a site serves works, such as "priority; passes of up to 8"; empty if it does so as usual.

    Args:
        run: the run, whose scenario says it.
        name: the name of the site; that of an edge server begins with the label of its entry in the scenario.
        role: the role of the site.
    """
    world = section(run.scenario, "world")
    edges = [edge for edge in world.get("edges") or [] if isinstance(edge, Mapping)]
    labelled = {str(edge.get("label") or "edge"): edge for edge in edges}
    edge = labelled.get(name) or labelled.get(name.rpartition("-")[0]) or {}
    own = section(world, "server") if role == "server" else edge
    queue, batching = own.get("queue"), section(own, "batching")
    discipline = queue.get("name") if isinstance(queue, Mapping) else queue
    said = []
    if discipline not in (None, "fifo"):
        keys = {key: value for key, value in section(own, "queue").items() if key != "name"}
        said.append(", ".join([str(discipline), *(f"{key}: {_text(value)}" for key, value in flat(keys))]))
    if batching:
        wait = f", wait: {_text(batching['wait'])}" if batching.get("wait") else ""
        said.append(f"passes of up to {batching.get('most')}{wait}")
    return "; ".join(said)


def _text(value: object) -> str:
    """Return a value as a scenario writes it; a number of seconds gets its unit."""
    if isinstance(value, float):
        return human("seconds", value)
    return str(value).lower() if value in ("True", "False") else str(value)

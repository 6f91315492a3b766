"""Queues of servers over time: how many works waited and were served, how long they waited, how busy each GPU was.

All is computed from the rows of a ledger. The wait of a work lasts from when it was asked for until its service began;
``Ledger.waits`` adds the waits of works that were withdrawn before, and the time for which works were set aside for
others. By Little's law (Little, 1961) the time integral of the length of a queue is the sum of these waits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, fsum
from typing import NamedTuple

from simulator.accounting.ledger import SET_ASIDE, Ledger, SiteRow, WaitRow, WorkRow
from simulator.accounting.usage import RESOLUTION

DEVICE = "device"
"""The role of a site that is a device; all others serve devices."""
NO_GROUP = "none"
"""The group of what was done for no device."""
Interval = tuple[float, float]
"""Start and end, in seconds of the clock."""


class Step(NamedTuple):
    """A moment at which a number changed: from ``at`` on (seconds of the clock) it is ``number``."""

    at: float
    number: int


class Waits(NamedTuple):
    """Waits of several works.

    Attributes:
        works: how many works there were, those that did not wait included.
        total: the sum of their waits, in seconds.
        mean: their mean wait, in seconds; None without works.
        p95: the shortest wait that at least 95 % of them did not exceed, in seconds; None without works.
        largest: the longest wait, in seconds; None without works.
    """

    works: int = 0
    total: float = 0.0
    mean: float | None = None
    p95: float | None = None
    largest: float | None = None


class GpuUse(NamedTuple):
    """The use of one GPU.

    Attributes:
        utilisation: how long its slots were busy, as a share of their time in the trial. A work that was set aside and
            went on elsewhere counts whole where it ended, so that only the utilisation of the site is then exact.
        waits: the waits of the works that it served.
    """

    utilisation: float
    waits: Waits


@dataclass(frozen=True)
class QueueUse:
    """The queue of one server, or edge server, in a trial.

    Attributes:
        site: the name of the site.
        steps: the number of works that waited, at each moment at which it changed.
        mean_length: the mean number of works that waited, over the time of the trial.
        longest: the largest number of works that waited at once.
        waits: the waits of all works, withdrawn ones included.
        waits_by: the same by group of devices and phase.
        utilisation: how long all slots were busy, as a share of their time in the trial.
        gpus: the use of each GPU.
        served: how many works were served, or cut short in their service.
        passes: how many passes they took; works that share a pass are one.
        per_second: how many works were served in a second of the trial; 0 if it took no time.
    """

    site: str
    steps: list[Step]
    mean_length: float
    longest: int
    waits: Waits
    waits_by: Mapping[tuple[str, str], Waits]
    utilisation: float
    gpus: tuple[GpuUse, ...]
    served: int
    passes: int
    per_second: float

    @property
    def works_per_pass(self) -> float | None:
        """How many works shared a pass on average, those alone included; None if there was no work."""
        return self.served / self.passes if self.passes else None


def queue_uses(ledger: Ledger, start: float, end: float) -> list[QueueUse]:
    """Return the use of the queue of every site that is no device, in the order of the ledger.

    Args:
        ledger: the ledger of one trial.
        start, end: the clock at the beginning and at the end of the trial, in seconds.
    """
    sites = list(ledger.sites.where("role", DEVICE.__ne__))
    works: dict[str, list[WorkRow]] = {site.name: [] for site in sites}
    waits: dict[str, list[WaitRow]] = {site.name: [] for site in sites}
    for work in ledger.works.among("site", works):
        works[work.site].append(work)
    for wait in ledger.waits.among("site", waits):
        waits[wait.site].append(wait)
    groups = groups_of_devices(ledger)
    return [_use(site, works[site.name], waits[site.name], groups, start, end) for site in sites]


def groups_of_devices(ledger: Ledger) -> dict[str, str]:
    """Return the group of each device, by its name."""
    groups: dict[str, str] = {}
    for names, group, roles in ledger.sites.lists("name", "group", "role"):
        if set(roles) == {DEVICE}:
            groups.update(zip(names, group, strict=True))
        else:
            groups.update((name, own) for name, own, role in zip(names, group, roles, strict=True) if role == DEVICE)
    return groups


def _use(
    site: SiteRow,
    works: Sequence[WorkRow],
    waits: Sequence[WaitRow],
    groups: Mapping[str, str],
    start: float,
    end: float,
) -> QueueUse:
    """Return the use of the queue of one site.

    Args:
        site: the site.
        works: the works that were served there.
        waits: the further waits there.
        groups: the groups of devices, by the name of the device.
        start, end: the clock at the beginning and at the end of the trial, in seconds.
    """
    makespan, aside = end - start, set_aside(waits)
    parts: dict[tuple[str, str], list[float]] = defaultdict(list)
    of_gpu: list[list[float]] = [[] for _ in range(site.gpus)]
    busy = [0.0] * site.gpus
    for work in works:
        seconds = work.start - work.asked
        if aside:
            seconds += fsum(wait.seconds for wait in during(work, aside))
        parts[groups.get(work.client or "", NO_GROUP), work.phase].append(seconds)
        of_gpu[work.gpu].append(seconds)
        busy[work.gpu] += work.seconds * work.share
    for wait in waits:
        if wait.reason != SET_ASIDE:  # else it is part of the wait of its work
            parts[groups.get(wait.client or "", NO_GROUP), wait.phase].append(wait.seconds)
    shares = [seconds / (site.slots * makespan) if makespan else 0.0 for seconds in busy]
    steps = steps_of(waiting(works, waits))
    shared = {work.batch for work in works if work.batch}
    return QueueUse(
        site.name,
        steps,
        area(steps) / makespan if makespan else 0.0,
        max((step.number for step in steps), default=0),
        summarised([seconds for part in parts.values() for seconds in part]),
        {key: summarised(seconds) for key, seconds in sorted(parts.items())},
        sum(shares) / site.gpus,
        tuple(GpuUse(share, summarised(seconds)) for share, seconds in zip(shares, of_gpu, strict=True)),
        len(works),
        len(shared) + sum(not work.batch for work in works),
        len(works) / makespan if makespan else 0.0,
    )


def waiting(works: Iterable[WorkRow], waits: Iterable[WaitRow]) -> Iterator[Interval]:
    """Yield the intervals in which works waited at a site, those included in which they were set aside.

    Args:
        works: the works that were served at the site.
        waits: the further waits there.
    """
    for work in works:
        if work.start > work.asked:
            yield work.asked, work.start
    for wait in waits:
        yield wait.start, wait.start + wait.seconds


def serving(works: Iterable[WorkRow], waits: Iterable[WaitRow]) -> Iterator[Interval]:
    """Yield the intervals in which works were in service at a site, each by itself where they share a pass or a slot.

    Args:
        works: the works that were served at the site.
        waits: the further waits there; a work that was set aside was not in service meanwhile.
    """
    aside = set_aside(waits)
    for work in works:
        begin = work.start
        for wait in during(work, aside) if aside else ():
            yield begin, wait.start
            begin = wait.start + wait.seconds
        yield begin, work.start + work.seconds


def steps_of(intervals: Iterable[Interval]) -> list[Step]:
    """Return how many intervals there were at once, over time: each moment at which the number changed; 0 before."""
    changes = sorted(change for begin, end in intervals for change in ((begin, 1), (end, -1)))
    steps: list[Step] = []
    number, settled = 0, float("-inf")
    for at, change in changes:
        number += change
        if at - settled <= RESOLUTION * at:  # one end and one beginning at the same moment are no step
            steps[-1] = Step(settled, number)
        else:
            steps.append(Step(at, number))
            settled = at
    return steps


def area(steps: Sequence[Step]) -> float:
    """Return the time integral of a number, in seconds."""
    return fsum(step.number * (after.at - step.at) for step, after in pairwise(steps))


def set_aside(waits: Iterable[WaitRow]) -> dict[Hashable, list[WaitRow]]:
    """Return the waits of works that were set aside, as ``during`` takes them."""
    found: dict[Hashable, list[WaitRow]] = defaultdict(list)
    for wait in waits:
        if wait.reason == SET_ASIDE:
            found[wait.site, wait.aside].append(wait)
    return found


def during(work: WorkRow, aside: Mapping[Hashable, Sequence[WaitRow]]) -> Sequence[WaitRow]:
    """Return the waits for which a work was set aside, in order.

    Args:
        work: the work.
        aside: the waits of all works that were set aside, from ``set_aside``.
    """
    return aside.get((work.site, work.aside), ()) if work.aside else ()


def summarised(waits: Sequence[float]) -> Waits:
    """Return the number of waits, their sum, their mean, their 95th percentile and the largest, from their seconds."""
    if not waits:
        return Waits()
    ordered, total = sorted(waits), fsum(waits)
    return Waits(len(waits), total, total / len(waits), ordered[ceil(0.95 * len(waits)) - 1], ordered[-1])

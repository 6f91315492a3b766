"""Ways to serve works, and laws of queues that hold in any ledger: Little's law and others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import fsum
from typing import Any

import numpy as np
import pytest

from simulator.accounting.critical_path import critical_paths
from simulator.accounting.ledger import SET_ASIDE, Ledger, WorkRow
from simulator.accounting.queues import area, queue_uses
from simulator.scheduling.queues.priority import Priority
from simulator.scheduling.queues.processor_sharing import ProcessorSharing
from simulator.world.sites import Site
from simulator.world.world import World
from tests.helpers.spans import length

QUEUES: list[dict[str, Any]] = [
    {"name": "fifo"},
    {"name": "processor_sharing"},
    *({"name": "shortest_first", "preempt": preempt} for preempt in (False, True)),
    {"name": "earliest_deadline", "within": "1 s", "groups_within": {"jetson-nano": "10 ms"}, "preempt": True},
    {"name": "priority", "order": ["jetson-nano"]},
    {"name": "priority", "order": ["raspberry-pi-4"], "preempt": True},
    {"name": "fair_share", "weights": {"jetson-nano": 2.0}},
]
BATCHING: list[dict[str, Any]] = [
    {},
    {"batching": {"most": 3}, "batch_efficiency": [[1, 0.2], [64, 1]]},
    {"batching": {"most": 8, "wait": "20 ms"}, "batch_efficiency": [[4, 0.5], [16, 1]]},
]
Interval = tuple[float, float]

READERS = {"infer", "el2n", "forward", "loss_backward", "loss_chain", "backward"}
"""The names of works that never write: they only ever wait for a slot. A row does not tell what its work writes."""
_ROUNDING = 1e-9


def check_queues(world: World, ledger: Ledger) -> None:
    """Check the laws of the queues of a world at the end of a trial."""
    for site in world.sites:
        check_service(site, ledger)
        check_conserving(site, ledger)
        check_priority(site, ledger)
    check_little(ledger, world.start_time, world.now)


def check_service(site: Site, ledger: Ledger) -> None:
    """Check that no GPU does more than it can, and that those that share a pass share its charge."""
    rows = [row for row in ledger.works if row.site == site.name]
    assert all(row.asked <= row.start and 0 <= row.share <= 1 for row in rows)
    passes: dict[int, list[WorkRow]] = {}
    slots, gpus = site.hardware.slots, range(site.hardware.gpus)
    groups = [(slots, [row for row in rows if row.gpu == gpu]) for gpu in gpus]
    if getattr(site.queue, "preempts", False):  # a work may be resumed on another GPU
        groups = [(slots * len(gpus), rows)]
    for most, busy in groups:
        spans = [(row.start, row.start + row.seconds) for row in busy]
        assert fsum(row.seconds * row.share for row in busy) <= most * length(spans) * (1 + 1e-9)
    for row in rows:
        if row.batch:
            passes.setdefault(row.batch, []).append(row)
    for works in passes.values():
        assert len({(row.gpu, row.start, row.start + row.seconds) for row in works}) == 1, "they begin and end together"
        assert fsum(row.share for row in works) == pytest.approx(1)
        assert len({row.client for row in works}) == len(works), "of different clients"
    waited = [row for row in ledger.waits if row.site == site.name]
    assert all(row.seconds > 0 for row in waited)


def check_little(ledger: Ledger, start: float, end: float) -> None:
    """Check that the area below the length of each queue is the sum of the waits there (Little, 1961)."""
    for use in queue_uses(ledger, start, end):
        assert area(use.steps) == pytest.approx(use.waits.total, rel=1e-9, abs=_ROUNDING), use.site
        assert all(step.number >= 0 for step in use.steps)


def check_paths(ledger: Ledger) -> None:
    """Check that the segments of each round's critical path follow each other from its start to its end."""
    segments = critical_paths(ledger)
    for turn in ledger.rounds:
        own = [segment for segment in segments if segment.round == turn.round]
        assert fsum(segment.seconds for segment in own) == pytest.approx(turn.seconds, rel=1e-9, abs=_ROUNDING)
        for before, after in pairwise(own):
            assert after.start == pytest.approx(before.start + before.seconds, rel=1e-12)
        if own:
            assert own[0].start == pytest.approx(turn.start, rel=1e-12, abs=_ROUNDING)


def check_conserving(site: Site, ledger: Ledger) -> None:
    """Check that no work waits while a slot of its site is free and the site is there.

    It is checked of works that only read, and of those that are set aside, which have all that they need but a slot:
    others may wait for weights, and no row tells which. A site whose passes wait for more works is left out. Works that
    share the processor have no slots, and never wait.
    """
    batching = getattr(site.service, "batching", None)
    if batching is not None and batching.wait:
        return
    waiting = [(begin, end) for _, begin, end in waits(site, ledger)]
    away = [(row.start, row.start + row.seconds) for row in ledger.absences if row.site == site.name]
    full = [] if isinstance(site.queue, ProcessorSharing) else at_least(
        site.hardware.slots * site.hardware.gpus, service(site, ledger)
    )  # fmt: skip
    busy = length([*full, *away])
    assert length([*waiting, *full, *away]) == pytest.approx(busy, rel=1e-9, abs=_ROUNDING), site.name


def check_priority(site: Site, ledger: Ledger) -> None:
    """Check that under priorities no work begins while one of a class before its own waits.

    It is checked of waiting works as in ``check_conserving``, that were asked for before this moment. In a batch works
    begin with others of any class, so that sites with passes are left out.
    """
    if not isinstance(site.queue, Priority) or getattr(site.service, "batching", None) is not None:
        return
    groups, order = {row.name: row.group for row in ledger.sites}, list(site.queue.order)

    def rank(client: str | None) -> int:
        return -1 if client is None else (*order, groups[client]).index(groups[client])

    waited = list(waits(site, ledger))
    ranks = np.array([rank(client) for client, _, _ in waited])
    begins, ends = (np.array([each[side] for each in waited]) for side in (1, 2))
    for row in ledger.works:
        if row.site == site.name:
            slack = 1e-12 * row.start
            passed_over = (ranks < rank(row.client)) & (begins < row.start - slack) & (ends > row.start + slack)
            assert not passed_over.any(), row


def waits(site: Site, ledger: Ledger) -> Iterator[tuple[str | None, float, float]]:
    """Yield for whom works waited that needed nothing but a slot, and from when until when."""
    for work in ledger.works:
        if work.site == site.name and work.work in READERS:
            yield work.client, work.asked, work.start
    for wait in ledger.waits:
        if wait.site == site.name and (wait.work in READERS or wait.reason == SET_ASIDE):
            yield wait.client, wait.start, wait.start + wait.seconds


def service(site: Site, ledger: Ledger) -> Iterator[Interval]:
    """Yield the times in which slots were taken: once for a pass, and not while a work was set aside."""
    works = [row for row in ledger.works if row.site == site.name]
    firsts: dict[int, WorkRow] = {row.batch: row for row in works if row.batch}
    for row in [*firsts.values(), *(row for row in works if not row.batch)]:
        begin = row.start
        for wait in ledger.waits:
            if row.aside and (wait.site, wait.reason, wait.aside) == (site.name, SET_ASIDE, row.aside):
                yield begin, wait.start
                begin = wait.start + wait.seconds
        yield begin, row.start + row.seconds


def at_least(number: int, intervals: Iterable[Interval]) -> list[Interval]:
    """Return when there are at least so many intervals at once."""
    found, now, since = [], 0, 0.0
    for moment, change in sorted(change for begin, end in intervals for change in ((begin, 1), (end, -1))):
        if now >= number:
            found.append((since, moment))
        now, since = now + change, moment
    return found

"""The critical path of a round: the chain of works, waits and transfers without a gap that made it last so long.

It is followed back from the end of the round, from row to row of the ledger: to the row that ended when this one was
asked for. The ledger does not say what caused what, so that it is the row of the same client that ended at this moment
or else, as where an aggregation waits for updates or a device for a lock, that of any client of the round. Of several,
it is the one that began first. Where no row ended then, the time back to the last one before is ``OTHER``: somebody
waited for a moment, such as a deadline, and not for a row. In queueing terms the wait behind other works is a part of
the path, and the works that were served meanwhile are none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import fsum
from typing import NamedTuple

from simulator.accounting.ledger import Ledger, RoundRow, TransferRow, WaitRow, WorkRow
from simulator.accounting.queues import NO_GROUP, during, groups_of_devices, set_aside
from simulator.accounting.usage import RESOLUTION

COMPUTE, QUEUE, TRANSFER, LATENCY, OTHER = "compute", "queue", "transfer", "latency", "other"
ACTIVITIES = (COMPUTE, QUEUE, TRANSFER, LATENCY, OTHER)
"""What a segment of a path can be."""
LINK = "link"
"""The side of transfers; that of works and waits is the role of their site, such as ``device`` or ``server``."""
Row = WorkRow | WaitRow | TransferRow


class Segment(NamedTuple):
    """A part of a critical path: ``seconds`` from ``start``, in seconds of the clock.

    Attributes:
        round: the round whose path it is part of.
        start: when it began.
        seconds: how long it lasted.
        activity: one of ``ACTIVITIES``.
        side: the role of the site, ``LINK``, or ``OTHER``.
        site: where it was; of a transfer, the sender; empty if unknown.
        client: the client that it was for; None if for none.
        group: the group of this client; ``NO_GROUP`` if there is none.
        phase: the phase of the row; empty if there is none.
        what: the work, or the kind of payload; empty if there is none.
    """

    round: int
    start: float
    seconds: float
    activity: str
    side: str
    site: str
    client: str | None
    group: str
    phase: str
    what: str


class Part(NamedTuple):
    """Segments that are alike: their activity, side, phase and group (see ``Segment``)."""

    activity: str
    side: str
    phase: str
    group: str


class _Paths:
    """Follows the paths of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        from simulator.accounting.columns.spans import LedgerSpans

        self.spans = LedgerSpans(ledger)
        self.aside = set_aside(ledger.waits)
        self.roles = {
            name: role for chunk in ledger.sites.lists("name", "role") for name, role in zip(*chunk, strict=True)
        }
        self.groups = groups_of_devices(ledger)

    def follow(self, turn: RoundRow) -> Iterator[Segment]:
        """Yield the segments of a round, from the last to the first."""
        now, client = turn.start + turn.seconds, None
        while now - turn.start > RESOLUTION * now:
            place = self._before(now, turn, client)
            if place is None:
                yield self._other(turn, turn.start, now, client)
                return
            end, row = self.spans.row(place)
            if end < now - RESOLUTION * now:
                yield self._other(turn, end, now, client)
                now = end
            client = row.client
            for begin, activity in self._parts(row):
                begin = max(begin, turn.start)
                if begin < now:
                    yield self._segment(turn, begin, now - begin, activity, row)
                    now = begin

    def _before(self, now: float, turn: RoundRow, client: str | None) -> int | None:
        """Return the place of the row that made what began at a moment begin; None if none has ended in the round.

        Args:
            now: the moment, in seconds of the clock.
            turn: the round.
            client: whom what began was for.
        """
        slack = RESOLUTION * now
        own = None if client is None else self.spans.of(client)
        if own is not None and (found := own.earliest_ending(now, slack)) is not None:
            return found
        if (found := self.spans.all.earliest_ending(now, slack, turn.round)) is not None:
            return found
        since = turn.start + slack
        found = None if own is None else own.last_before(now - slack, since)
        return self.spans.all.last_before(now - slack, since) if found is None else found

    def _parts(self, row: Row) -> Iterator[tuple[float, str]]:
        """Yield when each part of a row began and what it was, from the last to the first."""
        if isinstance(row, WaitRow):
            yield row.start, QUEUE
        elif isinstance(row, TransferRow):
            yield row.start + min(row.latency, row.seconds), TRANSFER
            yield row.start, LATENCY
        else:
            for wait in reversed(during(row, self.aside) if self.aside else []):
                yield wait.start + wait.seconds, COMPUTE
                yield wait.start, QUEUE
            yield row.start, COMPUTE
            yield row.asked, QUEUE

    def _segment(self, turn: RoundRow, begin: float, seconds: float, activity: str, row: Row) -> Segment:
        if isinstance(row, TransferRow):
            side, site, what = LINK, row.source, row.kind
        else:
            side, site, what = self.roles.get(row.site, ""), row.site, row.work
        group = self._group(row.client)
        return Segment(turn.round, begin, seconds, activity, side, site, row.client, group, row.phase, what)

    def _other(self, turn: RoundRow, begin: float, end: float, client: str | None) -> Segment:
        return Segment(turn.round, begin, end - begin, OTHER, OTHER, "", client, self._group(client), "", "")

    def _group(self, client: str | None) -> str:
        return NO_GROUP if client is None else self.groups.get(client, NO_GROUP)


def critical_paths(ledger: Ledger) -> list[Segment]:
    """Return the segments of the critical paths of all rounds, in the order of the clock.

    Those of a round follow each other without a gap from its start to its end. Rows that began before the round, as
    under asynchronous drivers, count from its start.

    Args:
        ledger: the ledger of one trial.
    """
    paths = _Paths(ledger)
    return [segment for turn in ledger.rounds for segment in reversed(list(paths.follow(turn)))]


def path_shares(segments: Iterable[Segment]) -> dict[Part, float]:
    """Return the seconds of segments by activity, side, phase and group of devices, most first."""
    sums: Mapping[Part, list[float]] = defaultdict(list)
    for segment in segments:
        sums[Part(segment.activity, segment.side, segment.phase, segment.group)].append(segment.seconds)
    totals: Sequence[tuple[Part, float]] = [(part, fsum(seconds)) for part, seconds in sums.items()]
    return dict(sorted(totals, key=lambda total: (-total[1], total[0])))

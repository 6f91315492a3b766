"""Critical paths from a sorted list of all rows: slow and simple, for tests that compare those from columns with it."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from simulator.accounting.critical_path import COMPUTE, LATENCY, LINK, OTHER, QUEUE, TRANSFER, Row, Segment
from simulator.accounting.ledger import SET_ASIDE, Ledger, RoundRow, TransferRow, WaitRow
from simulator.accounting.queues import DEVICE, NO_GROUP, during, set_aside
from simulator.accounting.use import RESOLUTION

_Span = tuple[float, float, int, Row]
"""The time of a row: when it ended, when it began or was asked for, its place among all rows, and the row itself."""


class _Spans:
    """Spans by their ends: all of them, and those of each client.

    Attributes:
        spans: the spans, in order of their ends.
        ends: their ends.
    """

    def __init__(self, spans: list[_Span]) -> None:
        self.spans, self.ends = spans, [span[0] for span in spans]

    def ending_at(self, moment: float, slack: float) -> Iterator[_Span]:
        """Yield those that end at a moment, give or take ``slack``, and began before (seconds of the clock)."""
        for place in range(bisect_left(self.ends, moment - slack), len(self.spans)):
            span = self.spans[place]
            if span[0] > moment + slack:
                return
            if span[1] < moment - slack:
                yield span

    def last_before(self, moment: float, since: float) -> _Span | None:
        """Return the one that ended last before a moment, but after ``since`` (seconds of the clock); None if none."""
        place = bisect_left(self.ends, moment) - 1
        return self.spans[place] if place >= 0 and self.ends[place] > since else None


class _Paths:
    """Follows the paths of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        spans: list[_Span] = []
        for work in ledger.works:
            end = work.start + work.seconds
            if end > work.asked:
                spans.append((end, work.asked, len(spans), work))
        for sent in ledger.transfers:
            if sent.seconds:
                spans.append((sent.start + sent.seconds, sent.start, len(spans), sent))
        self.aside = set_aside(ledger.waits)
        for wait in ledger.waits:
            if wait.seconds and wait.reason != SET_ASIDE:
                spans.append((wait.start + wait.seconds, wait.start, len(spans), wait))
        spans.sort()
        self.all = _Spans(spans)
        own: dict[str | None, list[_Span]] = defaultdict(list)
        for span in spans:
            own[span[3].client].append(span)
        self.spans_of, self.of_client = own, dict[str, _Spans]()
        self.roles = {site.name: site.role for site in ledger.sites}
        self.groups = {site.name: site.group for site in ledger.sites if site.role == DEVICE}

    def follow(self, turn: RoundRow) -> Iterator[Segment]:
        """Yield the segments of a round, from the last to the first."""
        now, client = turn.start + turn.seconds, None
        while now - turn.start > RESOLUTION * now:
            span = self._before(now, turn, client)
            if span is None:
                yield self._other(turn, turn.start, now, client)
                return
            end, _, _, row = span
            if end < now - RESOLUTION * now:
                yield self._other(turn, end, now, client)
                now = end
            client = row.client
            for begin, activity in self._parts(row):
                begin = max(begin, turn.start)
                if begin < now:
                    yield self._segment(turn, begin, now - begin, activity, row)
                    now = begin

    def _before(self, now: float, turn: RoundRow, client: str | None) -> _Span | None:
        """Return the span that made what began at a moment begin; None if none has ended in the round until then.

        Args:
            now: the moment, in seconds of the clock.
            turn: the round.
            client: whom what began was for.
        """
        slack = RESOLUTION * now
        own = None if client is None else self._own(client)
        if own is not None and (found := min(own.ending_at(now, slack), key=_began, default=None)):
            return found

        def joined(span: _Span) -> tuple[bool, float, int]:
            return (span[3].round != turn.round, span[1], span[2])

        if found := min(self.all.ending_at(now, slack), key=joined, default=None):
            return found
        since = turn.start + slack
        found = None if own is None else own.last_before(now - slack, since)
        return found or self.all.last_before(now - slack, since)

    def _own(self, client: str) -> _Spans:
        """Return the spans of a client; few clients are on a path, so that only theirs are made ready."""
        if client not in self.of_client:
            self.of_client[client] = _Spans(self.spans_of[client])
        return self.of_client[client]

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


def _began(span: _Span) -> tuple[float, int]:
    """Return the key of the span that began first."""
    return span[1], span[2]


def listed_paths(ledger: Ledger) -> list[Segment]:
    """Return the segments of the critical paths of all rounds, in the order of the clock.

    Those of a round follow each other without a gap from its start to its end. Rows that began before the round, as
    under asynchronous drivers, count from its start.

    Args:
        ledger: the ledger of one trial.
    """
    paths = _Paths(ledger)
    return [segment for turn in ledger.rounds for segment in reversed(list(paths.follow(turn)))]

"""The ledger: which works were served, what was sent, and who took part or was away, with the times of each.

The use of time, traffic, FLOPs and energy is computed from its rows (``usage``). Scores, memory peaks and class counts
are not in it: they are in ``experiments.trial.result.TrialResult``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from simulator.accounting.tables import Row as Row
from simulator.accounting.tables import Table


class SiteRow(NamedTuple):
    """A site, and what the energy and the reports depend on.

    Attributes:
        name: the name of the site.
        group: the scenario's name for this group of devices, or the hardware of a server or an edge.
        role: ``device``, ``server`` or ``edge``.
        slots: how many works each of its GPUs serves at once.
        memory: its memory, in bytes.
        idle_w, compute_w, upload_w, download_w: what it draws in each state, in watts; with one slot that computes.
        gpus: how many GPUs (or processors, of a device) it has.
        above: the site to which its own links lead, and which it is behind: the server or an edge; empty for the
            server.
    """

    name: str
    group: str
    role: str
    slots: int
    memory: float
    idle_w: float
    compute_w: float
    upload_w: float
    download_w: float
    gpus: int = 1
    above: str = ""


class WorkRow(NamedTuple):
    """A work that was served at a site, or that was cut short there.

    Attributes:
        site: where it was served.
        client: the client that it was done for; None if it was done for none.
        work: the name of the work.
        phase, round: those of the process that asked for it.
        asked: when it was asked for, in seconds of the simulated clock.
        start: when its service began, on the same clock; until then it waited.
        seconds: how long it took from then until it was served.
        flops, bytes_touched: its cost; of a work that was cut short, in proportion to the time it was served.
        attempt: which attempt of the client it belongs to (``AttemptRow.attempt``); 0 if it was done for no client.
        lost: whether its result was lost: it was cut short, or nobody was there any more to use it. ``waste.marked``
            also marks the works of attempts whose updates were lost.
        reason: why, in a word or two, such as "late"; empty if it was not lost.
        gpu: the index of the GPU that served it; the last, if it was set aside and went on elsewhere.
        share: the share of a slot that it had in its ``seconds``, on average: below 1 where works share a pass or a
            processor, or where it was set aside for others. ``seconds`` x ``share`` is how long it kept one slot busy.
        batch: the number of the pass that it shared with works of other clients; 0 if it had one of its own.
        aside: the number under which the ledger's waits tell when it was set aside; 0 if it never was.
    """

    site: str
    client: str | None
    work: str
    phase: str
    round: int
    asked: float
    start: float
    seconds: float
    flops: int
    bytes_touched: int
    attempt: int = 0
    lost: bool = False
    reason: str = ""
    gpu: int = 0
    share: float = 1.0
    batch: int = 0
    aside: int = 0


class WaitRow(NamedTuple):
    """A wait for service that the row of no work tells: that of a work which was withdrawn, or set aside for another.

    Attributes:
        site: where it waited.
        client: the client that it was to be done for; None if for none.
        work: the name of the work.
        phase, round: those of the process that asked for it.
        start: when it began to wait, in seconds of the simulated clock.
        seconds: how long it waited.
        attempt: which attempt of the client it belongs to; 0 if it was to be done for no client.
        reason: ``SET_ASIDE`` if its service had begun, so that this wait lies within the time of its row among the
            works; else why it was withdrawn, such as "late".
        aside: the number that the row of its work has, if it was set aside; else 0.
    """

    site: str
    client: str | None
    work: str
    phase: str
    round: int
    start: float
    seconds: float
    attempt: int
    reason: str
    aside: int = 0


SET_ASIDE = "set aside"
"""The reason of the wait of a work whose service was interrupted for another work."""


class TransferRow(NamedTuple):
    """A payload that was sent from one site to another.

    Attributes:
        source, target: the sites.
        client: the client that it was sent for; None if it was sent for none.
        kind: the kind of payload, such as "smashed data".
        phase, round: those of the process that sent it.
        start: when it began, in seconds of the simulated clock.
        seconds: how long it took, latency included.
        bytes: what was put on the wire, bytes that were sent again included.
        lost: the part of ``bytes`` that was not received: all of it if the transfer was stopped, else what links lost
            and the sender sent again; 0 without loss.
        latency: the seconds at the beginning in which no bytes move.
        attempt: which attempt of the client it belongs to; 0 if it was sent for no client.
        reason: why it was lost, or was sent in vain (``waste.marked``); empty if it was neither.
    """

    source: str
    target: str
    client: str | None
    kind: str
    phase: str
    round: int
    start: float
    seconds: float
    bytes: int
    lost: int
    latency: float
    attempt: int = 0
    reason: str = ""


class AttemptRow(NamedTuple):
    """An attempt: a client was given the global state, and trained, until its update was used or lost.

    Attributes:
        client: the client.
        attempt: its number, which rises from attempt to attempt of one client.
        base: how many aggregations the state that it started from had seen: its version.
        start: when it began, in seconds of the simulated clock.
        seconds: how long it took until the client was done, or was stopped.
        round: the aggregation in which its update was used; 0 if none.
        staleness: how many aggregations took place between ``base`` and the one that used the update.
        reason: why the update was lost, in a word or two, such as "late"; empty if it was used. "unfinished" says that
            the trial ended before the client was done, or before its update was aggregated.
    """

    client: str
    attempt: int
    base: int
    start: float
    seconds: float
    round: int
    staleness: int
    reason: str


class EngagementRow(NamedTuple):
    """The time for which a client took part in a round, at work or waiting: ``seconds`` from ``start``.

    A client whose device finishes a work after the round has a second row for that time. Under an asynchronous driver,
    an attempt that lasts over several aggregations has a row for each of them.
    """

    client: str
    round: int
    start: float
    seconds: float


class AbsenceRow(NamedTuple):
    """The time for which a site was away: ``seconds`` from ``start``.

    Attributes:
        site: the name of the site.
        start: when it left, in seconds of the simulated clock.
        seconds: how long it was away.
        cause: why it left, in a word or two, such as "battery".
    """

    site: str
    start: float
    seconds: float
    cause: str = ""


class ChargeRow(NamedTuple):
    """The level of a battery at a moment.

    Attributes:
        site: the device.
        at: when, in seconds of the simulated clock.
        level: the state of charge, from 0 to 1.
        cause: "start" or "end" (of the trial), the cause of an absence of the device that begins, or "back" where one
            ends.
    """

    site: str
    at: float
    level: float
    cause: str


class RoundRow(NamedTuple):
    """One round (one aggregation), from the selection of clients to the new state: ``seconds`` from ``start``.

    Attributes:
        round: its number, from 1.
        start: when it began, in seconds of the simulated clock.
        seconds: how long it took.
        updates: how many updates were aggregated; with 0 the state stayed as it was.
        empty: how many intervals of the driver passed in it in which no update arrived, so that nothing was aggregated.
    """

    round: int
    start: float
    seconds: float
    updates: int = 0
    empty: int = 0


class Ledger:
    """The record of a run: rows that are never changed, in a table for each kind."""

    def __init__(self) -> None:
        self.sites = Table(SiteRow)
        self.works = Table(WorkRow)
        self.waits = Table(WaitRow)
        self.transfers = Table(TransferRow)
        self.attempts = Table(AttemptRow)
        self.engagements = Table(EngagementRow)
        self.absences = Table(AbsenceRow)
        self.rounds = Table(RoundRow)
        self.charges = Table(ChargeRow)

    def tables(self) -> dict[str, Table[Any]]:
        """Return all tables by name."""
        return dict(vars(self))

    def close(self) -> None:
        """Take no more rows: those that are added from now on, by what garbage collection ends, are of no use."""
        for table in self.tables().values():
            table.close()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ledger):
            return NotImplemented
        others = other.tables()
        return all(table.same_rows(others[name]) for name, table in self.tables().items())

    __hash__ = None  # type: ignore[assignment]

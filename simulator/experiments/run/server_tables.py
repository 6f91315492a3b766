"""The tables of a run on its servers' queues and on the critical paths of its rounds."""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, Any

from simulator.accounting.critical_path import Segment, path_shares
from simulator.accounting.queues import QueueUse
from simulator.accounting.tables import Table as Rows
from simulator.experiments.run.csv_tables import Table

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult

TRIAL = "algorithm", "label", "seed"
ALL = "all"
"""What stands for all GPUs of a site, and for all rounds of a trial."""


def server_summary(outcome: TrialResult) -> dict[str, float | None]:
    """Return the figures of the server in ``summary.json``: utilisation, mean wait (s) and mean length of its queue."""
    use = next((use for use in outcome.queues if use.site == outcome.server_peak.site), None)
    return {
        "server_utilisation": use.utilisation if use else None,
        "server_wait_s": use.waits.mean if use else None,
        "server_queue_length": use.mean_length if use else None,
    }


def queues_table(outcome: TrialResult) -> Table:
    """Return the queues of all sites that are no devices, with the columns of ``queues.csv``.

    There is a row for each site, with ``all`` as its GPU, and below it one for each GPU; the queue is that of the site.
    """
    rows: list[tuple[Any, ...]] = []
    for use in outcome.queues:
        rows.append((*_trial(outcome), *_queue(use)))
        for gpu, own in enumerate(use.gpus):
            figures = own.utilisation, own.waits.works, own.waits.mean, own.waits.p95, own.waits.largest
            rows.append((*_trial(outcome), use.site, gpu, *figures, None, None, None, None))
    waits = "works", "mean_wait_s", "p95_wait_s", "max_wait_s"
    return Table(
        (*TRIAL, "site", "gpu", "utilisation", *waits, "mean_queue", "max_queue", "passes", "works_per_pass"), rows
    )


def _queue(use: QueueUse) -> tuple[Any, ...]:
    waits = use.waits.works, use.waits.mean, use.waits.p95, use.waits.largest
    return use.site, ALL, use.utilisation, *waits, use.mean_length, use.longest, use.passes, use.works_per_pass


def waits_table(outcome: TrialResult) -> Table:
    """Return who waited for service, with the columns of ``waits.csv``: by site, group of devices and phase."""
    rows = [
        (*_trial(outcome), use.site, *kind, waits.works, waits.mean, waits.p95, waits.largest, waits.total)
        for use in outcome.queues
        for kind, waits in use.waits_by.items()
    ]
    seconds = "mean_wait_s", "p95_wait_s", "max_wait_s", "total_wait_s"
    return Table((*TRIAL, "site", "group", "phase", "works", *seconds), rows)


def critical_path_table(outcome: TrialResult) -> Table:
    """Return what the rounds waited for, with the columns of ``critical_path.csv``: first in all, then by round."""
    paths: dict[int | str, list[Segment]] = {ALL: outcome.critical_paths}
    for segment in outcome.critical_paths:
        paths.setdefault(segment.round, []).append(segment)
    rows = []
    for number, segments in paths.items():
        shares = path_shares(segments)
        whole = fsum(shares.values())
        for part, seconds in shares.items():
            kind = part.side, part.activity, part.phase, part.group
            rows.append((*_trial(outcome), number, *kind, seconds, seconds / whole if whole else 0.0))
    return Table((*TRIAL, "round", "side", "activity", "phase", "group", "seconds", "share"), rows)


def segments_table(outcome: TrialResult) -> Rows[Segment]:
    """Return the segments of the critical paths of all rounds, as a table for the folder of the ledger."""
    table = Rows(Segment)
    for segment in outcome.critical_paths:
        table.add(segment)
    return table


def _trial(outcome: TrialResult) -> tuple[str, str, int]:
    return outcome.entry.name, outcome.entry.label, outcome.seed

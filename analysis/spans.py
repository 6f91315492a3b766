"""What happened in a round, or in a span of time, lane by lane: read from the ledger of a trial."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import style
from analysis.absences import named
from analysis.columns import UNFINISHED
from analysis.lanes import Span, slots
from analysis.runs import Run
from analysis.serving import edges_above, in_service, shares
from simulator.settings.humanize import human

MOST_DEVICES = 8
CRITICAL_PATH = "critical path"
_LANES = ("compute", "up", "down")
_ACTIVITIES = ("compute", "transfer", "latency", "queue", "other")
_ROUNDING = 1e-9


class Away(NamedTuple):
    """An absence.

    Attributes:
        start: when it began, in seconds since the start of the timeline.
        seconds: how long it lasted.
        cause: why, as the ledger says it; empty in runs of earlier versions.
    """

    start: float
    seconds: float
    cause: str = ""


@dataclass
class Site:
    """One site of a timeline.

    Attributes:
        name: the name of the site.
        lanes: its lanes from top to bottom, each with its name and its spans.
        away: its absences.
        device: whether it is a device.
    """

    name: str
    lanes: list[tuple[str, list[Span]]] = field(default_factory=list)
    away: list[Away] = field(default_factory=list)
    device: bool = False


@dataclass(frozen=True)
class Timeline:
    """One round of one label or, where attempts last over several rounds, a span of time.

    Attributes:
        label: the label.
        round_number: the number of the round, or of the first in the span.
        sites: the sites shown: devices in the order in which they finish, then servers, and last, if the run tells it,
            the critical path as `CRITICAL_PATH`, which has a lane for each activity on it.
        seconds: the length of the round or span.
        devices: how many devices took part, shown or not.
        last_round: the number of the last round in a span of time; None for one round, with all that belongs to it.
    """

    label: str
    round_number: int
    sites: list[Site]
    seconds: float
    devices: int
    last_round: int | None = None

    @property
    def said(self) -> str:
        """The length of the round in words and, if not all devices are shown, how many are."""
        shown = sum(site.device for site in self.sites)
        some = f", {shown} of {self.devices} devices" if shown < self.devices else ""
        return f"{human('seconds', self.seconds)}{some}"

    @property
    def title(self) -> str:
        """What is shown: "round 2", or "rounds 2 to 5"."""
        several = self.last_round is not None and self.last_round > self.round_number
        return f"rounds {self.round_number} to {self.last_round}" if several else f"round {self.round_number}"

    @property
    def lossy(self) -> bool:
        """Whether anything was in vain."""
        return any(span.reason for site in self.sites for _, spans in site.lanes for span in spans)

    @property
    def absences(self) -> list[str]:
        """Why sites were away, in words; empty if none was."""
        return list(dict.fromkeys(named(absence.cause) for site in self.sites for absence in site.away))

    @property
    def phases(self) -> list[str]:
        """The phases that occur, in the order of `style.phase_order`."""
        return style.phase_order(span.phase for site in self.sites for _, spans in site.lanes for span in spans)


def usual_round(run: Run) -> int:
    """Return the round to show: the first after round 1 in which no label provisions a device; else round 2, else 1.

    It is the same round for all labels, so that their cohorts are the same as well.

    Raises:
        RunError: a ledger cannot be read.
    """
    lengths = run.rounds[run.rounds["label"].isin(run.labels)].groupby("label")["round"].max()
    last = int(lengths.min()) if len(lengths) else 1
    provisioning: set[int] = set()
    for label in run.labels:
        provisioning |= set(run.transfers(label, run.seeds(label)[0], phase="provisioning")["round"])
    usual = [number for number in range(2, last + 1) if number not in provisioning]
    return usual[0] if usual else min(2, max(last, 1))


def read_timeline(run: Run, label: str, round_number: int) -> Timeline:
    """Read one round of a label's first seed from its ledger.

    If attempts last over several rounds, as under asynchronous drivers, it is a span of time that begins with the
    round, holds all that went on then, and is as long as the longest of these attempts. If many devices took part, the
    fastest, the slowest and some in between are kept.

    Args:
        run: the run.
        label: the label.
        round_number: the number of the round.

    Raises:
        RunError: the ledger cannot be read.
    """
    seed = run.seeds(label)[0]
    window = _window(run, label, seed, round_number)
    only = {} if window else {"round": round_number}
    works, transfers = run.works(label, seed, **only), run.transfers(label, seed, **only)
    served = in_service(works, run.further_waits(label, seed))
    if window:
        works, served, transfers = (_clipped(rows, *window[:2]) for rows in (works, served, transfers))
    zero = window[0] if window else float(min([*works["start"], *transfers["start"]], default=0.0))
    lanes: dict[tuple[str, str], list[Span]] = defaultdict(list)  # by site and lane
    columns: tuple[str, ...] = "site", "start", "seconds", "phase", "reason", "works"
    for site, start, seconds, phase, reason, number in _rows(served, *columns):
        lanes[site, "compute"].append(Span(start - zero, seconds, phase, _in_vain(reason), number))
    above = edges_above(run, label, seed)
    columns = "source", "target", "start", "seconds", "phase", "reason"
    for source, target, start, seconds, phase, reason in _rows(transfers, *columns):
        span = Span(start - zero, seconds, phase, _in_vain(reason))
        if target in above.get(source, (target,)):  # of an edge, its way to its devices is not the one up
            lanes[source, "up"].append(span)
        if source in above.get(target, (source,)):
            lanes[target, "down"].append(span)
    latest = max((span.start + span.seconds for spans in lanes.values() for span in spans), default=0.0)
    length = window[1] - zero if window else latest

    clients = set(works["client"].dropna()) | set(transfers["client"].dropna())
    finish = {
        client: max((span.start + span.seconds for lane in _LANES for span in lanes[client, lane]), default=0.0)
        for client in clients
    }
    devices = sorted(clients, key=lambda client: (finish[client], client))
    away = _absences(run, label, seed, zero, zero + length)
    sites = [Site(site, [(lane, lanes[site, lane]) for lane in _LANES], away[site], device=True)
             for site in _some(devices, MOST_DEVICES)]  # fmt: skip
    for server in sorted({site for site, _ in lanes} - clients):
        links = [(lane, lanes[server, lane]) for lane in _LANES[1:] if server in above and lanes[server, lane]]
        if not (lanes[server, "compute"] or links or away[server]):
            continue
        noun = "work" if shares(run, server, "edge" if server in above else "server") else "slot"
        name = f"{server} (edge)" if server in above and not server.startswith("edge") else server
        sites.append(Site(name, slots(lanes[server, "compute"], noun) + links, away[server]))
    sites += _critical_path(run, label, seed, round_number, window, zero)
    return Timeline(label, round_number, sites, length, len(devices), window[2] if window else None)


def _window(run: Run, label: str, seed: int, round_number: int) -> tuple[float, float, int] | None:
    """Return start, end and last round of the span of time to show; None if no attempt lasts over several rounds."""
    attempts = run.attempts(label, seed)
    if attempts.empty:
        return None
    rounds = run.aggregations(label, seed).sort_values("round", kind="stable")
    rounds = rounds[rounds["round"] >= round_number]
    if rounds.empty or rounds["round"].iloc[0] != round_number:
        return None
    start, end = float(rounds["start"].iloc[0]), float((rounds["start"] + rounds["seconds"]).iloc[0])
    slack = _ROUNDING * max(1.0, end)
    ends = attempts["start"] + attempts["seconds"]
    under_way = (attempts["start"] < end - slack) & (ends > start + slack)
    across = under_way & ((attempts["start"] < start - slack) | (ends > end + slack))
    if not across.any():
        return None
    longest, last = float(attempts.loc[under_way, "seconds"].max()), round_number
    for number, begin, seconds in _rows(rounds, "round", "start", "seconds"):
        if end - start >= longest:
            break
        last, end = int(number), begin + seconds
    return start, end, last


def _critical_path(
    run: Run, label: str, seed: int, round_number: int, window: tuple[float, float, int] | None, zero: float
) -> list[Site]:
    """Return the critical path as a site with a lane for each activity, if the run tells it; else an empty list.

    Args:
        run: the run.
        label: the label.
        seed: the seed.
        round_number: the number of the round, where there is no window.
        window: start, end and last round of the span of time that is shown; None for one round.
        zero: the start of the timeline, in seconds of the clock.
    """
    rows = run.critical_path(label, seed)
    rows = _clipped(rows, *window[:2]) if window else rows[rows["round"] == round_number]
    lanes: dict[str, list[Span]] = defaultdict(list)
    for start, seconds, activity, phase in _rows(rows, "start", "seconds", "activity", "phase"):
        lanes[activity].append(Span(start - zero, seconds, phase or style.WAITING))
    known = [(name, lanes.pop(name)) for name in _ACTIVITIES if name in lanes]
    return [Site(CRITICAL_PATH, known + sorted(lanes.items()))] if not rows.empty else []


def _in_vain(reason: str) -> str:
    """Return the reason why something was in vain; empty for what was only unfinished."""
    return "" if reason == UNFINISHED else reason


def _clipped(rows: pd.DataFrame, start: float, end: float) -> pd.DataFrame:
    """Return the rows that overlap with a span of time, cut off at its ends."""
    stops = rows["start"] + rows["seconds"]
    inside = (rows["start"] < end) & (stops > start)
    begins = rows["start"].clip(lower=start)
    return rows.assign(start=begins, seconds=stops.clip(upper=end) - begins)[inside]


def _absences(run: Run, label: str, seed: int, start: float, end: float) -> dict[str, list[Away]]:
    """Return the absences in a span of time, by site; empty for runs of versions in which nobody could be away."""
    away: dict[str, list[Away]] = defaultdict(list)
    if not run.attempts(label, seed).empty:
        rows = _clipped(run.absences(label, seed), start, end)
        for site, begin, seconds, cause in _rows(rows, "site", "start", "seconds", "cause"):
            away[site].append(Away(begin - start, seconds, cause))
    return away


def _rows(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a frame as plain tuples, a hundred times as fast as the frame's own iterators."""
    return zip(*(frame[column].tolist() for column in columns), strict=True)


def _some(devices: list[str], most: int) -> list[str]:
    """Return at most so many devices, evenly spread; the first (fastest) and the last (slowest) are always kept."""
    if len(devices) <= most:
        return devices
    return [devices[index] for index in np.linspace(0, len(devices) - 1, most).round().astype(int)]

"""What happened in a round, or in a span of time, lane by lane: read from the ledger of a trial."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import pandas as pd

from analysis import style
from analysis.absences import named
from analysis.columns import UNFINISHED
from analysis.crowds import MOST_BARS, MOST_ROWS, ends, sample
from analysis.lanes import Span, slots
from analysis.memo import once_a_run
from analysis.runs import Run
from analysis.sampled import Sampled, sampled
from analysis.serving import edges_above, in_service, shares
from analysis.windows import TRANSFERS, WORKS, Window, clipped, read, rows, window_of
from simulator.settings.humanize import human

MOST_DEVICES = 8
"""The most devices that a timeline shows of up to `MOST_BARS`, and that a figure on paper shows of any number."""
CRITICAL_PATH = "critical path"
_LANES = ("compute", "up", "down")
_ACTIVITIES = ("compute", "transfer", "latency", "queue", "other")


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
        group: the group of a device.
    """

    name: str
    lanes: list[tuple[str, list[Span]]] = field(default_factory=list)
    away: list[Away] = field(default_factory=list)
    device: bool = False
    group: str = ""


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
        some = f", {shown} of {self.devices:,} devices" if shown < self.devices else ""
        return f"{human('seconds', self.seconds)}{some}"

    @property
    def sample(self) -> str:
        """Which of very many devices are shown, in words; empty if they are not that many."""
        if self.devices <= MOST_BARS:
            return ""
        shown = sum(site.device for site in self.sites)
        last, first = ends(shown)
        groups = len({site.group for site in self.sites if site.device})
        each = " of each group" if groups > 1 else ""
        return (
            f"the {last} that are done last, the {first} done first, {shown - last - first} evenly from the rest{each}"
        )

    def thinned(self, most: int) -> Timeline:
        """Return the timeline with at most so many of its devices, chosen in the same way."""
        devices = [site for site in self.sites if site.device]
        if self.devices <= MOST_BARS or len(devices) <= most:
            return self
        kept = [devices[place] for place in sample([site.group for site in devices], most, many=True)]
        return replace(self, sites=kept + [site for site in self.sites if not site.device])

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


@once_a_run
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
        sent = run.columns(label, run.seeds(label)[0], "transfers", "round", phase="provisioning")
        provisioning |= set(sent["round"].unique())
    usual = [number for number in range(2, last + 1) if number not in provisioning]
    return usual[0] if usual else min(2, max(last, 1))


@once_a_run
def read_timeline(run: Run, label: str, round_number: int) -> Timeline:
    """Read one round of a label's first seed from its ledger.

    If attempts last over several rounds, as under asynchronous drivers, it is a span of time that begins with the
    round, holds all that went on then, and is as long as the longest of these attempts. If many devices took part, the
    fastest, the slowest and some in between are kept; of very many, stragglers and some of each group
    (`crowds.sample`).

    Args:
        run: the run.
        label: the label.
        round_number: the number of the round.

    Raises:
        RunError: the ledger cannot be read.
    """
    seed = run.seeds(label)[0]
    window = window_of(run, label, seed, round_number)
    works = read(run, label, seed, "works", WORKS, round_number, window)
    transfers = read(run, label, seed, "transfers", TRANSFERS, round_number, window)
    served = in_service(works, run.further_waits(label, seed))
    if window:
        works, served, transfers = (clipped(each, *window[:2]) for each in (works, served, transfers))
    clients = pd.concat([works["client"], transfers["client"]])
    starts = pd.concat([works["start"], transfers["start"]])
    zero = window[0] if window else float(starts.min()) if len(starts) else 0.0
    served, transfers = (each.assign(start=each["start"] - zero) for each in (served, transfers))
    stops = (float((each["start"] + each["seconds"]).max()) for each in (served, transfers) if len(each))
    latest = max(stops, default=0.0)
    length = window[1] - zero if window else latest

    above = edges_above(run, label, seed)
    chosen = sampled(run, label, seed, served, transfers, clients, MOST_DEVICES, MOST_ROWS // len(_LANES))
    lanes: dict[tuple[str, str], list[Span]] = defaultdict(list)  # by site and lane
    columns: tuple[str, ...] = "site", "start", "seconds", "phase", "reason", "works"
    for site, start, seconds, phase, reason, number in rows(chosen.rows(served, "site"), *columns):
        lanes[site, "compute"].append(Span(start, seconds, phase, _in_vain(reason), number))
    columns = "source", "target", "start", "seconds", "phase", "reason"
    for source, target, start, seconds, phase, reason in rows(
        chosen.rows(transfers, "source", "target", also=above), *columns
    ):
        span = Span(start, seconds, phase, _in_vain(reason))
        if target in above.get(source, (target,)):  # of an edge, its way to its devices is not the one up
            lanes[source, "up"].append(span)
        if source in above.get(target, (source,)):
            lanes[target, "down"].append(span)

    away = _absences(run, label, seed, zero, zero + length, chosen)
    sites = [
        Site(site, [(lane, lanes[site, lane]) for lane in _LANES], away[site], True, group)
        for site, group in zip(chosen.devices, chosen.groups, strict=True)
    ]
    others = {site for site, _ in lanes} - set(chosen.devices) - set(chosen.left_out.to_pylist())
    for server in sorted(others):
        links = [(lane, lanes[server, lane]) for lane in _LANES[1:] if server in above and lanes[server, lane]]
        if not (lanes[server, "compute"] or links or away[server]):
            continue
        noun = "work" if shares(run, server, "edge" if server in above else "server") else "slot"
        name = f"{server} (edge)" if server in above and not server.startswith("edge") else server
        sites.append(Site(name, slots(lanes[server, "compute"], noun) + links, away[server]))
    sites += _critical_path(run, label, seed, round_number, window, zero)
    return Timeline(label, round_number, sites, length, chosen.of, window[2] if window else None)


def _critical_path(
    run: Run, label: str, seed: int, round_number: int, window: Window | None, zero: float
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
    path = run.critical_path(label, seed)
    path = clipped(path, *window[:2]) if window else path[path["round"] == round_number]
    lanes: dict[str, list[Span]] = defaultdict(list)
    for start, seconds, activity, phase in rows(path, "start", "seconds", "activity", "phase"):
        lanes[activity].append(Span(start - zero, seconds, phase or style.WAITING))
    known = [(name, lanes.pop(name)) for name in _ACTIVITIES if name in lanes]
    return [Site(CRITICAL_PATH, known + sorted(lanes.items()))] if not path.empty else []


def _in_vain(reason: str) -> str:
    """Return the reason why something was in vain; empty for what was only unfinished."""
    return "" if reason == UNFINISHED else reason


def _absences(run: Run, label: str, seed: int, start: float, end: float, chosen: Sampled) -> dict[str, list[Away]]:
    """Return the absences in a span of time, by site; empty for runs of versions in which nobody could be away."""
    away: dict[str, list[Away]] = defaultdict(list)
    if not run.columns(label, seed, "attempts", "start").empty:
        found = clipped(run.columns(label, seed, "absences", "site", "start", "seconds", "cause"), start, end)
        for site, begin, seconds, cause in rows(chosen.rows(found, "site"), "site", "start", "seconds", "cause"):
            away[site].append(Away(begin - start, seconds, cause))
    return away

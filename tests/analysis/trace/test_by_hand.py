"""What a trace shows of ledgers that are made by hand: slots, links, attempts, absences and power."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from analysis import write_trace
from analysis.power import outside
from simulator.accounting.ledger import AbsenceRow, AttemptRow, EngagementRow, Ledger, RoundRow, TransferRow, WorkRow
from simulator.accounting.usage import uses
from tests.helpers.ledgers import POWER, made, served
from tests.helpers.traces import area, counter, faults, read, slices


def test_what_overlaps_goes_to_the_first_slot_that_is_free(tmp_path: Path) -> None:
    ledger = served((0, 0, 5), (0, 1, 1), (0, 2, 4), (0, 5, 2), (0, 6, 1))
    events = read(write_trace(made(tmp_path, ledger, 7, slots=2)).path)
    assert slices(events) == {
        "server slot 1": [(0, 5, "training"), (5, 2, "training")],
        "server slot 2": [(1, 1, "training"), (2, 4, "training"), (6, 1, "training")],
    }


def test_the_queue_counts_those_that_asked_and_wait(tmp_path: Path) -> None:
    events = read(write_trace(made(tmp_path, served((0, 0, 4), (1, 4, 1), (2, 5, 1), (3, 6, 1)), 7)).path)
    assert counter(events, "server queue") == [(1, 1), (2, 2), (3, 3), (4, 2), (5, 1), (6, 0)]


def test_a_link_that_carries_several_transfers_has_a_lane_for_each(tmp_path: Path) -> None:
    ledger = Ledger()
    for name, start, seconds in (("pi-0", 0.0, 3.0), ("pi-1", 1.0, 1.0), ("pi-1", 2.0, 2.0)):
        ledger.transfers.add(TransferRow("server", name, name, "model", "model exchange", 1, start, seconds, 9, 0, 0.5))
    events = read(write_trace(made(tmp_path, ledger, 4)).path)
    assert list(faults(events)) == []
    assert {track: [span[:2] for span in spans] for track, spans in slices(events).items()} == {
        "server uplink": [(0, 3)],
        "server uplink 2": [(1, 1), (2, 2)],
        "pi-0 downlink": [(0, 3)],
        "pi-1 downlink": [(1, 1), (2, 2)],
    }


def eventful() -> Ledger:
    """All that is out of the ordinary: absences, overlaps on links, stopped transfers, work after the engagement."""
    ledger = served((0, 0, 2), (0, 1, 3))
    for work in served((0, 1, 2), (3, 3, 0), (8, 8.5, 1), site="pi-0").works:
        ledger.works.add(work)
    phase = "model", "model exchange", 1
    ledger.transfers.add(TransferRow("server", "pi-0", "pi-0", *phase, 0, 1, 100, 0, 0.25))
    ledger.transfers.add(TransferRow("server", "pi-1", "pi-1", *phase, 0.5, 2, 100, 0, 0))
    ledger.transfers.add(TransferRow("pi-0", "server", "pi-0", *phase, 4, 1, 60, 60, 0.25))  # stopped
    ledger.transfers.add(TransferRow("pi-1", "server", "pi-1", *phase, 4, 0.1, 0, 0, 0.1))  # stopped in its latency
    ledger.engagements.add(EngagementRow("pi-0", 1, 0, 6))
    ledger.engagements.add(EngagementRow("pi-1", 1, 0, 6))
    ledger.engagements.add(EngagementRow("pi-1", 2, 7, 2))
    ledger.absences.add(AbsenceRow("pi-1", 4.1, 1))
    ledger.absences.add(AbsenceRow("pi-1", 5.5, 2))
    ledger.absences.add(AbsenceRow("server", 9, 0.5))
    ledger.rounds.add(RoundRow(1, 0, 6))
    ledger.rounds.add(RoundRow(2, 7, 2))
    return ledger


def test_power_is_what_the_simulator_counts(tmp_path: Path) -> None:
    ledger = eventful()
    events = read(write_trace(made(tmp_path, ledger, 10, slots=2)).path)
    counted: dict[str, float] = defaultdict(float)
    for use in uses(ledger, POWER, ["pi-0", "pi-1"], 0, 10):
        counted[use.site] += use.energy_j
    assert {site: area(counter(events, f"{site} power")) for site in POWER} == pytest.approx(counted, rel=1e-9)
    # By hand: idle 60, two slots 200 each, sending 10, receiving 5 for the transfer that was stopped.
    assert counter(events, "server power") == [
        *((0, 260), (0.25, 270), (1, 470), (2, 270), (2.5, 260), (4, 60), (4.25, 65), (5, 60), (9, 0), (9.5, 60)),
        (10, 0),
    ]


def test_a_transfer_that_was_stopped_has_no_flow(tmp_path: Path) -> None:
    events = read(write_trace(made(tmp_path, eventful(), 10, slots=2)).path)
    assert list(faults(events)) == []
    assert [event["ts"] for event in events if event["ph"] == "s"] == [0, 500_000]
    lost = [event["args"]["lost"] for event in events if "lost" in event.get("args", {})]
    assert lost == [60, 60]


def test_attempts_and_absences_are_slices_and_what_was_in_vain_says_so(tmp_path: Path) -> None:
    ledger = Ledger()
    reasons = ["", "late", "unfinished"]
    for attempt, why in enumerate(reasons):
        phase = "training", 1, attempt * 4.0, attempt * 4.0
        ledger.works.add(WorkRow("pi-0", "pi-0", "train", *phase, 2, 10, 20, attempt, bool(why), why))
        row = "pi-0", "server", "pi-0", "model", "model exchange", 1, attempt * 4.0 + 2, 1, 9, 0, 0.5
        ledger.transfers.add(TransferRow(*row, attempt, why))
        ledger.attempts.add(AttemptRow("pi-0", attempt, 0, attempt * 4.0, 3, 0 if why else 2, 1, why))
    for start, cause in ((12, ""), (13, "away"), (14, "battery"), (15, "outage")):
        ledger.absences.add(AbsenceRow("pi-0", start, 1, cause))
    events = read(write_trace(made(tmp_path, ledger, 16)).path)
    assert list(faults(events)) == []
    sent = [(2, 1, "model exchange"), (6, 1, "model exchange (wasted)"), (10, 1, "model exchange")]
    assert slices(events) == {
        "pi-0 attempts": [(0, 3, "used"), (4, 3, "lost"), (8, 3, "unfinished")],
        "pi-0 compute": [(0, 2, "training"), (4, 2, "training (wasted)"), (8, 2, "training")],
        "pi-0 uplink": sent,
        "server downlink": sent,
        "pi-0 absences": [(12, 1, "away"), (13, 1, "away"), (14, 1, "battery empty"), (15, 1, "outage")],
    }
    causes = [{}, *({"cause": cause} for cause in ("away", "battery", "outage"))]
    assert [event["args"] for event in events if event.get("cat") == "absence"] == causes
    attempts = [event["args"] for event in events if event.get("cat") == "attempt"]
    used = {"attempt": 0, "base": 0, "round": 2, "staleness": 1}
    assert attempts == [used, *({"attempt": 1 + n, "base": 0, "reason": why} for n, why in enumerate(reasons[1:]))]
    assert [event["args"].get("reason", "") for event in events if event.get("cat") == "compute"] == reasons


def test_a_transfer_that_arrived_has_a_flow_though_bytes_were_sent_again(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.transfers.add(TransferRow("pi-0", "server", "pi-0", "model", "training", 1, 0.0, 5.0, 100, 40, 0.0))
    events = read(write_trace(made(tmp_path, ledger, 10)).path)
    assert [event["ph"] for event in events if event.get("cat") == "transfer"] == ["s", "f"]
    assert [event["args"]["lost"] for event in events if "lost" in event.get("args", {})] == [40, 40]


@pytest.mark.parametrize("start", [0.0, 1e4, 8e6, 1e8])
def test_works_that_follow_each_other_share_a_track_whatever_the_clock_says(tmp_path: Path, start: float) -> None:
    """Start and end of neighbours differ by what the floats of the clock round."""
    times, now = [], start
    for number in range(200):
        seconds = 0.1 / 3 + number * 1e-5
        times.append((now, now, (now + seconds) - now))
        now += seconds
    events = read(write_trace(made(tmp_path, served(*times), now)).path)
    assert list(faults(events)) == []
    (spans,) = slices(events).values()
    assert sum(seconds for _, seconds, _ in spans) == pytest.approx(now - start, abs=2e-4 if start > 9e6 else 1e-6)


def test_an_overlap_that_the_clock_cannot_tell_is_none(tmp_path: Path) -> None:
    """Rounded to nanoseconds the second begins one before the first has ended."""
    events = read(write_trace(made(tmp_path, served((0, 0, 1 + 6e-10), (0, 1 + 4e-10, 1)), 3)).path)
    assert slices(events) == {"server compute": [(0, 1.000000001, "training"), (1.000000001, 0.999999999, "training")]}


@pytest.mark.parametrize(
    ("gaps", "left"),
    [
        ([], [(2, 8)]),
        ([(0, 2), (8, 9)], [(2, 8)]),
        ([(3, 4), (5, 6)], [(2, 3), (4, 5), (6, 8)]),
        ([(0, 3), (7, 9)], [(3, 7)]),
        ([(1, 9)], []),
    ],
)
def test_what_lies_outside_of_gaps(gaps: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    assert list(outside((2, 8), gaps)) == left

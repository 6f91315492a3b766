"""Long trials are shown in part: whole rounds of whole devices, and the trace says what is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis import load_run, write_trace
from analysis.trace.counters import Counters
from analysis.trace.excerpt import Gap, Rounds, fair_shares, some_devices
from simulator.accounting.ledger import EngagementRow, Ledger, RoundRow, TransferRow, WorkRow
from simulator.accounting.usage import uses
from tests.helpers.ledgers import POWER, made
from tests.helpers.traces import area, counter, faults, read, slices

ROUNDS = 20


def long_trial() -> Ledger:
    """Twenty rounds of two devices; the twelfth is the slowest, and pi-1 is always done last."""
    ledger, clock = Ledger(), 0.0
    for number in range(1, ROUNDS + 1):
        factor = 3.0 if number == 12 else 1.0
        for place, name in enumerate(("pi-0", "pi-1")):
            at = clock
            for _ in range(3):
                seconds = factor * (1 + place / 2)
                ledger.works.add(WorkRow(name, name, "head", "training", number, at, at, seconds, 10, 20))
                row = name, "server", name, "smashed data", "training", number, at + seconds, 0.5, 9, 0, 0.1
                ledger.transfers.add(TransferRow(*row))
                start = at + seconds + 0.5 + place / 8
                ledger.works.add(WorkRow("server", name, "body", "training", number, start - 0.1, start, 0.05, 30, 20))
                at = start + 0.05
        for name in ("pi-0", "pi-1"):
            ledger.engagements.add(EngagementRow(name, number, clock, at - clock))
        ledger.rounds.add(RoundRow(number, clock, at - clock, 2))
        clock = at
    return ledger


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ledger = long_trial()
    end = max(row.start + row.seconds for row in ledger.rounds)
    return made(tmp_path_factory.mktemp("long"), ledger, end, slots=2)


def test_rounds_are_shown_whole_and_the_others_are_said_to_be_left_out(folder: Path, tmp_path: Path) -> None:
    written = write_trace(folder, out=tmp_path / "x.json.gz", most=400)
    events = read(written.path)
    assert list(faults(events)) == []
    assert [name for *_, name in slices(events)["rounds"]] == [
        *("round 1", "round 2", "rounds 3 to 11 left out", "round 12", "rounds 13 to 19 left out", "round 20"),
    ]
    computed = [event["args"]["round"] for event in events if event.get("cat") == "compute"]
    assert {number: computed.count(number) for number in computed} == dict.fromkeys((1, 2, 12, 20), 12)
    whole = len(read(write_trace(folder, out=tmp_path / "all.json.gz", most=None).path))
    assert len(events) == written.events < whole / 2
    assert "FL-0: only 4 of 20 rounds (1 to 2, 12, 20) are shown" in str(written)
    assert "--all writes everything" in str(written)


@pytest.mark.parametrize("most", [400, 150])
def test_counters_keep_their_area_where_rounds_are_left_out(folder: Path, tmp_path: Path, most: int) -> None:
    events = read(write_trace(folder, out=tmp_path / "x.json.gz", most=most).path)
    ledger, end = long_trial(), float(load_run(folder).summary["sim_time_s"].iloc[0])
    for site in ("server", *([] if most < 200 else ["pi-0", "pi-1"])):
        joules = sum(use.energy_j for use in uses(ledger, POWER, ["pi-0", "pi-1"], 0, end) if use.site == site)
        assert area(counter(events, f"{site} power")) == pytest.approx(joules, rel=1e-8)
    waited = sum(work.start - work.asked for work in ledger.works)
    assert area(counter(events, "server queue")) == pytest.approx(waited, rel=1e-8)


def test_if_rounds_are_too_long_the_device_that_is_done_last_is_shown(folder: Path, tmp_path: Path) -> None:
    written = write_trace(folder, out=tmp_path / "x.json.gz", most=100)
    events = read(written.path)
    assert list(faults(events)) == []
    tracks = slices(events)
    assert {track.split(" ")[0] for track in tracks} == {"rounds", "server", "pi-1"}
    assert "server uplink" not in tracks
    assert {track for track in tracks if track.startswith("server")} == {
        "server slot 1 (for 1 of 2 devices)",
        "server downlink (for 1 of 2 devices)",
    }
    assert [name for *_, name in tracks["rounds"] if "left" not in name] == ["round 1", "round 12", "round 20"]
    assert "and 1 of 2 devices" in str(written)


def test_a_short_trial_is_shown_whole(folder: Path, tmp_path: Path) -> None:
    default, whole = (
        write_trace(folder, out=tmp_path / f"{n}.json.gz", **more) for n, more in (("a", {}), ("b", {"most": None}))
    )
    assert default.path.read_bytes() == whole.path.read_bytes()
    assert default.shown == {}


def test_in_small_batches_the_trace_is_the_same(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its events, that is: counters come in another order."""
    at_once = read(write_trace(folder, out=tmp_path / "a.json.gz").path)
    monkeypatch.setattr("analysis.batches.ROWS", 7)
    monkeypatch.setattr("analysis.trace.counters._MANY", 5)
    advances, advance = [], Counters._advance
    monkeypatch.setattr(Counters, "_advance", lambda self, until: advances.append(until) or advance(self, until))
    bit_by_bit = read(write_trace(folder, out=tmp_path / "b.json.gz").path)
    assert len(advances) > 10
    assert [event for event in bit_by_bit if event["ph"] != "C"] == [event for event in at_once if event["ph"] != "C"]
    for name in {event["name"] for event in at_once if event["ph"] == "C"}:
        assert counter(bit_by_bit, name) == counter(at_once, name)
    thinned = [write_trace(folder, out=tmp_path / "c.json.gz", most=400)]
    assert list(faults(read(thinned[0].path))) == []


def test_the_first_the_last_and_the_slowest_rounds_are_chosen() -> None:
    number = np.arange(1, 11)
    start = np.arange(10.0)
    end = start + np.array([1, 1, 1, 1, 1, 9, 1, 8, 1, 1])
    rounds = Rounds(number, start, end, np.full(10, 10.0))
    assert number[rounds.chosen(0)].tolist() == [1, 6, 10]
    assert number[rounds.chosen(60)].tolist() == [1, 2, 6, 8, 9, 10]
    assert list(rounds.gaps(rounds.chosen(60))) == [Gap(2.0, 5.0, 3, 5), Gap(6.0, 7.0, 7, 7)]


def test_devices_are_chosen_from_the_slowest_to_the_fastest() -> None:
    names, each = [f"pi-{number}" for number in range(9)], np.ones(9)
    finish = np.arange(9.0)
    assert some_devices(names, each, finish, 0) == {"pi-8"}
    assert some_devices(names, each, finish, 3) == {"pi-8", "pi-0", "pi-4"}
    assert some_devices(names, each, finish, 9) == set(names)


def test_small_trials_leave_their_share_to_others() -> None:
    assert fair_shares([200, 10, 100], 120) == [55, 10, 55]
    assert fair_shares([1, 2], 120) == [1, 2]

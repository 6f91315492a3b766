"""Trials in which devices come and go, batteries run down, clients drop out and the server has outages."""

from __future__ import annotations

from collections import Counter
from functools import cache
from math import fsum
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.simulate import Simulation
from simulator.experiments.trial.validate import check, notices
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError
from simulator.world.standstill import StandstillError
from tests.helpers.small_trials import outcomes, scenario
from tests.helpers.spans import length

PRESENCE = {"name": "on_off", "mean_present": "2 s", "mean_absent": "500 ms"}
BATTERY = {"capacity": "6 J", "start": 0.8, "reserve": 0.1, "charging": {"power": "1 W"}}
DROPOUT = {"model exchange": 0.05, "training": 0.2, "split training": 0.2, "local loss": 0.2}
DEVICES = [
    {"name": "raspberry-pi-4", "count": 6, "presence": PRESENCE, "dropout": DROPOUT},
    {"name": "jetson-nano", "count": 6, "uplink": "lte", "memory_bandwidth": "1 GB/s", "battery": BATTERY},
]
OUTAGES = {"between": "6 s", "duration": "500 ms"}
SERVER = {"name": "rtx-4090", "slots": 2, "rate": {"fp32": "1 GFLOP/s"}, "outages": OUTAGES}
LABELS = ["fl-linear", "v1-linear", "v2-sent", "v2-lora", "sfp", "sfp-no-split", "alone", "in-turn", "frozen", "psl"]


def faulty(
    labels: list[str], devices: list[dict[str, Any]] = DEVICES, training: dict[str, Any] | None = None, **server: Any
) -> Scenario:
    world = {"devices": devices, "server": {**SERVER, **server}}
    rounds = {"rounds": 8, "clients_per_round": 4, **(training or {})}
    return scenario(Path(mkdtemp()), labels, world=world, training=rounds)


@cache
def trial(label: str) -> tuple[Simulation, TrialResult]:
    small = faulty([label])
    simulation = Simulation(small, small.algorithms[0], seed=1, dry=True)
    return simulation, simulation.run()


@pytest.mark.parametrize("label", LABELS)
def test_batteries_have_given_what_the_devices_are_charged(label: str) -> None:
    simulation, result = trial(label)
    for site in simulation.world.sites:
        if site.battery is not None:
            joules = fsum(use.energy_j for use in result.uses if use.site == site.name)
            assert site.battery.drawn == pytest.approx(joules, rel=1e-9)


@pytest.mark.parametrize("label", LABELS)
def test_no_engine_is_busy_while_its_site_is_away(label: str) -> None:
    """So that for each engine busy + idle + away = makespan."""
    simulation, result = trial(label)
    ledger, end = result.ledger, simulation.world.now
    for site in simulation.world.sites:
        away = [(row.start, row.start + row.seconds) for row in ledger.absences if row.site == site.name]
        sent = [row for row in ledger.transfers if row.source == site.name]
        received = [row for row in ledger.transfers if row.target == site.name]
        works = [(row.start, row.start + row.seconds) for row in ledger.works if row.site == site.name]
        engines = [works]
        engines += [[(row.start + row.latency, row.start + row.seconds) for row in rows] for rows in (sent, received)]
        for spans in engines:
            together = length(spans + away)
            assert length(spans) + length(away) == pytest.approx(together, abs=1e-9)
            assert together <= end * (1 + 1e-12)


@pytest.mark.parametrize("label", LABELS)
def test_what_was_sent_arrived_or_is_lost_with_its_reason(label: str) -> None:
    _, result = trial(label)
    for row in result.ledger.transfers:
        assert row.lost in (0, row.bytes)
        assert bool(row.lost) <= bool(row.reason)
    assert {row.reason for row in result.ledger.transfers} - {""} <= {"away", "battery", "outage", "dropout"}


@pytest.mark.parametrize("label", [label for label in LABELS if label not in ("in-turn", "frozen", "psl")])
def test_each_attempt_was_used_or_lost_for_a_reason(label: str) -> None:
    _, result = trial(label)
    reasons = Counter(row.reason for row in result.ledger.attempts)
    assert set(reasons) <= {"", "away", "battery", "outage", "dropout"}
    assert reasons[""] == sum(row.updates for row in result.ledger.rounds)


def test_all_kinds_of_faults_happen_in_these_trials() -> None:
    found = Counter(row.reason for label in LABELS for row in trial(label)[1].ledger.attempts)
    assert all(found[reason] >= 5 for reason in ("", "away", "battery", "outage", "dropout")), found


def test_the_same_seed_gives_the_same_ledger() -> None:
    small = faulty(["v1-linear"])
    again = Simulation(small, small.algorithms[0], seed=1, dry=True).run()
    assert again.ledger == trial("v1-linear")[1].ledger


@pytest.mark.parametrize(
    "driver",
    [
        {"name": "deadline", "seconds": "1 s", "over_selection": 1.5},
        {"name": "fedbuff", "buffer": 2, "concurrency": 5},
        {"name": "fedasync", "concurrency": 5},
        {"name": "semi_async", "seconds": "1 s", "concurrency": 5},
    ],
    ids=lambda driver: driver["name"],
)
def test_all_drivers_keep_the_laws_with_faults(driver: dict[str, Any]) -> None:
    """Batteries give what the ledger counts, and each attempt was used in an aggregation or lost for a reason."""
    small = faulty(["fl-linear"], training={"driver": driver})
    simulation = Simulation(small, small.algorithms[0], seed=0, dry=True)
    result = simulation.run()
    for site in simulation.world.sites:
        if site.battery is not None:
            joules = fsum(use.energy_j for use in result.uses if use.site == site.name)
            assert site.battery.drawn == pytest.approx(joules, rel=1e-9)
    reasons = Counter(row.reason for row in result.ledger.attempts)
    assert reasons[""] == sum(row.updates for row in result.ledger.rounds) > 0
    assert set(reasons) <= {"", "away", "battery", "outage", "dropout", "late", "unfinished"}


def test_devices_come_and_go_alike_whatever_runs() -> None:
    """As far as both trials go."""
    (one, first), (other, second) = trial("v1-linear"), trial("sfp")
    end = min(one.world.now, other.world.now)
    changes = [
        sorted(
            (row.site, moment)
            for row in result.ledger.absences
            for moment in (row.start, row.start + row.seconds)
            if row.site.startswith("raspberry") and moment < end
        )
        for result in (first, second)
    ]
    assert changes[0] == [(site, pytest.approx(moment, abs=1e-9)) for site, moment in changes[1]]


def test_a_device_that_is_absent_at_first_is_away_from_the_start() -> None:
    presence = {**PRESENCE, "start": "absent"}
    small = faulty(["alone"], [{**DEVICES[0], "presence": presence}, DEVICES[1]])
    result = Simulation(small, small.algorithms[0], seed=0, dry=True).run()
    first = {row.site: row.start for row in reversed(list(result.ledger.absences))}
    assert all(first[f"raspberry-pi-4-{number}"] == 0 for number in range(6))


def test_a_dry_trial_has_the_costs_of_the_real_one() -> None:
    small = faulty(["v1-linear"])
    dry, real = outcomes(small, dry=True), outcomes(small, dry=False)
    for label in dry:
        for name, table in dry[label].ledger.tables().items():
            assert list(table) == list(real[label].ledger.tables()[name]), name
        assert {row.reason for row in real[label].ledger.attempts} >= {"", "battery", "outage"}


def test_empty_batteries_without_charging_end_a_trial_with_one_message() -> None:
    battery = {"capacity": "2 J"}
    small = faulty(["fl"], [{"name": "jetson-nano", "count": 4, "battery": battery}], outages=None)
    with pytest.raises(StandstillError) as error:
        Simulation(small, small.algorithms[0], seed=0, dry=True).run()
    names = ", ".join(f"jetson-nano-{number} (battery)" for number in range(4))
    assert "the server has waited since " in str(error.value)
    assert f" for {names} to be back (next cohort)" in str(error.value)


def test_cuts_are_chosen_as_if_nothing_went_wrong() -> None:
    from simulator.experiments.trial.cut_search import placed

    small = faulty(["v1-fastest"])
    calm = small.calm()
    assert placed(small, small.algorithms[0], 0) == placed(calm, calm.algorithms[0], 0)


def test_a_trace_that_lacks_a_device_is_refused_with_its_line(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("device,start,end\njetson-nano-0,0,10\n")
    presence = {"name": "trace", "file": str(trace)}
    small = faulty(["fl"], [{"name": "jetson-nano", "count": 4, "presence": presence}])
    with pytest.raises(ScenarioError, match=r"line \d+: world.devices.0.presence.file .* no row for jetson-nano-1"):
        check(small, dry=True)


def test_a_phase_that_nothing_has_is_told_before_the_run() -> None:
    small = faulty(["fl"], [{**DEVICES[0], "dropout": {"trainig": 0.1}}])
    assert any("no" in line and '"trainig"; did you mean "training"?' in line for line in notices(small))


def test_what_holds_after_a_trace_and_who_in_it_does_not_exist_is_told_before_the_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("device,start,end\njetson-nano-0,0,10\njetson-nano-1,0,20\njetson-nanu-1,0,10\n")
    presence = {"name": "trace", "file": str(trace)}
    groups = [
        {"name": "jetson-nano", "count": 2, "presence": keys} for keys in (presence, {**presence, "after": "absent"})
    ]
    told, untold = (list(notices(faulty(["fl"], [group, {"name": "jetson-nano", "count": 2}]))) for group in groups)
    assert [line for line in told if "ends at 20 s, and devices are away after that (after: absent)" in line]
    assert [line for line in told if 'rows for "jetson-nanu-1"' in line and 'did you mean "jetson-nano-1"?' in line]
    assert not [line for line in untold if "ends at" in line]

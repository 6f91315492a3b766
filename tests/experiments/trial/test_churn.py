"""Laws that hold in any world: whatever drives it, whoever is selected, and whatever comes, goes and varies in it."""

from __future__ import annotations

from collections import Counter
from math import fsum
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.simulate import Simulation
from simulator.scenario.scenario import Scenario
from simulator.world.standstill import StandstillError
from tests.helpers.bill_laws import bills, check_bill
from tests.helpers.caches import forget
from tests.helpers.service_laws import BATCHING, QUEUES, check_paths, check_queues
from tests.helpers.small_trials import scenario
from tests.helpers.spans import length

DRIVERS: list[dict[str, Any]] = [
    {"name": "synchronous"},
    {"name": "deadline", "seconds": "300 ms"},
    {"name": "deadline", "first": 2, "over_selection": 1.5},
    {"name": "deadline", "seconds": "400 ms", "late": "layers"},
    {"name": "fedbuff", "buffer": 2, "concurrency": 4},
    {"name": "fedbuff", "buffer": 3, "concurrency": 3, "max_staleness": 1},
    {"name": "fedasync", "concurrency": 4, "staleness": {"name": "hinge"}},
    {"name": "semi_async", "seconds": "200 ms", "concurrency": 4},
]
TIERED: list[dict[str, Any]] = [
    {"name": "hierarchical"},
    {"name": "hierarchical", "edge_rounds": 2},
    {"name": "hierarchical", "edges": "forward"},
]
SELECTIONS: list[dict[str, Any]] = [
    *({"name": name} for name in ("uniform", "round_robin", "all", "by_weight", "longest_battery")),
    {"name": "fedcs", "deadline": "600 s"},
    {"name": "available", "margin": 1.0},
]
PRESENCES: list[dict[str, Any] | None] = [
    None,
    {"name": "on_off", "mean_present": "500 ms", "mean_absent": "200 ms"},
    {"name": "on_off", "mean_present": "2 s", "mean_absent": "100 ms", "start": "absent"},
]
BATTERIES: list[dict[str, Any] | None] = [
    None,
    {"capacity": "5 J", "start": 0.8, "reserve": 0.1, "charging": {"power": "2 W"}},
    {"capacity": "4 J", "start": 0.5, "charging": {"power": "5 W", "only_unused": True}, "drain": "100 mW"},
    {"capacity": "9 J"},
]
LINKS: list[dict[str, Any]] = [
    {"rate": "20 Mbit/s", "latency": "5 ms"},
    {"rate": "10 Mbit/s", "signal": {"name": "markov", "mean_good": "200 ms", "mean_bad": "100 ms", "bad": 0.0}},
    {"rate": "10 Mbit/s", "signal": {"name": "periodic", "period": "300 ms", "low": 0.2}, "loss": 0.1},
    {"rate": "5 Mbit/s", "loss": 0.05, "signal": {"name": "outage", "between": "1 s", "duration": "50 ms"}},
]
BUDGETS: list[dict[str, Any]] = [{}, {}, {"budget": {"seconds": "900 ms"}}, {"budget": {"updates": 7}}]
DROPOUTS: list[dict[str, float]] = [{}, {"model exchange": 0.1, "training": 0.2, "split training": 0.2}]
OUTAGES: list[dict[str, Any] | None] = [None, {"between": "1 s", "duration": "100 ms", "patience": "50 ms"}]
RATES = ["1 GFLOP/s", "200 MFLOP/s", "50 MFLOP/s"]
"""Of servers; at all but the first works wait for each other."""
ONE_SERVER = ["v2-sent", "v2-lora", "fl-stacked", "flexp", "alone"]
"""Those that a hierarchical driver refuses, besides those with an order of their own."""
OWN_ORDER = ["in-turn", "frozen", "psl", "sfpl", "centralized"]
LABELS = ["fl", "fl-linear", "v1", "v2-sent", "v2-lora", "sfp", "fl-stacked", "flexp", "ditto", "alone", *OWN_ORDER]
CUT_OFF = {"away", "battery", "outage", "dropout", "late", "stopped", "unfinished"}


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """Everything that a scenario may choose about who works when, and about what goes wrong."""

    def group(name: str, count: int) -> dict[str, Any]:
        figures: dict[str, Any] = {"name": name, "count": count, "uplink": draw(st.sampled_from(LINKS))}
        figures["downlink"] = draw(st.sampled_from(LINKS))
        for key, choices in (("presence", PRESENCES), ("battery", BATTERIES), ("dropout", DROPOUTS)):
            if chosen := draw(st.sampled_from(choices)):  # type: ignore[call-overload]
                figures[key] = chosen
        return figures

    def serving() -> dict[str, Any]:
        chosen: dict[str, Any] = {"gpus": draw(st.integers(1, 2)), "queue": draw(st.sampled_from(QUEUES))}
        chosen["rate"] = {"fp32": draw(st.sampled_from(RATES))}
        waits = not chosen["queue"].get("preempt") and chosen["queue"]["name"] != "processor_sharing"
        return chosen | (draw(st.sampled_from(BATCHING)) if waits else {})

    def edge(label: str, devices: Any, count: int) -> dict[str, Any]:
        links = {way: draw(st.sampled_from(LINKS)) for way in ("uplink", "downlink")}
        figures = {"name": "rtx-4090", "label": label, "devices": devices, "count": count, **links, **serving()}
        return figures | ({"access": {"uplink": draw(st.sampled_from(LINKS))}} if draw(st.booleans()) else {})

    server: dict[str, Any] = {"name": "rtx-4090", "slots": draw(st.integers(1, 2)), **serving()}
    if outages := draw(st.sampled_from(OUTAGES)):
        server["outages"] = outages
    label, driver = draw(st.sampled_from(LABELS)), draw(st.sampled_from(DRIVERS))
    if driver.get("late") == "layers" and label not in ("fl", "fl-linear", "sfp", "ditto"):
        driver = DRIVERS[1]
    driver = DRIVERS[0] if label in OWN_ORDER else driver
    edges = [edge("hall", ["raspberry-pi-4"], draw(st.integers(1, 2))), edge("lab", {"jetson-nano": 2}, 1)]
    if draw(st.booleans()):
        edges[1]["behind"] = "hall-0"
    edges = edges if draw(st.booleans()) else []
    if edges and label not in (*ONE_SERVER, *OWN_ORDER) and draw(st.booleans()):
        driver = draw(st.sampled_from(TIERED))
    training = {"rounds": 4, "clients_per_round": 4, "batch_size": 32, "driver": driver}
    training["selection"] = draw(st.sampled_from(SELECTIONS))
    training |= draw(st.sampled_from(BUDGETS))
    devices = [group("raspberry-pi-4", 5), group("jetson-nano", draw(st.integers(3, 5)))]
    world = {"devices": devices, "server": server, "provisioning": draw(st.sampled_from(["first_use", "preinstalled"]))}
    if edges:
        world["edges"] = edges
    return {"label": label, "training": training, "world": world, "seed": draw(st.integers(0, 99)), **draw(bills())}


def ended(small: Scenario, seed: int, dry: bool) -> tuple[Simulation, TrialResult]:
    """Run a trial to its end, or to a standstill, which must say who waits for whom."""
    forget()
    simulation = Simulation(small, small.algorithms[0], seed, dry)
    ended_well, end = True, ""
    try:
        simulation.run()
    except StandstillError as error:
        ended_well, end = False, str(error)
    assert ended_well or "has waited since" in end or "were all lost" in end
    return simulation, simulation.result()


def check_laws(simulation: Simulation, result: TrialResult) -> None:
    """Check what must hold in any ledger."""
    world, ledger = simulation.world, result.ledger
    own = [(row.client, row.attempt) for row in ledger.attempts]
    assert len(set(own)) == len(own), "an attempt ends once"
    assert all(bool(row.round) != bool(row.reason) for row in ledger.attempts), "it was used, or lost for a reason"
    if simulation.entry.algorithm.engages_cohort:
        used = Counter(row.round for row in ledger.attempts if row.round)
        assert used == Counter({row.round: row.updates for row in ledger.rounds if row.updates}), "each update once"
        if simulation.entry.training.driver.name in ("synchronous", "hierarchical"):
            engaged = {(row.client, row.round) for row in ledger.engagements}
            assert engaged == {(row.client, row.base + 1) for row in ledger.attempts}, "who was selected has an attempt"
        for rows in (ledger.works, ledger.transfers):
            assert {(row.client, row.attempt) for row in rows if row.client} <= set(own), "work belongs to an attempt"
    assert world.bytes_sent == sum(row.bytes for row in ledger.transfers)
    for row in ledger.transfers:
        assert 0 <= row.lost <= row.bytes
        assert not row.reason or (row.lost == row.bytes and row.reason in CUT_OFF)
    assert all(row.lost == bool(row.reason) for row in ledger.works)
    for site in world.sites:
        check_site(site, simulation, result)
    check_queues(world, ledger)
    check_paths(ledger)
    assert {row.name: row.gpus for row in ledger.sites} == {site.name: site.hardware.gpus for site in world.sites}


def check_site(site: Any, simulation: Simulation, result: TrialResult) -> None:
    """Check the seconds of a site's engines, and its joules by adding them up in another way."""
    ledger, world, name, watts = result.ledger, simulation.world, site.name, site.hardware.power
    end = world.now
    away = [(row.start, row.start + row.seconds) for row in ledger.absences if row.site == name]
    computing = [(row.start, row.start + row.seconds) for row in ledger.works if row.site == name]
    sending, receiving = (
        [(row.start + row.latency, row.start + row.seconds) for row in ledger.transfers if getattr(row, side) == name]
        for side in ("source", "target")
    )
    for spans in (computing, sending, receiving):
        assert length(spans) + length(away) == pytest.approx(length([*spans, *away]), abs=1e-9), "away is away"
        assert length([*spans, *away]) <= end + 1e-9
    there = [(row.start, row.start + row.seconds) for row in ledger.engagements if row.client == name]
    if site is simulation.world.server or (world.tiers is not None and site in world.tiers.edges):
        there = [(0.0, end)]
    covered = [*there, *computing, *sending, *receiving]
    idle = length([*covered, *away]) - length(away)
    served = fsum(row.seconds * row.share for row in ledger.works if row.site == name)
    joules = watts.idle * idle + (watts.compute - watts.idle) * served
    joules += (watts.upload - watts.idle) * length(sending) + (watts.download - watts.idle) * length(receiving)
    assert fsum(use.energy_j for use in result.uses if use.site == name) == pytest.approx(joules, rel=1e-9, abs=1e-9)
    if site.battery is not None:
        assert site.battery.drawn == pytest.approx(joules, rel=1e-9, abs=1e-9)


def check_world(case: dict[str, Any], real: bool) -> None:
    label, training = case["label"], dict(case["training"])
    if real:  # training takes its time
        label = "sfp-no-local" if label == "sfp" else label
        training["rounds"] = 2
        if training["selection"]["name"] == "all":
            training["selection"] = {"name": "uniform"}
        if "updates" in training.get("budget", {}):
            training["budget"] = {"updates": 5}
    bill = {key: case[key] for key in ("prices", "carbon")}
    small = scenario(Path(mkdtemp()), [label], world=case["world"], training=training, **bill)
    simulation, result = ended(small, case["seed"], dry=True)
    check_laws(simulation, result)
    check_bill(result, **bill)
    _, again = ended(small, case["seed"], dry=not real)
    for name, table in result.ledger.tables().items():
        assert list(again.ledger.tables()[name]) == list(table), name
    assert [(point.round, point.sim_time_s) for point in again.rounds] == [
        (point.round, point.sim_time_s) for point in result.rounds
    ]


UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@settings(UNHURRIED, max_examples=6)
@given(worlds())
def test_the_laws_hold_and_the_same_seed_gives_the_same_digits(case: dict[str, Any]) -> None:
    check_world(case, real=False)


@settings(UNHURRIED, max_examples=2)
@given(worlds())
def test_a_dry_trial_is_the_real_one_in_any_world(case: dict[str, Any]) -> None:
    check_world(case, real=True)


@pytest.mark.slow
@settings(UNHURRIED, max_examples=400)
@given(worlds())
def test_the_laws_hold_in_many_worlds(case: dict[str, Any]) -> None:
    check_world(case, real=False)


@pytest.mark.slow
@settings(UNHURRIED, max_examples=100)
@given(worlds())
def test_many_dry_trials_are_the_real_ones(case: dict[str, Any]) -> None:
    check_world(case, real=True)

"""A plan has every cut that there may be, with the figures of the dry run of that cut."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.plan.answers import answers
from simulator.experiments.plan.cuts import PlannedCut, points
from simulator.experiments.plan.rounds import Planner
from simulator.experiments.plan.table import write_csv
from simulator.experiments.run.tables import summarise
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import Scenario

AMPLE = 10**12


def scenario(*entries: dict[str, Any], memory: int = AMPLE, provisioning: str = "first_use") -> Scenario:
    """One device a round, of two groups; the bundled model's six blocks."""
    return Scenario.model_validate(
        {
            "name": "plan",
            "world": {
                "provisioning": provisioning,
                "devices": [
                    {"name": "raspberry-pi-4", "memory": f"{AMPLE} B"},
                    {"name": "jetson-nano", "memory": f"{memory} B"},
                ],
                "server": {"name": "a100", "memory": f"{AMPLE} B"},
            },
            "model": {"name": "random"},
            "data": {"name": "synthetic", "samples": 24, "test_samples": 10, "classes": 5},
            "training": {"rounds": 3, "clients_per_round": 1, "batch_size": 6, "optimizer": {"name": "sgd"}},
            "algorithms": list(entries),
        }
    )


def planned(settings: Scenario) -> list[PlannedCut]:
    return points(Planner(settings))


FL = {"name": "fedavg", "label": "FL"}


def test_every_cut_that_is_allowed_is_there_once() -> None:
    sfprompt = {"name": "sfprompt", "tail": 0}
    found = planned(scenario(FL, {"name": "splitfed", "head": 2, "tail": 2}, sfprompt))
    assert [(each.label, each.head, each.tail) for each in found] == [
        ("FL", None, None),
        *(("splitfed", head, 2) for head in range(4)),
        *(("sfprompt", head, 0) for head in range(1, 6)),  # without a block its local loss is blind
    ]
    assert [(each.label, each.head) for each in found if each.own] == [("FL", None), ("splitfed", 2), ("sfprompt", 1)]


def test_frozen_layers_may_be_more_than_the_file_says() -> None:
    """Adapters start behind the head, wherever that is."""
    found = planned(scenario({"name": "splitfrozen", "head": 2}))
    assert [(each.head, each.own) for each in found] == [(head, head == 2) for head in range(6)]


def test_the_cut_that_a_policy_chooses_is_marked() -> None:
    """All memory is ample: both devices get the largest head."""
    found = planned(scenario({"name": "splitfed", "tail": 1, "cut": {"name": "largest"}}))
    assert [(each.head, each.own, each.devices) for each in found] == [
        *((head, False, 0) for head in range(4)),
        (4, True, 2),
    ]


def test_a_cut_that_only_a_policy_would_choose_is_there() -> None:
    """FlexP-SFL's policy chooses the tail, too: of six blocks five are on the device, as even as may be."""
    found = planned(scenario({"name": "flexp_sfl", "cut": {"name": "largest"}}))
    assert [(each.head, each.tail) for each in found if each.own] == [(3, 2)]
    assert [(each.head, each.tail) for each in found if not each.own] == [(head, 1) for head in range(5)]


def test_where_labels_are_sent_there_is_no_tail() -> None:
    found = planned(scenario({"name": "splitfed", "labels": "sent"}))
    assert [(each.head, each.tail) for each in found] == [(head, None) for head in range(6)]


@pytest.mark.parametrize("provisioning", ["first_use", "preinstalled"])
def test_figures_are_those_of_a_run_of_one_round(provisioning: str) -> None:
    settings = scenario({"name": "sfprompt", "head": 2}, provisioning=provisioning)
    (point,) = (each for each in planned(settings) if each.own)

    def one_round(where: Scenario) -> dict[str, Any]:
        entry = where.algorithms[0]
        training = entry.training.model_copy(update={"rounds": 1})
        return summarise(run(where, entry.model_copy(update={"training": training}), 0, dry=True), None)

    first, later = (
        one_round(settings),
        one_round(scenario({"name": "sfprompt", "head": 2}, provisioning="preinstalled")),
    )
    assert (point.first_seconds, point.bytes_provisioning) == (first["sim_time_s"], first["bytes_provisioning"])
    keys = ("sim_time_s", "bytes_up", "bytes_down", "client_flops", "server_flops", "client_energy_j")
    assert point.round[:3] + point.round[4:7] == pytest.approx(tuple(later[key] for key in keys))
    assert point.round.bytes_provisioning == 0


def test_a_plan_looks_at_no_trace_of_carbon_and_at_no_price() -> None:
    plain = scenario({"name": "splitfed", "cut": {"name": "fastest"}})
    trace = {"name": "trace", "points": [["0 s", "1 g/kWh"], ["1 us", "2 g/kWh"]]}
    billed = Scenario.model_validate(plain.model_dump(mode="json") | {"carbon": {"signal": trace}, "prices": {}})
    assert planned(billed) == planned(plain)
    assert answers(Planner(billed), planned(billed)) == answers(Planner(plain), planned(plain))


def test_groups_that_were_not_chosen_have_their_memory_and_what_they_lack() -> None:
    """One device takes part; the other group's need is that of the run in which it is chosen instead."""
    ample = scenario(FL)
    (point,) = planned(ample)
    assert len(point.cohort) == 1
    assert point.fits
    needed = {
        peak.site.rpartition("-")[0]: peak.bytes
        for without in ("raspberry-pi-4-0", "jetson-nano-0")
        for peak in run(ample, ample.algorithms[0], 0, dry=True, without=frozenset([without])).client_peaks
        if peak.site != without
    }
    assert {name: point.memory[name] for name in needed} == needed
    (small,) = planned(scenario(FL, memory=needed["jetson-nano"] - 1))
    assert small.lacking == {"jetson-nano": 1}
    (enough,) = planned(scenario(FL, memory=needed["jetson-nano"]))
    assert enough.fits


def test_a_table_of_si_units(tmp_path: Path) -> None:
    settings = scenario(FL, {"name": "splitfed", "tail": 1})
    found = planned(settings)
    write_csv(tmp_path / "plan.csv", settings, found)
    with (tmp_path / "plan.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["label"], row["head"]) for row in rows] == [("FL", ""), *(("splitfed", str(n)) for n in range(5))]
    for row, point in zip(rows, found, strict=True):
        assert float(row["round_s"]) == point.round.seconds
        assert int(row["peak_memory_bytes jetson-nano"]) == point.memory["jetson-nano"]
        assert row["fits"] == "True"

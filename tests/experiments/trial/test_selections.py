"""Policies that look at values or time, where commands run dry: refused by name, or replaced where nobody asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.experiments.plan.rounds import Planner
from simulator.experiments.trial.dry import scenario_with_fixed_cohorts
from simulator.experiments.trial.memory_check import devices_left_out, dry_run_that_fits
from simulator.experiments.trial.trial import run
from simulator.experiments.trial.validate import check
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError
from simulator.settings.plugins import SELECTIONS
from tests.helpers.grids import grid
from tests.helpers.small_trials import scenario

CHOOSE_BY_LOSS: list[dict[str, Any]] = [{"name": "power_of_choice", "candidates": 5}, {"name": "oort"}]
FEW = {"name": "synthetic", "samples": 60, "test_samples": 20, "classes": 5}
by_loss = pytest.mark.parametrize("selection", CHOOSE_BY_LOSS, ids=lambda selection: selection["name"])


def small(folder: Path, selection: dict[str, Any], *labels: str, **changes: Any) -> Scenario:
    return scenario(folder, list(labels or ["fl-linear"]), training={"selection": selection}, **changes)


@by_loss
def test_a_dry_run_refuses_a_policy_that_looks_at_losses(selection: dict[str, Any], tmp_path: Path) -> None:
    settings, name = small(tmp_path, selection), selection["name"]
    check(settings)
    with pytest.raises(ScenarioError, match=rf"selection.name is .*{name} chooses by the losses that .*without --dry"):
        check(settings, dry=True)


@by_loss
def test_an_algorithm_without_losses_of_single_clients_is_refused(selection: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="chooses by losses of single clients, and sfpl trains on those of all"):
        check(small(tmp_path, selection, "sfpl"))


@by_loss
def test_cuts_are_chosen_as_with_any_other_policy(selection: dict[str, Any], tmp_path: Path) -> None:
    devices = [{"name": "raspberry-pi-4", "count": 2}, {"name": "jetson-nano", "count": 2}]
    cuts = [
        dry_run_that_fits(settings, settings.algorithms[0], 0).entry.algorithm.placement  # type: ignore[attr-defined]
        for settings in (
            small(tmp_path, policy, "v1-fastest", world={"devices": devices}, data=FEW)
            for policy in (selection, {"name": "uniform"})
        )
    ]
    assert cuts[0] == cuts[1]
    assert len(cuts[0]) == 4


@by_loss
def test_memory_is_checked_of_all_devices_that_might_be_chosen(selection: dict[str, Any], tmp_path: Path) -> None:
    """One round of one device of ten: whichever uniform selection would take, the small ones are found."""
    devices = [{"name": "raspberry-pi-4", "count": 8}, {"name": "jetson-nano", "count": 2, "memory": "100 kB"}]
    changes: dict[str, Any] = {"world": {"devices": devices, "on_oom": "skip"}}
    settings = small(tmp_path, selection, **changes)
    lines: list[str] = []
    assert devices_left_out(settings, lines.append) == {("fl-linear", 0): {"jetson-nano-0", "jetson-nano-1"}}
    assert "2 of 10 devices are too small for fl-linear" in lines[0]
    assert lines[1].startswith("fl-linear needs ")
    assert lines[1].endswith("which has 100 kB")
    changes["world"]["on_oom"] = "error"
    with pytest.raises(ScenarioError, match=r"jetson-nano-0 .* which has 100 kB"):
        devices_left_out(small(tmp_path, selection, **changes))


def test_plans_assume_the_same_cohorts_at_every_cut_and_say_so(tmp_path: Path) -> None:
    plain = small(tmp_path, {"name": "uniform"}, "v1")
    for selection in (*CHOOSE_BY_LOSS, {"name": "fedcs", "deadline": "1 us"}):
        settings = small(tmp_path, selection, "v1")
        changed, lines = scenario_with_fixed_cohorts(settings)
        assert lines[0].startswith(f"v1: uniform selection is assumed, for whom {selection['name']} chooses depends on")
        check(changed, dry=True)
        planner = Planner(settings)
        entry = planner.scenario.algorithms[0]
        assert planner.round(entry) == Planner(plain).round(plain.algorithms[0])
    assert scenario_with_fixed_cohorts(plain) == (plain, [])


def test_a_deadline_that_nobody_meets_is_refused_with_the_line(tmp_path: Path) -> None:
    settings = small(tmp_path, {"name": "fedcs", "deadline": "1 ms"})
    with pytest.raises(ScenarioError, match=r'training.selection.deadline is "1 ms": nobody is back by then: a round'):
        devices_left_out(settings)


@pytest.mark.parametrize("deadline", [1.0, 2.5, 4.0, 6.0])
def test_rounds_of_fedcs_are_over_before_the_deadline(deadline: float, tmp_path: Path) -> None:
    """Devices do not share a link here, so that no round takes longer than if uploads followed one another."""
    world = {"devices": [{"name": "raspberry-pi-4", "count": 6}, {"name": "jetson-nano", "count": 6, "uplink": "lte"}]}
    data = {"name": "digits", "partition": {"name": "dirichlet", "alpha": 0.5}}
    training = {"selection": {"name": "fedcs", "deadline": f"{deadline} s"}, "clients_per_round": 6, "rounds": 5}
    settings = scenario(tmp_path, ["fl-bias"], world=world, data=data, training=training)
    outcome = run(settings, settings.algorithms[0], 0, dry=True)
    assert all(row.seconds <= deadline for row in outcome.ledger.rounds)
    assert max(row.seconds for row in outcome.ledger.rounds) > deadline / 10


@pytest.mark.parametrize(
    ("selection", "problem"),
    [
        ({"name": "fedcs"}, "deadline: it is missing"),
        ({"name": "fedcs", "deadline": "0 s"}, 'deadline is "0 s": it must be more than 0'),
        ({"name": "fedcs", "deadline": 30}, "it has no unit"),
        ({"name": "fedcs", "deadline": "30 s", "candidates": 0}, "candidates is 0"),
        ({"name": "power_of_choice"}, "candidates: it is missing"),
        ({"name": "power_of_choice", "candidates": 0}, "candidates is 0"),
        ({"name": "available", "margin": 0}, "margin is 0"),
        ({"name": "oort", "exploration": 1.5}, "exploration is 1.5"),
        ({"name": "oort", "window": 0}, "window is 0"),
        ({"name": "all", "size": 3}, "there is no such key"),
        ({"name": "round-robin"}, 'did you mean "round_robin"?'),
    ],
)
def test_bad_settings_are_one_clear_message(selection: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        small(tmp_path, selection)
    assert problem in str(caught.value)
    assert "training.selection" in str(caught.value)


@pytest.mark.parametrize("selection", [{"name": "fedcs", "deadline": "2 s"}, {"name": "round_robin"}, {"name": "all"}])
def test_dry_and_real_runs_have_the_same_ledger(selection: dict[str, Any], tmp_path: Path) -> None:
    devices = [{"name": "raspberry-pi-4", "count": 3}, {"name": "jetson-nano", "count": 2, "uplink": "lte"}]
    data = {"name": "synthetic", "samples": 60, "test_samples": 5, "classes": 5}
    settings = small(tmp_path, selection, "v1", world={"devices": devices}, data=data)
    dry, real = (run(settings, settings.algorithms[0], 0, is_dry) for is_dry in (True, False))
    assert dry.ledger == real.ledger
    assert len(list(dry.ledger.engagements)) >= 2


DRIVERS: list[dict[str, Any]] = [
    {"name": "synchronous"},
    {"name": "deadline", "first": 2},
    {"name": "fedbuff", "buffer": 2},
    {"name": "fedasync", "concurrency": 2},
    {"name": "semi_async", "concurrency": 3, "seconds": "500 ms"},
]


def in_turn(name: str, driver: dict[str, Any]) -> bool:
    """Two drivers for each policy, and over all policies every driver."""
    return (SELECTIONS.names().index(name) - DRIVERS.index(driver)) % 5 in (0, 2)


@pytest.mark.parametrize(
    ("name", "driver"),
    grid(SELECTIONS.names(), DRIVERS, often=in_turn),
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
def test_every_policy_chooses_for_every_driver(name: str, driver: dict[str, Any], tmp_path: Path) -> None:
    keys: dict[str, Any] = {"fedcs": {"deadline": "3 s"}, "power_of_choice": {"candidates": 4}}
    world = {"devices": [{"name": "raspberry-pi-4", "count": 4}, {"name": "jetson-nano", "count": 2, "uplink": "lte"}]}
    training = {"selection": {"name": name, **keys.get(name, {})}, "driver": driver, "rounds": 4}
    settings = scenario(tmp_path, ["fl-linear"], world=world, data=FEW, training={**training, "clients_per_round": 3})
    check(settings)
    dry = settings.algorithms[0].training.selection.needs_values is None
    outcome = run(settings, settings.algorithms[0], 0, dry)
    assert outcome.rounds[-1].round == 4
    assert len(list(outcome.ledger.attempts)) >= 4


def test_an_entry_with_another_policy_starts_from_its_defaults(tmp_path: Path) -> None:
    settings = small(tmp_path, {"name": "fedcs", "deadline": "9 s", "candidates": 7})
    data = settings.model_dump(mode="json", exclude={"algorithms"})
    for own, wanted in (
        ({"name": "power_of_choice", "candidates": 2}, {"name": "power_of_choice", "candidates": 2}),
        ({"name": "uniform"}, {"name": "uniform"}),
        ({"candidates": 3}, {"name": "fedcs", "deadline": "9 s", "candidates": 3}),
    ):
        entry = {"name": "fedavg", "training": {"selection": own}}
        merged = Scenario.model_validate(data | {"algorithms": [entry]})
        assert merged.algorithms[0].training.model_dump(mode="json")["selection"] == wanted
        again = Scenario.model_validate(__import__("yaml").safe_load(merged.resolved()))
        assert again.algorithms == merged.algorithms

"""Losses that clients report from training, and power of choice, which looks at them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from simulator.experiments.trial.simulate import Simulation
from simulator.scenario.scenario import Scenario
from simulator.scheduling.selection.losses import ReportedLosses, observe
from simulator.scheduling.selection.power_of_choice import PowerOfChoice
from simulator.settings.plugins import ALGORITHMS
from simulator.settings.seeds import Seeds
from simulator.world.world import World
from tests.helpers.driving import drive
from tests.helpers.grids import grid
from tests.helpers.learners import make, training
from tests.helpers.small_trials import ENTRIES, scenario
from tests.helpers.worlds import device, job, tiny

pytestmark = pytest.mark.filterwarnings("error")
POLICIES: list[dict[str, Any]] = [{"name": "power_of_choice", "candidates": 6}, {"name": "oort"}]
TRAINED = ("fl", "v1", "v1-sent", "v2", "sfp", "v2-lora", "prox", "in-turn", "alone", "pfedme")
ALIKE = ("v1-sent", "v2-lora", "prox", "pfedme")
"""They report as those before them, and that they do is asked of one entry of each algorithm below."""


def crowd(losses: dict[str, float | None]) -> World:
    world = tiny()
    for name, loss in losses.items():
        device(world, name).data = range(5)
        if loss is not None:
            world.server.store(ReportedLosses).add(name, 1, loss)
            world.server.store(ReportedLosses).report(name, 1)
    return world


def test_those_who_never_trained_come_first_then_the_highest_losses() -> None:
    world = crowd({"a": 0.3, "b": 2.0, "c": None, "d": 1.0})
    chosen = PowerOfChoice(candidates=4).choose(world.clients, 3, 1, Seeds(0))
    assert [client.name for client in chosen] == ["c", "b", "d"]


def test_only_candidates_are_compared() -> None:
    """Of two candidates out of four, the better one: b is best, and chosen in half of the pairs; a never."""
    world = crowd({"a": 0.0, "b": 3.0, "c": 2.0, "d": 1.0})
    policy, draws = PowerOfChoice(candidates=2), 2000
    names = [policy.choose(world.clients, 1, number, Seeds(0))[0].name for number in range(draws)]
    for name, chance in {"a": 0, "b": 3 / 6, "c": 2 / 6, "d": 1 / 6}.items():
        assert abs(names.count(name) - draws * chance) <= 5 * (draws * chance * (1 - chance)) ** 0.5


def test_there_are_never_fewer_candidates_than_the_cohort_needs() -> None:
    assert len(PowerOfChoice(candidates=1).choose(crowd(dict.fromkeys("abcd", 1.0)).clients, 3, 1, Seeds(0))) == 3


def test_losses_are_those_of_the_last_engagement() -> None:
    reported = ReportedLosses()
    for engagement, loss in ((1, 9.0), (1, 7.0), (4, 1.0), (4, 2.0)):
        reported.add("a", engagement, torch.tensor(loss))
    reported.report("a", 4)
    assert (reported.mean("a"), reported.root_mean_square("a")) == (1.5, 2.5**0.5)
    assert reported.mean("b") is reported.root_mean_square("b") is None


def test_losses_are_not_known_before_the_update_of_their_engagement_has_arrived() -> None:
    reported = ReportedLosses()
    reported.add("a", 1, 9.0)
    reported.report("a", 1)
    reported.add("a", 2, 1.0)
    assert reported.mean("a") == 9.0
    reported.report("a", 1)  # of another engagement
    assert reported.mean("a") == 9.0
    reported.report("a", 2)
    assert reported.mean("a") == 1.0


def test_a_loss_that_is_not_a_number_is_infinite() -> None:
    reported = ReportedLosses()
    reported.add("a", 1, float("nan"))
    reported.report("a", 1)
    assert reported.mean("a") == float("inf")


def test_an_observer_sees_works_for_clients_alone() -> None:
    world = tiny()
    client, seen = device(world), list[Any]()
    world.observer = lambda name, result: seen.append((name, result))

    def steps() -> Any:
        yield from world.start(client.compute(job(1, lambda: "device")), client)
        yield from world.start(world.server.compute(job(1, lambda: "for it", writes=object())), client)
        yield from world.server.compute(job(1, lambda: "for nobody"))

    world.run(steps())
    assert seen == [("a", "device"), ("a", "for it")]


def test_an_observer_that_fails_fails_where_the_work_was_asked_for() -> None:
    world = tiny()
    client = device(world)
    world.observer = lambda name, result: 1 / 0
    with pytest.raises(ZeroDivisionError):
        world.run(client.site.world.start(client.compute(job(1)), client).__iter__())


@pytest.mark.parametrize("keys", [{"name": "fedavg"}, {"name": "splitfed"}, {"name": "splitfed", "labels": "sent"}])
def test_the_losses_of_a_round_are_those_of_training(keys: dict[str, Any]) -> None:
    """With a tiny rate nothing changes, so each batch has the loss of the initial model, which is computed apart."""
    algorithm: Any = ALGORITHMS.read(keys)
    settings = training(optimizer={"name": "sgd", "learning_rate": 1e-12})
    world, task = make(algorithm, settings)
    world.observer = observe(world)
    drive(algorithm, world, task)
    reported, model = world.server.store(ReportedLosses), task.part(task.weights(task.trainable(), 1))
    for client in world.clients:
        losses = [float(model.loss_backward.run(*batch).output) for batch in client.batches("train")]
        assert len(losses) == 2
        assert reported.mean(client.name) == pytest.approx(sum(losses) / 2, rel=1e-5)


@pytest.mark.parametrize("label", grid(TRAINED, often=lambda label: label not in ALIKE))
def test_every_client_that_trained_has_reported(label: str, tmp_path: Path) -> None:
    small = scenario(tmp_path, [label], training={"selection": POLICIES[0]})
    simulation = Simulation(small, small.algorithms[0], 0)
    simulation.run()
    chosen = {row.client for row in simulation.world.ledger.engagements}
    assert simulation.world.server.store(ReportedLosses).losses.keys() == chosen


def test_algorithms_say_whether_losses_are_reported(tmp_path: Path) -> None:
    """One entry of each name; those that mix the samples of clients have no losses of single ones."""
    by_name = {entry["name"]: label for label, entry in ENTRIES.items() if entry["name"] != "centralized"}
    small = scenario(tmp_path, list(by_name.values()), training={"rounds": 1, "clients_per_round": 1})
    for entry in small.algorithms:
        simulation = Simulation(small, entry, 0)
        simulation.world.observer = observe(simulation.world)
        simulation.run()
        assert bool(simulation.world.server.store(ReportedLosses).losses) == entry.algorithm.reports_losses, entry.name


def ten_devices(folder: Path, policy: dict[str, Any]) -> Scenario:
    """Three rounds of four of ten devices with different numbers of digits."""
    return scenario(
        folder,
        ["fl-linear"],
        world={"devices": [{"name": "raspberry-pi-4", "count": 6}, {"name": "jetson-nano", "count": 4}]},
        data={"name": "digits", "partition": {"name": "dirichlet", "alpha": 0.5}},
        training={"selection": policy, "rounds": 3, "clients_per_round": 4, "batch_size": 64},
    )


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy["name"])
def test_a_trial_is_the_same_each_time(policy: dict[str, Any], tmp_path: Path) -> None:
    small = ten_devices(tmp_path, policy)
    first, second = (Simulation(small, small.algorithms[0], 0).run() for _ in range(2))
    assert first.ledger == second.ledger
    assert [point.score for point in first.rounds] == [point.score for point in second.rounds]
    assert len(list(first.ledger.engagements)) == 12


def test_the_third_cohort_is_who_never_trained_and_who_lost_most(tmp_path: Path) -> None:
    """All ten are candidates: eight train in rounds 1 and 2, then the other two and the two with the highest losses."""
    small = ten_devices(tmp_path, {"name": "power_of_choice", "candidates": 10})
    simulation = Simulation(small, small.algorithms[0], 0)
    for point in simulation.rounds():
        if point.round == 2:
            reported = simulation.world.server.store(ReportedLosses)
            means = {client.name: reported.mean(client.name) for client in simulation.world.clients}
    trained = sorted((mean, name) for name, mean in means.items() if mean is not None)
    assert len(trained) == 8
    wanted = {name for name, mean in means.items() if mean is None} | {name for _, name in trained[-2:]}
    assert {row.client for row in simulation.world.ledger.engagements if row.round == 3} == wanted


def test_nothing_is_noted_where_no_policy_looks(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl-linear"])
    simulation = Simulation(small, small.algorithms[0], 0)
    simulation.run()
    assert simulation.world.observer is None
    assert ReportedLosses not in simulation.world.server.stores

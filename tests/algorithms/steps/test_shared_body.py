"""The order in which a shared body is trained: with turns, nothing that is learned depends on time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from simulator.algorithms.base import UnfitError
from simulator.algorithms.flexp_sfl import FlexPSFL
from simulator.algorithms.splitfed import SplitFed
from simulator.algorithms.splitlora import SplitLora
from simulator.algorithms.steps.shared_body import SharedBody, TrainsSharedBody, TurnsOfRound
from simulator.algorithms.steps.split import CutPoint
from simulator.experiments.trial.validate import check
from simulator.settings.errors import ScenarioError
from tests.helpers.driving import drive
from tests.helpers.grids import grid
from tests.helpers.learners import Run, equal, go, make, training
from tests.helpers.small_trials import scenario

SAMPLES = (20, 9, 30, 16)
"""Three batches, two, four and two."""
PLACES = {"phone-0": CutPoint(0, 1), "phone-1": CutPoint(1, 1), "phone-2": CutPoint(1, 0), "phone-3": CutPoint(0, 2)}
CHOSEN = FlexPSFL.model_validate({"cut": {"name": "fastest"}})
ALGORITHMS: dict[str, Any] = {
    "v2": lambda order, body="exclusive": SplitFed(version="v2", body=body, order=order),
    "v2-sent": lambda order: SplitFed(version="v2", labels="sent", order=order),
    "splitlora": lambda order: SplitLora(order=order),
    "splitlora-steps": lambda order: SplitLora(order=order, steps=3),
    "flexp": lambda order, body="exclusive": FlexPSFL(body=body, order=order).placed(PLACES),
    "flexp-distilled": lambda order: FlexPSFL(body="exclusive", alignment="distillation", order=order).placed(PLACES),
}

FOUR = ("v2", "v2-sent", "splitlora", "flexp")
ONCE = {("v2", "random"), ("v2", "fixed"), ("v2-sent", "fixed"), ("splitlora-steps", "random"), ("flexp", "fixed")}
"""Each kind of turn once, and both orders of one kind."""
TURNS = grid(ALGORITHMS, ("random", "fixed"), often=lambda *point: point in {*ONCE, ("flexp-distilled", "random")})


def trained(algorithm: TrainsSharedBody, slow: bool = False, beside: Any = None, **how: Any) -> Run:
    """Two rounds of four clients, three of them in a cohort; a device and the link of another may be much slower."""
    settings = training(clients_per_round=3, local_epochs=2, lora={"rank": 2, "dropout": 0.1})
    world, task = make(algorithm, settings, samples=SAMPLES, slots=3, **how)
    if slow:
        device, link = (client.site for client in world.clients[:2])
        device.hardware = replace(device.hardware, flops_per_s=device.hardware.flops_per_s / 10)
        link.uplink.bytes_per_s /= 10
        link.downlink.bytes_per_s /= 7
    state = drive(algorithm, world, task, rounds=2, clients_per_round=3, beside=beside and beside(world))
    return Run(world, task, state, dict(world.server.store(SharedBody).weights), list(world.clients))


@cache
def known(name: str, order: str, slow: bool, dry: bool = False) -> Run:
    """A run to look at, which several tests do."""
    return trained(ALGORITHMS[name](order), slow, dry=dry)


def same(one: Run, other: Run) -> bool:
    """Whether all that was learned is the same to the bit: at the server and on the devices."""
    return equal([one.state, one.trained], [other.state, other.trained])


@pytest.mark.parametrize(("name", "order"), TURNS)
def test_a_slow_device_or_link_changes_nothing_that_is_learned(name: str, order: str) -> None:
    slow, plain = (known(name, order, slow) for slow in (True, False))
    assert slow.world.now > plain.world.now
    assert same(slow, plain)


@pytest.mark.parametrize("name", grid(FOUR, often=lambda name: name in ("v2", "flexp")))
def test_in_order_of_arrival_they_do_change_it(name: str) -> None:
    slow, plain = (known(name, "arrival", slow) for slow in (True, False))
    assert not same(slow, plain)


@pytest.mark.parametrize("name", grid(FOUR, often=lambda name: name == "v2"))
def test_the_three_orders_are_three(name: str) -> None:
    arrival, random, fixed = (known(name, order, slow=True) for order in ("arrival", "random", "fixed"))
    assert not same(arrival, random)
    assert not same(arrival, fixed)
    assert not same(random, fixed)


@pytest.mark.parametrize(("name", "order"), TURNS)
def test_dry_is_real(name: str, order: str) -> None:
    real, dry = (known(name, order, slow=True, dry=dry) for dry in (False, True))
    assert real.world.ledger == dry.world.ledger


@pytest.mark.parametrize("work", ["forward", "step"])
def test_in_the_order_of_the_cohort_the_server_serves_it_by_hand(work: str) -> None:
    """Step by step, those of the cohort that still have a batch; the order of the cohort is that of its engagements."""
    run = known("v2", "fixed", slow=True)
    batches = {client.name: 2 * -(-len(client.data) // 8) for client in run.clients}
    for number in (1, 2):
        cohort = [row.client for row in run.world.ledger.engagements if row.round == number]
        served = [row.client for row in run.works(site="server", work=work, round=number)]
        assert served == [name for step in range(8) for name in cohort if step < batches[name]]


def test_a_random_order_is_drawn_for_each_step_and_seed() -> None:
    def orders(seed: int) -> list[list[str | None]]:
        run = go(ALGORITHMS["v2"]("random"), training(clients_per_round=4, local_epochs=4), seed=seed)
        served = [row.client for row in run.works(site="server", work="forward", round=1)]
        return [served[start : start + 4] for start in range(0, len(served), 4)]

    one, other = orders(0), orders(1)
    assert all(sorted(step) == [f"phone-{number}" for number in range(4)] for step in one)  # type: ignore[type-var]
    assert len({tuple(step) for step in one}) > 3
    assert one != other


@pytest.mark.parametrize("order", ["random", "fixed"])
@pytest.mark.parametrize("moment", [0.01, 0.1, 0.3, 0.7])
@pytest.mark.parametrize("name", FOUR)
def test_a_device_that_leaves_in_the_middle_is_not_waited_for(name: str, moment: float, order: str) -> None:
    def beside(world: Any) -> Iterator[Any]:
        yield world.env.timeout(moment)
        world.clients[2].site.leave()

    run = trained(ALGORITHMS[name](order), beside=beside, dry=True)
    assert run.world.aggregations == 2
    stepped = "train_step" if name in ("v2-sent", "splitlora") else "step"
    served = {client.name: len(run.works(site="server", work=stepped, client=client.name)) for client in run.clients}
    rounds = {
        name: sum(row.client == name and row.seconds > 0 for row in run.world.ledger.engagements) for name in served
    }
    batches = {client.name: 2 * -(-len(client.data) // 8) for client in run.clients}
    assert {name: served[name] for name in served if name != "phone-2"} == {
        name: rounds[name] * batches[name] for name in served if name != "phone-2"
    }


def test_after_the_last_turn_the_server_keeps_nothing_of_them() -> None:
    run = known("v2", "random", slow=False)
    assert TurnsOfRound in run.world.server.stores
    assert run.world.server.store(TurnsOfRound).turns is None


@pytest.mark.parametrize(("order", "needs"), [("arrival", None), ("random", "random"), ("fixed", "fixed")])
def test_an_order_needs_a_cohort(order: Any, needs: str | None) -> None:
    said = SplitLora(order=order).needs_cohort
    assert said == (needs and f"its order of turns at the server ({needs})")


@pytest.mark.parametrize("algorithm", [SplitFed(version="v2", order="random"), FlexPSFL(order="fixed")])
def test_interleaved_passes_are_refused_with_turns(algorithm: TrainsSharedBody) -> None:
    _, task = make(SplitFed(), training())
    with pytest.raises(UnfitError, match=r"and stashed passes interleave \(allowed: exclusive, or order"):
        algorithm.check(task.model, training())


def test_copies_have_no_order() -> None:
    _, task = make(SplitFed(), training())
    with pytest.raises(UnfitError, match=r"each client has a body of its own in v1 \(allowed: fixed with version: v2"):
        SplitFed(order="fixed").check(task.model, training())


def test_the_message_names_the_key_and_its_line(tmp_path: Path) -> None:
    entry = {"name": "splitfed", "version": "v2", "order": "random"}
    with pytest.raises(ScenarioError, match=r"small\.yaml, line \d+: algorithms.*body.*stashed.*exclusive, or order"):
        check(scenario(tmp_path, ["v2"], algorithms=[entry]))


@pytest.mark.parametrize("algorithm", [SplitFed(), SplitLora(), FlexPSFL(), CHOSEN])
def test_the_order_of_arrival_is_not_written(algorithm: TrainsSharedBody) -> None:
    written = algorithm.model_dump()
    assert "order" not in written
    assert type(algorithm).model_validate({key: written[key] for key in written if key != "cut"}).order == "arrival"


def test_another_order_is_written() -> None:
    assert SplitLora(order="fixed").model_dump()["order"] == "fixed"

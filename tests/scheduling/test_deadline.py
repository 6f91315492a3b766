"""Rounds with a deadline, by hand, and the drivers that must agree with the synchronous one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from pydantic import ValidationError

from simulator.accounting.ledger import AttemptRow
from simulator.algorithms.base import Algorithm, Update
from simulator.experiments.trial import model
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import run
from simulator.scheduling.drivers.deadline import Deadline, _arrived
from simulator.scheduling.selection.uniform import Uniform
from simulator.settings.errors import ScenarioError, UnfitError
from simulator.settings.seeds import Seeds
from simulator.world.world import World
from tests.helpers import small_trials
from tests.helpers.adding import TOY, Adding, Training, crowd, drive
from tests.helpers.caches import forget
from tests.helpers.worlds import Steps, device, tiny

SLOW = pytest.mark.slow
EQUAL = {
    "devices": [{"name": "raspberry-pi-4", "count": 4}],
    "server": {"name": "rtx-4090", "slots": 4, "rate": {"fp32": "1 GFLOP/s"}},
}


def test_a_round_ends_at_its_deadline_and_who_is_late_is_dropped() -> None:
    """a is done at 2 s, b at 3 s, c would be at 7 s: what c had begun goes on to its end, and is charged."""
    world = crowd()
    seen = drive(Deadline(seconds="3 s"), Adding(**TOY), world, rounds=1)
    assert seen == [(0, 0), (3, pytest.approx((1 + 10) / 2))]
    assert [row for row in world.ledger.attempts if row.reason] == [AttemptRow("c", 1, 0, 0.0, 3.0, 0, 0, "late")]
    (work,) = [row for row in world.ledger.works if row.site == "c"]
    assert (work.lost, work.reason) == (True, "unfinished")


def test_the_work_that_a_late_client_had_begun_is_marked_when_it_ends() -> None:
    world = crowd()
    drive(Deadline(seconds="4 s"), Adding(**TOY), world, rounds=2)
    (work,) = [row for row in world.ledger.works if row.client == "c" and row.attempt == 1]
    assert (work.start, work.seconds, work.lost, work.reason) == (0, 7, True, "late")


def test_a_round_ends_when_enough_are_done() -> None:
    world = crowd()
    seen = drive(Deadline(first=1), Adding(**TOY), world, rounds=1)
    assert seen == [(0, 0), (2, 1.0)]
    assert sorted(row.client for row in world.ledger.attempts if row.reason == "late") == ["b", "c"]


def test_more_are_selected_than_a_cohort_has_where_some_may_be_late() -> None:
    world = crowd("abcdef")
    toy = Adding(seconds=dict.fromkeys("abcdef", 1), adds=dict.fromkeys("abcdef", 1.0))
    drive(Deadline(over_selection=1.5, first=4), toy, world, rounds=1, size=4)
    rows = list(world.ledger.attempts)
    assert (len(rows), sum(bool(row.round) for row in rows)) == (6, 4)


def test_a_round_in_which_nobody_was_in_time_leaves_the_state_and_says_so() -> None:
    world = crowd("c")
    seen = drive(Deadline(seconds="3 s"), Adding(**TOY), world, rounds=2, size=1)
    assert [value for _, value in seen] == [0, 0, 0]
    assert [row.updates for row in world.ledger.rounds] == [0, 0]


class Layers(Algorithm):
    """Clients upload three tensors of 4, 2 and 2 numbers; the last ones are sent first."""

    name: ClassVar[str] = "layers"
    update_kind: ClassVar[str | None] = "model"

    def begin(self, world: World, task: Any) -> Any:
        return {name: torch.zeros(size) for name, size in (("first", 4), ("middle", 2), ("last", 2))}

    def client(self, world: World, task: Any, client: Any, state: Any) -> Steps:
        ones = {name: torch.full_like(tensor, float(ord(client.name) - 96)) for name, tensor in state.items()}
        return Update((yield from client.upload(ones, "model")), weight=len(client.data))


class Tensors:
    """A wire on which a number of a tensor is one byte."""

    def carry(self, payload: Any) -> tuple[Any, int]:
        return dict(payload), sum(tensor.numel() for tensor in payload.values())


@pytest.mark.parametrize(("seconds", "first", "middle", "last"), [(8, 1, 1, 1), (4, 0, 1.5, 1.5), (2, 0, 0, 1.5)])
def test_layers_that_have_arrived_by_the_deadline_count(seconds: int, first: float, middle: float, last: float) -> None:
    """a and b send 8 bytes; a at 1 B/s, b at half of that and only in the first case too late with everything."""
    world = tiny()
    world.wire = Tensors()
    for name, rate in (("a", 1.0), ("b", 1.0 if seconds < 8 else 0.01)):
        device(world, name, up=rate).data = [0]  # one sample each
    driver = Deadline(seconds=f"{seconds} s", late="layers")
    size: dict[str, int] = {"rounds": 1, "clients_per_round": 2}
    states = list(driver.states(Layers(), world, None, **size, selection=Uniform(), seeds=Seeds(0)))  # type: ignore[arg-type]
    assert [float(states[-1][name][0]) for name in ("first", "middle", "last")] == [first, middle, last]


def test_a_part_of_a_payload_is_the_tensors_that_have_arrived_in_full() -> None:
    payload = {"a": torch.zeros(4), "b": torch.zeros(2), "c": torch.zeros(2)}
    assert [list(_arrived(payload, share)) for share in (0.2, 0.25, 0.49, 0.5, 0.99, 1.0)] == [
        [],
        ["c"],
        ["c"],
        ["b", "c"],
        ["b", "c"],
        ["a", "b", "c"],
    ]


def outcome(
    folder: Path, label: str, driver: dict[str, Any] | None, batch_size: int = 8, **changes: Any
) -> TrialResult:
    training: dict[str, Any] = {"rounds": 3, "clients_per_round": 4, "batch_size": batch_size}
    training |= {"driver": driver} if driver else {}
    scenario = small_trials.scenario(folder, [label], training=training, **changes)
    forget()
    return run(scenario, scenario.algorithms[0], seed=0)


@pytest.mark.parametrize("label", ["fl", pytest.param("v2", marks=SLOW), "flexp"])
def test_a_deadline_that_never_comes_is_the_synchronous_driver_to_the_digit(
    label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "build", small_trials.four_blocks)
    plain = outcome(tmp_path, label, None)
    endless = outcome(tmp_path, label, {"name": "deadline", "seconds": "1000000 h"})
    assert endless.ledger == plain.ledger
    assert endless.rounds == plain.rounds


@pytest.mark.parametrize("label", ["fl", "v1", pytest.param("sfp", marks=SLOW), pytest.param("fl-stacked", marks=SLOW)])
def test_fedbuff_with_the_whole_cohort_and_equal_devices_learns_as_synchronous_rounds(
    label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four equal devices with as many samples each are done at the same moment, so that no update is stale."""
    monkeypatch.setattr(model, "build", small_trials.four_blocks)
    world: dict[str, Any] = {"world": EQUAL, "data": {"partition": {"name": "iid"}}, "batch_size": 64}
    plain = outcome(tmp_path, label, None, **world)
    buffered = outcome(tmp_path, label, {"name": "fedbuff", "buffer": 4, "concurrency": 4}, **world)
    assert [(point.round, point.score) for point in buffered.rounds] == [
        (point.round, point.score) for point in plain.rounds
    ]
    assert {row.staleness for row in buffered.ledger.attempts} == {0}


def test_an_entry_may_have_a_driver_of_its_own_and_what_does_not_fit_is_told_with_its_line(tmp_path: Path) -> None:
    from simulator.experiments.trial.validate import check

    scenario = small_trials.scenario(
        tmp_path,
        ["fl"],
        algorithms=[{"name": "fedavg", "training": {"driver": {"name": "fedbuff", "buffer": 9, "concurrency": 2}}}],
    )
    with pytest.raises(ScenarioError, match=r"(?s)driver\.buffer.*only 2 clients train at the same time.*1 to 2"):
        check(scenario)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"over_selection": 1.5}, "it waits for all that it selects"),
        ({"seconds": "0 s"}, "leaves no time"),
        ({"over_selection": 0.5}, "greater than or equal to 1"),
    ],
)
def test_settings_of_a_deadline_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Deadline(**settings)


def test_more_that_are_needed_than_are_selected_are_refused() -> None:
    with pytest.raises(UnfitError, match=r"a cohort has 4 clients.*1 to 4"):
        Deadline(first=5).check(Adding(**TOY), Training(), 10)  # type: ignore[arg-type]


def test_more_that_are_selected_than_there_are_devices_are_refused() -> None:
    with pytest.raises(UnfitError, match=r"6 clients would be selected.*5 devices"):
        Deadline(over_selection=1.5, first=1).check(Adding(**TOY), Training(), 5)  # type: ignore[arg-type]


def test_an_algorithm_that_cannot_use_a_part_of_an_update_is_refused() -> None:
    with pytest.raises(UnfitError, match="adding cannot use a part of an update"):
        Deadline(seconds="1 s", late="layers").check(Adding(**TOY), Training(), 9)  # type: ignore[arg-type]

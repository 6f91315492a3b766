"""Clients that follow a routine: what is written down is what their own steps would have written, to the digit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from simulator.algorithms.base import Update
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.local import Local
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.simulate import Simulation
from simulator.scheduling.drivers import routines
from simulator.world.clients import Client
from simulator.world.follower import Follower
from simulator.world.rehearsal import NoRoutineError, rehearse
from tests.helpers import small_trials
from tests.helpers.caches import forget

LINKS = {"uplink": {"rate": "200 Mbit/s", "latency": "10 ms"}, "downlink": {"rate": "100 Mbit/s"}}
WORLD = {
    "devices": [
        {"name": "raspberry-pi-4", "count": 4, "rate": {"fp32": "0.3 GFLOP/s"}, **LINKS},
        {"name": "jetson-tx2", "count": 4, **LINKS},
    ],
    "server": {"name": "rtx-4090", "uplink": {"rate": "300 Mbit/s"}, "downlink": {"rate": "300 Mbit/s"}},
}
DRIVERS: list[dict[str, Any]] = [
    {"name": "synchronous"},
    {"name": "deadline", "seconds": "1.2 s"},
    {"name": "deadline", "seconds": "0.85 s", "late": "layers"},
    {"name": "deadline", "first": 2, "over_selection": 1.5},
    {"name": "fedbuff", "buffer": 2},
    {"name": "fedasync"},
    {"name": "semi_async", "seconds": "0.3 s"},
]


@pytest.fixture
def followers(monkeypatch: pytest.MonkeyPatch) -> list[Follower]:
    """The processes that follow a routine, as they are started."""
    started: list[Follower] = []

    class Noted(Follower):
        __slots__ = ()

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            started.append(self)

    monkeypatch.setattr(routines, "Follower", Noted)
    return started


def dry(folder: Path, entry: str, world: dict[str, Any] = WORLD, **training: Any) -> TrialResult:
    """A dry trial of eight devices, of whose shards some are equally large."""
    scenario = small_trials.scenario(
        folder, [entry], world=world, training={"rounds": 4, "clients_per_round": 4, **training}
    )
    forget()
    return Simulation(scenario, scenario.algorithms[0], seed=0, dry=True).run()


def rows(result: TrialResult) -> dict[str, list[Any]]:
    """All that was written down, and the memory peaks with what was done then."""
    tables: dict[str, list[Any]] = {name: list(table) for name, table in result.ledger.tables().items()}
    return {**tables, "peaks": [*result.client_peaks, result.server_peak], "rounds": list(result.rounds)}


def with_and_without(
    run: Any, followers: list[Follower], monkeypatch: pytest.MonkeyPatch
) -> tuple[TrialResult, TrialResult]:
    """The same trial with routines, of which there must be some, and without."""
    following = run()
    assert followers
    followers.clear()
    monkeypatch.setattr(routines, "can_follow", lambda client: False)
    alone = run()
    assert not followers
    return following, alone


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: "-".join(map(str, driver.values())))
def test_every_driver_writes_the_same_rows(
    driver: dict[str, Any], followers: list[Follower], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, other = with_and_without(lambda: dry(tmp_path, "fl", driver=driver), followers, monkeypatch)
    assert rows(one) == rows(other)


@pytest.mark.parametrize("entry", ["fl-epochs", "fl-linear", "fl-prompt", "fl-lora", "prox", "momentum", "adam"])
def test_every_algorithm_with_a_routine_writes_the_same_rows(
    entry: str, followers: list[Follower], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where weights are frozen, devices receive them with steps of their own, and follow a routine from then on."""
    one, other = with_and_without(lambda: dry(tmp_path, entry), followers, monkeypatch)
    assert rows(one) == rows(other)


def test_one_client_rehearses_for_all_that_have_equally_many_samples(
    followers: list[Follower], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    performed: list[Any] = []
    client = FedAvg.client

    def counting(*args: Any) -> Any:
        performed.append(args)
        return client(*args)

    monkeypatch.setattr(FedAvg, "client", counting)
    result = dry(tmp_path, "fl", clients_per_round=8)
    sizes = {follower.client.data.shapes for follower in followers}
    assert len(followers) == 4 * 8 == len(result.ledger.attempts)
    assert len(performed) == len(sizes)


@pytest.mark.parametrize(
    "change",
    [
        {"presence": {"name": "on_off", "mean_present": "1 h", "mean_absent": "1 s"}},
        {"battery": {"capacity": "1 kWh"}},
        {"dropout": {"training": 0.5}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_devices_that_may_leave_follow_none(change: dict[str, Any], followers: list[Follower], tmp_path: Path) -> None:
    world = {**WORLD, "devices": [{**device, **change} for device in WORLD["devices"]]}  # type: ignore[attr-defined]
    dry(tmp_path, "fl", world)
    assert not followers


def test_what_is_compressed_follows_none(followers: list[Follower], tmp_path: Path) -> None:
    dry(tmp_path, "fl-top-k")
    assert not followers


@pytest.mark.parametrize("entry", ["v1", "sfp", "alone", "ditto"])
def test_clients_that_need_more_than_their_device_follow_none(
    entry: str, followers: list[Follower], tmp_path: Path
) -> None:
    dry(tmp_path, entry)
    assert not followers


def test_a_class_that_changes_what_clients_do_must_say_for_itself_that_it_is_a_routine() -> None:
    class Other(FedAvg):
        def client(self, *args: Any) -> Any:
            return super().client(*args)

    class Renamed(FedAvg):
        pass

    assert not routines._has_routine(Other)
    assert routines._has_routine(Renamed)


def simulation(folder: Path, entry: str) -> Simulation:
    """A dry trial in which nothing has happened yet."""
    scenario = small_trials.scenario(folder, [entry], world=WORLD)
    forget()
    return Simulation(scenario, scenario.algorithms[0], seed=0, dry=True)


def rehearsed(trial: Simulation, perform: Any) -> Any:
    """The routine of the first client."""
    return rehearse(trial.world.clients[0], trial.world.wire, "phase", perform, lambda update: update)


def test_a_rehearsal_leaves_no_trace(tmp_path: Path) -> None:
    trial = simulation(tmp_path, "fl")
    algorithm, task, client = FedAvg(), trial.task, trial.world.clients[0]
    routine = rehearsed(trial, lambda world, double: algorithm.client(world, task, double, task.trainable()))
    kinds = [type(step).__name__ for step in routine.steps]
    assert (kinds[0], kinds[-1], set(kinds[1:-1])) == ("Sends", "Sends", {"Computes"})
    assert routine.outcome().weight == len(client.data)
    assert not len(trial.world.ledger.transfers)
    assert not len(trial.world.ledger.works)
    assert not len(trial.world.env)
    assert client.site.memory.peak_bytes == client.site.memory.bytes == 0


@pytest.mark.parametrize("what", ["now", "server", "start"])
def test_who_looks_at_the_world_has_no_routine(what: str, tmp_path: Path) -> None:
    def perform(world: Any, client: Client) -> Any:
        yield getattr(world, what)

    with pytest.raises(NoRoutineError, match=f"it uses world.{what}"):
        rehearsed(simulation(tmp_path, "fl"), perform)


def test_who_waits_has_no_routine(tmp_path: Path) -> None:
    def perform(world: Any, client: Client) -> Any:
        yield None

    with pytest.raises(NoRoutineError, match="it waits"):
        rehearsed(simulation(tmp_path, "fl"), perform)


class Noted(Update):
    """An update that says more."""


@pytest.mark.parametrize(
    "outcome",
    [
        None,
        Update(None, weight=1),
        Update({"w": 1.0}, weight=1),
        Update({"w": torch.zeros(2)}, weight=1),
        Update({"w": {"a": torch.zeros(2, device="meta")}}, weight=1),
        Noted({"w": torch.zeros(2, device="meta")}, weight=1),
    ],
    ids=["nothing", "no value", "a number", "a tensor with values", "a dict within", "more than an update"],
)
def test_whose_update_is_no_dict_of_tensors_without_values_has_no_routine(outcome: Any, tmp_path: Path) -> None:
    """What is more could be written by whoever has the update of one client, and all others would have it written."""

    def perform(world: Any, client: Client) -> Any:
        return outcome
        yield

    trial = simulation(tmp_path, "fl")
    with pytest.raises(NoRoutineError, match="its update"):
        rehearse(trial.world.clients[0], trial.world.wire, "phase", perform, routines._renewed)


def test_who_keeps_something_between_rounds_has_no_routine(tmp_path: Path) -> None:
    trial = simulation(tmp_path, "alone")
    task = trial.task
    with pytest.raises(NoRoutineError, match="it keeps PersonalModel"):
        rehearsed(trial, lambda world, client: Local().client(world, task, client, task.trainable()))

"""Values of records as JSON and tensors, and their way back into the objects of a replay."""

from __future__ import annotations

import json
from collections import namedtuple
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.accounting.payload import Frozen
from simulator.algorithms.base import State, Steps, Update
from simulator.algorithms.fedavg import FedAvg
from simulator.experiments.trial.checkpoint_pour import Decoder
from simulator.experiments.trial.checkpoint_tree import Encoder, UnstorableError, snapshot
from simulator.experiments.trial.trial import Trial
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.adamw import AdamW
from simulator.scheduling.selection.base import Selection, eligible
from simulator.scheduling.selection.losses import ReportedLosses
from simulator.world.store import Live, Store
from tests.helpers.resuming import checkpoints, differences, recorded, small


class Pair(NamedTuple):
    one: Any
    other: Any


@dataclass
class Note:
    text: str
    values: list[Any] = field(default_factory=list)


class NoNames:
    """Nothing exists without a checkpoint."""

    def name(self, value: Any) -> list[Any] | None:
        return None

    def find(self, name: list[Any]) -> Any:
        raise KeyError(name)


class OneName(NoNames):
    """One object exists, which is called "it"."""

    def __init__(self, it: Any) -> None:
        self.it = it

    def name(self, value: Any) -> list[Any] | None:
        return ["it"] if value is self.it else None

    def find(self, name: list[Any]) -> Any:
        assert name == ["it"]
        return self.it


def back(value: Any, old: Any = None, names: Any = None) -> Any:
    """A value on its way through JSON, poured into an old one."""
    names = names or NoNames()
    encoder = Encoder(names)
    node = json.loads(json.dumps(encoder.encode(value, "it")))
    return Decoder([tensor.clone() for tensor in encoder.tensors], names, AdamW()).pour(node, old)


def equal(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return (
            one.dtype == other.dtype and one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())
        )
    if isinstance(one, dict):
        return list(one) == list(other) and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, Note):
        return equal(vars(one), vars(other))
    return one == other or (one != one and other != other)


numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
arrays = st.builds(
    lambda shape, kind: np.arange(np.prod(shape)).reshape(shape).astype(kind),
    st.lists(st.integers(0, 3), max_size=2).map(tuple),
    st.sampled_from(["<f4", "<i8", "?", "<f8"]),
)
tensors = st.builds(
    lambda shape, kind: torch.arange(float(np.prod(shape))).reshape(shape).to(kind),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.sampled_from(
        [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
    ),
)
keys = st.text(max_size=3) | st.integers() | st.tuples(st.text(max_size=2), st.integers(0, 9))
values = st.recursive(
    numbers | arrays | tensors,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3).map(Frozen)
        | st.builds(Pair, inner, inner)
        | st.builds(Note, st.text(max_size=3), st.lists(inner, max_size=2))
    ),
    max_leaves=8,
)


@settings(max_examples=75, deadline=None)
@given(values, values)
def test_a_value_comes_back_whatever_it_is_poured_into(value: Any, old: Any) -> None:
    assert equal(back(value, old), value)


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers() | st.text(max_size=3)))
def test_sets_come_back(value: set[Any]) -> None:
    assert back(value) == value
    assert back(frozenset(value)) == frozenset(value)


def test_dicts_and_lists_are_changed_in_place() -> None:
    live = Live({"a": torch.zeros(2), "b": torch.zeros(1)})
    old = {"one": live, "two": [live["a"]]}
    rows = old["two"]
    new = back({"one": Live({"a": torch.ones(2), "b": torch.ones(1)}), "two": [torch.ones(3), 5]}, old)
    assert new is old
    assert new["one"] is live
    assert new["two"] is rows
    assert torch.equal(live["a"], torch.ones(2))
    assert torch.equal(rows[0], torch.ones(3))


def test_what_occurs_twice_is_one_object_again() -> None:
    tensor, inner = torch.ones(2), [1]
    value = back({"a": tensor, "b": (tensor, inner), "c": inner})
    assert value["a"] is value["b"][0]
    assert value["c"] is value["b"][1]


def test_one_object_of_the_replay_may_stand_for_two() -> None:
    blank = {"a": torch.zeros(1)}
    value = back([{"a": torch.ones(1)}, {"a": torch.zeros(1)}], [blank, blank])
    assert [float(part["a"]) for part in value] == [1, 0]


def test_what_exists_anyway_is_named() -> None:
    it = torch.ones(2)
    assert back([it], names=OneName(it))[0] is it


def test_a_random_stream_goes_on() -> None:
    stream = np.random.default_rng(5)
    stream.random(3)
    twin = back(stream)
    assert np.array_equal(stream.random(4), twin.random(4))


def trained() -> Weights:
    weights = Weights({"a": torch.ones(2), "b": torch.ones(2)}, AdamW(), 0.1)
    weights["a"] = AdamW().step(weights["a"], torch.tensor([1.0, 2.0]), weights._slots.setdefault("a", {}), 0.1, False)
    weights._owned.add("a")
    weights.round, weights.version, weights.random = 3, 2, np.random.default_rng(1)
    return weights


def test_weights_go_on_with_their_optimizer_state() -> None:
    weights, old = trained(), Weights({"a": torch.empty(2), "b": torch.empty(2)}, AdamW(), 0.5)
    twin = back(weights, old)
    assert twin is old
    assert equal(dict(twin), dict(weights))
    assert equal(twin._slots, weights._slots)
    assert (twin.learning_rate, twin.round, twin.version, twin._owned) == (0.1, 3, 2, {"a"})
    assert twin.random is not None
    assert weights.random is not None
    assert twin.random.random() == weights.random.random()
    assert isinstance(back(weights).optimizer, AdamW)


def test_no_later_step_changes_a_snapshot() -> None:
    weights = trained()
    copied, before = snapshot(weights), weights["a"].clone()
    weights["a"].add_(1)
    weights._slots["a"]["mean"].add_(1)
    assert torch.equal(copied["a"], before)
    assert not torch.equal(copied._slots["a"]["mean"], weights._slots["a"]["mean"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [object()]}, r"it\['a'\]\[0\] is a object"),
        ([lambda: 1], r"it\[0\] is a function"),
        (Note("a", [1j]), r"it.values\[0\] is a complex"),
        (np.array([object()]), "it is an array of objects"),
    ],
)
def test_what_cannot_be_stored_is_named(value: Any, message: str) -> None:
    with pytest.raises(UnstorableError, match=message):
        back(value)


def test_what_contains_itself_cannot_be_stored() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(UnstorableError, match="contains itself"):
        back(loop)


# Plug-ins.

Unknown = namedtuple("Unknown", "thing")


@dataclass(eq=False)
class Kept(Store):
    """What a plug-in keeps at a device."""

    seen: Any = None


class Keeping(FedAvg):
    """FedAvg that keeps at each device what its user thinks of."""

    def client(self, world: Any, task: Any, client: Any, state: State) -> Steps:
        update = yield from super().client(world, task, client, state)
        client.store(Kept).seen = self.kept(update)
        return update

    def kept(self, update: Update) -> Any:
        return {"last": Unknown(dict(update.value)), 5: np.float32(update.weight)}


class Hiding(Keeping):
    """The same, with something that only it knows."""

    def kept(self, update: Update) -> Any:
        return {"thing": object()}


def with_algorithm(folder: Path, algorithm: Any) -> Any:
    trial = small(folder, "fl-linear")
    (entry,) = trial.algorithms
    return trial.model_copy(update={"algorithms": (entry.model_copy(update={"algorithm": algorithm}),)})


def from_the_second(trial: Any, folder: Path) -> list[str]:
    path, told = folder / "checkpoint", []
    whole, files = recorded(trial, path)
    path.write_bytes(files[2])
    kept = checkpoints(path, told)
    running = Trial(trial, trial.algorithms[0], 0, checkpoints=kept)
    running.run()
    assert kept.resumed == 2, told
    return differences(whole, running)


@pytest.mark.usefixtures("small_model")
def test_a_record_of_a_plug_in_goes_on(tmp_path: Path) -> None:
    assert from_the_second(with_algorithm(tmp_path, Keeping()), tmp_path) == []


@pytest.mark.usefixtures("small_model")
def test_a_record_that_cannot_be_stored_is_told_once_with_its_field(tmp_path: Path) -> None:
    told: list[str] = []
    _, files = recorded(with_algorithm(tmp_path, Hiding()), tmp_path / "checkpoint", told)
    assert not files
    (line,) = told
    assert "starts over if it is stopped: seen of Kept at " in line
    assert line.endswith("['thing'] is a object, which no checkpoint can hold")


@pytest.mark.usefixtures("small_model")
def test_an_algorithm_that_decides_by_values_starts_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Keeping, "needs_values", "the sum of its weights")
    told: list[str] = []
    _, files = recorded(with_algorithm(tmp_path, Keeping()), tmp_path / "checkpoint", told)
    assert not files
    (line,) = told
    assert "decides by the sum of its weights" in line


class ByNorm(Selection):
    """Clients in the order of the state's norm, which only a real run has."""

    name = "by_norm"  # type: ignore[misc]
    needs_values = "the state"  # type: ignore[misc]

    def choose(self, clients: Any, size: int, round: int, seeds: Any) -> list[Any]:
        from simulator.scheduling.drivers.base import GlobalState

        state = clients[0].server.store(GlobalState).value
        norm = float(sum(tensor.norm() for tensor in state.values()))
        return sorted(eligible(clients), key=lambda client: (int(client.name[-1]) + round + (norm > 3)) % 4)[:size]


class ByLoss(ByNorm):
    """Clients by the losses that they report, in whatever way."""

    name = "by_loss"  # type: ignore[misc]
    needs_losses = True  # type: ignore[misc]

    def choose(self, clients: Any, size: int, round: int, seeds: Any) -> list[Any]:
        reported = clients[0].server.store(ReportedLosses)
        return sorted(eligible(clients), key=lambda client: reported.mean(client.name) or 0.0)[:size]


@pytest.mark.usefixtures("small_model")
@pytest.mark.parametrize("policy", [ByNorm, ByLoss])
def test_cohorts_of_a_policy_of_a_users_are_repeated(policy: type[Selection], tmp_path: Path) -> None:
    trial = small(tmp_path, "fl-linear")
    (entry,) = trial.algorithms
    training = entry.training.model_copy(update={"selection": policy()})
    trial = trial.model_copy(update={"algorithms": (entry.model_copy(update={"training": training}),)})
    assert from_the_second(trial, tmp_path) == []

"""The attempts that are under way when a checkpoint is made, under a driver that never waits for all clients.

An attempt that has not been aggregated is done again for real, from the state and the records that it began with, while
all others are simulated without values. So what a client does must not touch values at the server that others change
meanwhile (``trains_in_common``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

from simulator.algorithms.steps.shared_body import SharedBody
from simulator.experiments.trial.checkpoint_pour import Decoder
from simulator.experiments.trial.checkpoint_tree import Encoder, Node, name_of, snapshot
from simulator.experiments.trial.checkpoint_world import NotNowError, pour_records, receive_frozen
from simulator.learning.models.weights import Weights
from simulator.learning.task import Task
from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.experiments.trial.checkpoint_hollow import Hollow
    from simulator.experiments.trial.checkpoint_names import TrialNames
    from simulator.learning.models.cuts import Ranges
    from simulator.scheduling.drivers.fleet import Attempt, Fleet
    from simulator.world.clients import Client
    from simulator.world.world import World


class Begun(NamedTuple):
    """An attempt as it began.

    Attributes:
        number: its number among those of the client.
        base: the version of its state.
        state: the state.
        records: copies of the records of the client, by class.
        alone: whether no work of an attempt that was stopped will still change them.
    """

    number: int
    base: int
    state: Any
    records: dict[type[Store], dict[str, Any]]
    alone: bool


class RealTask(Task):
    """A task whose trained tensors have their values, while those of the backbone have none.

    Args:
        task: the task, whose backbone it shares.
        values: the tensors that have no values there, by name.
    """

    def __init__(self, task: Task, values: Mapping[str, Tensor]) -> None:
        vars(self).update(vars(task))
        self.hollow = False
        self._values = values

    def trainable(self, ranges: Ranges | None = None) -> dict[str, Tensor]:
        return {name: self._values.get(name, tensor) for name, tensor in super().trainable(ranges).items()}

    def weights(self, tensors: Mapping[str, Tensor], *args: Any, **keywords: Any) -> Weights:
        return super().weights({**self._values, **tensors}, *args, **keywords)


class Flights:
    """Notes how attempts begin, and has those done for real that a checkpoint needs.

    Args:
        world: the world.
        task: the task.
        names: the names of what a trial has anyway.
    """

    def __init__(self, world: World, task: Task, names: TrialNames) -> None:
        self._world, self._task, self._names = world, task, names
        self._fleet: Fleet | None = None
        self._begun: dict[Client, list[Begun]] = {}
        self._needed: dict[tuple[str, int], list[Any]] = {}
        self._states: dict[int, Any] = {}
        world.on_attempt = self._begin

    def _begin(self, fleet: Fleet, attempt: Attempt) -> Task:
        """Note how an attempt begins; return the task that it works with."""
        self._fleet, client, task = fleet, attempt.client, fleet.task
        needed = self._needed.pop((client.name, attempt.number), None)
        if needed is not None:
            task = self._make_real(attempt, needed)
        self._forget(client)
        memo: dict[int, Any] = {}
        records = {
            kind: {field: _copied(value, memo) for field, value in vars(record).items()}
            for kind, record in client.site.stores.items()
            if not kind.replayed
        }
        alone = all(work.writes is None for work in client.site.service.serving)
        self._begun.setdefault(client, []).append(Begun(attempt.number, attempt.base, attempt.state, records, alone))
        return task

    def _forget(self, client: Client) -> None:
        """Forget those attempts of a client that no checkpoint needs any more: all before the first under way."""
        assert self._fleet is not None
        attempts = [*self._fleet.arrived, *self._fleet.running.values()]
        pending = [attempt.number for attempt in attempts if attempt.client is client]
        first = min(pending, default=None)
        begun = self._begun.get(client, [])
        self._begun[client] = [] if first is None else [one for one in begun if one.number >= first]

    def noted(self, encoder: Encoder) -> dict[str, Node]:
        """Return what a checkpoint needs of the attempts that are under way.

        Raises:
            UnstorableError: something in a record or in a state cannot be stored.
            NotNowError: an attempt began while the device still finished a work for one that had been stopped.
        """
        if self._fleet is None:
            return {"states": [], "attempts": []}
        for client in self._begun:
            self._forget(client)
        every = [(client.name, one) for client, some in self._begun.items() for one in some]
        if not all(one.alone for _, one in every):
            raise NotNowError
        bases = {one.base: one.state for _, one in every}
        encoder.part()
        states = [[base, encoder.encode(state, f"the state of version {base}")] for base, state in bases.items()]
        attempts = []
        for name, one in every:
            encoder.part()
            records = {
                name_of(kind): {
                    field: encoder.encode(value, f"{field} of {kind.__name__} at {name}")
                    for field, value in fields.items()
                }
                for kind, fields in one.records.items()
            }
            attempts.append([name, one.number, one.base, records])
        return {"states": states, "attempts": attempts}

    def repeat(self, noted: dict[str, Any], tensors: list[Tensor], hollow: Hollow) -> None:
        """Have attempts done for real that a checkpoint needs.

        Args:
            noted: what ``noted`` returned.
            tensors: the tensors of the checkpoint.
            hollow: what is without values meanwhile.
        """
        self._tensors, self._hollow = tensors, hollow
        decoder = self._decoder()
        self._states = {base: decoder.decode(node) for base, node in noted["states"]}
        self._needed = {(name, number): [base, records] for name, number, base, records in noted["attempts"]}
        self._real = RealTask(self._task, {name: hollow.backbone[name] for name in hollow.names})

    def _decoder(self) -> Decoder:
        return Decoder(self._tensors, self._names, self._task.training.optimizer)

    def _make_real(self, attempt: Attempt, needed: list[Any]) -> Task:
        """Give a client and its attempt their values, from now on."""
        base, records = needed
        client, attempt.state = attempt.client, self._states[base]
        self._hollow.fill(client)
        client.task = self._real
        receive_frozen([client], self._names)
        pour_records(client.site, records, self._decoder())
        return self._real

    def go_on(self) -> None:
        """Forget what was needed before the checkpoint."""
        self._needed, self._states, self._tensors = {}, {}, []


def trains_in_common(world: World) -> bool:
    """Return whether the server has weights that its clients train between aggregations, so that an attempt cannot be
    done again without all others. Of what a plug-in keeps at the server, nobody knows.
    """
    records = world.server.stores.items()
    return any(_is_trained(record) or not kind.__module__.startswith("simulator.") for kind, record in records)


def _is_trained(record: Store) -> bool:
    if isinstance(record, SharedBody):
        return bool(record.trained)
    return type(record).checkpoint is not Store.checkpoint


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    """Return a copy of a value of a record that no later step changes; tensors that nobody writes into are shared."""
    if id(value) in memo:
        return memo[id(value)]
    copied = value
    if isinstance(value, Weights):
        copied = snapshot(value)
    elif isinstance(value, dict):
        copied = type(value)({key: _copied(part, memo) for key, part in value.items()})
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        copied = type(value)(*(_copied(part, memo) for part in value))
    elif isinstance(value, list | tuple):
        copied = type(value)(_copied(part, memo) for part in value)
    elif is_dataclass(value) and not isinstance(value, type):
        copied = object.__new__(type(value))
        vars(copied).update({name: _copied(part, memo) for name, part in vars(value).items()})
    memo[id(value)] = copied
    return copied

"""Attempts of clients that do what others like them do: in a dry run, it is worked out for one of them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator.accounting.copy_on_write import CopyOnWrite, Entries
from simulator.algorithms.base import Algorithm, State, Update
from simulator.world.clients import Installed
from simulator.world.follower import Follower, can_follow
from simulator.world.process import Process
from simulator.world.rehearsal import NoRoutineError, rehearse

if TYPE_CHECKING:
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.routine import Routine
    from simulator.world.world import World


def begun_attempt(algorithm: Algorithm, world: World, task: Task, client: Client, state: State) -> Process:
    """Start a client's part of a round, and return its process.

    Args:
        algorithm: the algorithm that the client runs.
        world: the world in which it runs it.
        task: the model, its starting weights and the training settings.
        client: the client.
        state: the state that it starts from.
    """
    routine = _routine(algorithm, world, task, client, state)
    if routine is None:
        return world.start(algorithm.client(world, task, client, state), client).process
    return Follower(routine, client)


def _routine(algorithm: Algorithm, world: World, task: Task, client: Client, state: State) -> Routine | None:
    """Return what the client will do, if that is known without running it; else None."""
    entries = _entries_of(state)
    if entries is None or task.hollow or not _has_routine(type(algorithm)) or not can_follow(client):
        return None
    shapes, phase, installed = client.data.shapes, world.current_process().phase, client.site.kept(Installed)
    if shapes is None:
        return None
    key: Hashable = id(entries), shapes, phase, client.provisioning, installed and id(installed.weights)
    known = world.routines.get(key)
    if known is None:
        try:
            routine = rehearse(
                client, world.wire, phase, lambda stage, actor: algorithm.client(stage, task, actor, state), _renewed
            )
        except NoRoutineError:
            routine = None
        known = world.routines[key] = routine, (entries, installed and installed.weights)  # which keeps the key valid
    return known[0]


def _entries_of(state: State) -> Entries | None:
    """Return the entries of a state without values; None if it is anything else."""
    return state.entries if type(state) is CopyOnWrite else None


def _has_routine(kind: type[Algorithm]) -> bool:
    """Return whether the class that defines what clients do says that it is a routine."""
    owner = next(each for each in kind.__mro__ if "client" in vars(each))
    return bool(vars(owner).get("has_routine", False))


def _renewed(update: Update) -> Update:
    """Return an update with the same values, in a dict of its own."""
    value: Any = update.value
    return replace(update, value=CopyOnWrite(value.entries) if _entries_of(value) is not None else dict(value))

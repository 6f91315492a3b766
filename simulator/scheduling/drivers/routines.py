"""Attempts of clients that do what others like them do: in a dry run, it is worked out for one of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from simulator.accounting.copy_on_write import CopyOnWrite, Entries, Known, is_plain_dict
from simulator.algorithms.base import Algorithm, State, Steps, Update
from simulator.world.clients import Installed
from simulator.world.follower import Follower, can_follow
from simulator.world.process import Process
from simulator.world.rehearsal import NoRoutineError, rehearse
from simulator.world.unawaited import is_of_a_user

if TYPE_CHECKING:
    from simulator.learning.task import Task
    from simulator.world.clients import Client
    from simulator.world.routine import Routine
    from simulator.world.world import World


MOST_KNOWN = 1024
"""How many routines are remembered; when there are more, all are forgotten."""


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
    return Follower(world, routine, client)


def _routine(algorithm: Algorithm, world: World, task: Task, client: Client, state: State) -> Routine | None:
    """Return what the client will do, if that is known without running it; else None."""
    if not _has_routine(type(algorithm)) or not task.dry or task.hollow or not can_follow(client):
        return None
    shapes = client.data.shapes
    if shapes is None:
        return None
    world.routines = routines = world.routines or Routines()
    entries, installed = routines.entries(state), client.site.kept(Installed)
    if entries is None:
        return None
    phase, is_first = world.current_process().phase, False

    def rehearsed() -> Routine | None:
        nonlocal is_first
        is_first = True

        def perform(stage: Any, actor: Client) -> Steps:
            return algorithm.client(stage, task, actor, CopyOnWrite(entries))

        try:
            return rehearse(client, world.wire, phase, perform, _renewed)
        except Exception:  # it has no routine, or an error, which its own steps will have, and tell where it belongs
            return None

    key = shapes, phase, client.provisioning
    routine = routines.of(key, (entries, installed and installed.weights), rehearsed)
    return None if is_first and is_of_a_user(algorithm) else routine  # in own steps it is seen whether all are run


class Routines:
    """The routines of a trial, each worked out once."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[Routine | None, tuple[object, ...]]] = {}
        self._states = Known()
        self._latest: tuple[State | None, Entries | None] = None, None

    def entries(self, state: State) -> Entries | None:
        """Return the entries of a state of tensors without values, the same ones for the same tensors.

        None if it is anything else.
        """
        if self._latest[0] is not state:
            self._latest = state, self._states.of(state) if _is_bare(state) else None
        return self._latest[1]

    def of(self, key: Hashable, same: tuple[object, ...], make: Callable[[], Routine | None]) -> Routine | None:
        """Return the routine of all who have the same key and the same objects.

        Args:
            key: what is compared by value.
            same: what is compared by identity.
            make: makes the routine if there is none yet; it returns None if there can be none.
        """
        whole = key, tuple(map(id, same))
        known = self._known.get(whole)
        if known is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[whole] = make(), same  # which keeps the identities valid
        return known[0]


def _has_routine(kind: type[Algorithm]) -> bool:
    """Return whether the class that defines what clients do says that it is a routine."""
    owner = next(each for each in kind.__mro__ if "client" in vars(each))
    return bool(vars(owner).get("has_routine", False))


def _renewed(update: Update) -> Update:
    """Return an update with the same values, in a dict of its own.

    Raises:
        NoRoutineError: it is anything but an ``Update`` whose value is a dict of tensors without values, of which
            clients could have more in common than is noticed.
    """
    value: Any = update.value if type(update) is Update else None
    if not is_plain_dict(value):
        raise NoRoutineError("its update is no dict of tensors")
    if type(value) is CopyOnWrite and value.entries is not None:
        return Update(CopyOnWrite(value.entries), update.weight)
    if not _is_bare(value):
        raise NoRoutineError("its update has more than tensors without values")
    return Update(dict(value), update.weight)


def _is_bare(state: object) -> bool:
    """Return whether it is a dict of tensors without values."""
    return isinstance(state, dict) and all(getattr(tensor, "is_meta", False) for tensor in state.values())

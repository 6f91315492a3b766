"""Phases: what the rows of a process in the ledger belong to, and when its client drops out."""

from __future__ import annotations

from simulator.world.dropout import DROPOUT, give_up
from simulator.world.process import Running


class Phase:
    """A context in which the rows of the running process, and of those it starts, belong to a phase.

    Args:
        world: the world.
        name: the phase.
    """

    __slots__ = ("_gives_up", "_name", "_outer", "_process", "_world")

    def __init__(self, world: Running, name: str) -> None:
        self._world, self._name, self._gives_up = world, name, False

    def __enter__(self) -> None:
        process = self._process = self._world.current_process()
        self._outer, process.phase = process.phase, self._name
        client = process.client
        if client is not None and client.site.dropout is not None:
            try:
                self._gives_up = client.site.dropout.enter(process, self._world.processes.of(client))
            except BaseException:
                process.phase = self._outer
                raise

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        process = self._process
        try:
            if self._gives_up and error is None:
                give_up(process, self._world.processes.of(process.client), DROPOUT)
        finally:
            process.phase = self._outer

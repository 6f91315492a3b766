"""Queues between processes."""

from __future__ import annotations

from typing import Any

import simpy

from simulator.world.process import Process, Steps


class Buffer:
    """A bounded first-in, first-out queue between processes, for pipelines and shuffles."""

    def __init__(self, env: simpy.Environment, room: float) -> None:
        self._store = simpy.Store(env, capacity=room)

    def __len__(self) -> int:
        return len(self._store.items)

    def put(self, item: Any) -> Steps:
        """Wait until there is room, then put the item in."""
        note_wait(self._store._env)
        with self._store.put(item) as request:
            yield request

    def get(self) -> Steps:
        """Wait for an item; the value is the item."""
        note_wait(self._store._env)
        request = self._store.get()
        try:
            return (yield request)
        except BaseException:  # the process was stopped: its request must not take an item from others
            if request.triggered:
                self._store.items.insert(0, request.value)
                self._store._trigger_get(None)
            request.cancel()
            raise


def note_wait(env: simpy.Environment) -> None:
    """Note that the running process begins to wait now."""
    if isinstance(env.active_process, Process):
        env.active_process.since = env.now

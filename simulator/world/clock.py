"""The clock of a world: SimPy's, in which what happens at once need not go through the queue of all that is to come."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

import simpy
from simpy.core import EmptySchedule, StopSimulation
from simpy.events import NORMAL, URGENT, EventPriority


class Clock(simpy.Environment):
    """A SimPy environment in which events without a delay wait in lines of their own.

    Nearly half of all events have none: a process that begins or ends, a transfer that has arrived. With 100,000
    clients under way, it is dear to take them through the same heap as all that is to come later. The order of events
    is SimPy's: by time, by priority, and then by when they were scheduled.
    """

    def __init__(self, initial_time: float = 0.0) -> None:
        super().__init__(initial_time)
        self._urgent: deque[tuple[int, simpy.Event]] = deque()  # of priority 0, with their numbers
        self._normal: deque[tuple[int, simpy.Event]] = deque()  # of priority 1

    def __len__(self) -> int:
        """Return how many events are to come."""
        return len(self._queue) + len(self._urgent) + len(self._normal)

    def __bool__(self) -> bool:
        return True

    def schedule(self, event: simpy.Event, priority: EventPriority = NORMAL, delay: float = 0) -> None:
        number = next(self._eid)
        if delay or priority > NORMAL or priority < URGENT:
            heappush(self._queue, (self._now + delay, priority, number, event))
        elif priority == NORMAL:
            self._normal.append((number, event))
        else:
            self._urgent.append((number, event))

    def peek(self) -> float:
        return self._now if self._urgent or self._normal else super().peek()

    def step(self) -> None:
        event = self._pop()
        callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
        try:
            for callback in callbacks:
                callback(event)
        except StopSimulation:
            event.callbacks = callbacks[callbacks.index(callback) + 1 :]
            self.schedule(event, EventPriority(-1))
            raise
        if not event._ok and not hasattr(event, "_defused"):  # nobody has handled the error
            error = type(event._value)(*event._value.args)
            error.__cause__ = event._value
            raise error

    def _pop(self) -> simpy.Event:
        """Take the next event out of where it waits, and set the clock."""
        queue, line, priority = self._queue, self._urgent, 0
        if not line:
            line, priority = self._normal, 1
        if line and not (queue and queue[0][0] <= self._now and (queue[0][1], queue[0][2]) < (priority, line[0][0])):
            return line.popleft()[1]
        if not queue:
            raise EmptySchedule
        self._now, _, _, event = heappop(queue)
        return event

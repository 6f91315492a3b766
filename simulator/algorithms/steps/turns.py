"""The order in which the clients of a round hold weights that they share, whatever the speed of devices and links."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import Any

from simulator.world.clients import Client
from simulator.world.world import World


class Turns:
    """Turns of the clients of one round, in an order that no time can change.

    In each step every client that still has a batch takes one turn, in the order of that step. A client is waited for
    when its turn has come, and is passed over once it has had all of its turns, or is over: finished, stopped, or gone
    with its device. Clients that nobody has started are passed over too.

    Args:
        world: the world in which they run.
        cohort: the clients of the round.
        order: returns the order of a step, which counts from 0: a permutation of the positions in the cohort.
        when_over: is called when no client has a turn left, perhaps more than once.

    Attributes:
        round: the round of the process that made them.
    """

    def __init__(
        self,
        world: World,
        cohort: Sequence[Client],
        order: Callable[[int], Sequence[int]],
        when_over: Callable[[], None] = lambda: None,
    ) -> None:
        self.round = world.current_process().round
        self._env, self._cohort, self._order, self._when_over = world.env, tuple(cohort), order, when_over
        self._left: dict[Client, float] = {}  # the turns that each client has not had; inf before it says how many
        self._asked: dict[Client, Any] = {}
        self._coming: deque[Client] = deque()
        self._step = 0
        self._holding: Any = None
        # The first process of a client is the one that all others of its round are a part of.
        processes = {process.client: process for process in reversed(world.processes) if process.round == self.round}
        for client in self._cohort:
            if process := processes.get(client):
                self._left[client] = inf
                process.callbacks.append(partial(self._end, client))

    def expect(self, client: Client, turns: int) -> None:
        """Note how many turns a client takes from now on; before, it is waited for in every step.

        Args:
            client: the client.
            turns: how many turns.

        Raises:
            RuntimeError: the client is not in the cohort.
        """
        if client not in self._cohort:
            raise RuntimeError(f"{client} is not in the cohort of round {self.round}, so it has no turn in its order")
        self._left[client] = turns
        self._proceed()

    @contextmanager
    def turn(self, client: Client) -> Iterator[Any]:
        """Ask for the next turn of a client; it ends with the block, or with the client.

        Use it as ``with turns.turn(client) as turn: yield turn``.

        Raises:
            RuntimeError: the client has had all of its turns.
        """
        if not self._left.get(client):
            raise RuntimeError(f"{client} has no turn left in round {self.round}")
        turn = self._asked[client] = self._env.event()
        self._proceed()
        try:
            yield turn
        finally:
            if self._holding is turn:
                self._holding = None
            elif self._asked.get(client) is turn:
                del self._asked[client]
            self._proceed()

    def _end(self, client: Client, process: Any) -> None:
        """Pass over a client from now on, because its process is over."""
        self.expect(client, 0)

    def _proceed(self) -> None:
        """Give the body to the next client in the order, if nobody holds it and that client has asked for it."""
        while self._holding is None:
            if not any(self._left.values()):
                self._when_over()
                return
            if not self._coming:
                self._coming.extend(self._cohort[position] for position in self._order(self._step))
                self._step += 1
            client = self._coming[0]
            if self._left.get(client):
                if client not in self._asked:
                    return
                self._left[client] -= 1
                self._holding = self._asked.pop(client)
                self._holding.succeed()
            self._coming.popleft()

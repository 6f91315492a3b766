"""The clients that are not at work, in the order of the scenario."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from simulator.world.clients import Client

MANY = 32
"""With more clients than this that begin to work at once, the list is made anew."""


class Idle:
    """The clients that are not at work, in the order of the scenario, however often they come and go.

    Nothing is sorted or looked through when one does.

    Args:
        clients: all clients, of whom none is at work yet.
    """

    def __init__(self, clients: Sequence[Client]) -> None:
        self._places = {client: place for place, client in enumerate(clients)}
        self._idle = list(clients)
        self._at = list(range(len(clients)))  # the places of those that are idle

    def __len__(self) -> int:
        return len(self._idle)

    def clients(self) -> list[Client]:
        """Return them, in their order, in a list of the caller's own."""
        return self._idle.copy()

    def remove(self, *clients: Client) -> None:
        """Note that clients begin to work, at once."""
        if len(clients) > MANY:  # to close one gap moves all that come after it
            going = set(clients)
            self._idle = [client for client in self._idle if client not in going]
            self._at = [self._places[client] for client in self._idle]
            return
        for client in clients:
            index = bisect_left(self._at, self._places[client])
            del self._at[index], self._idle[index]

    def add(self, client: Client) -> None:
        """Note that a client is done."""
        place = self._places[client]
        index = bisect_left(self._at, place)
        self._at.insert(index, place)
        self._idle.insert(index, client)

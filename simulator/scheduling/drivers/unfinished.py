"""Edges whose clients are all away: they wait for one of them, but not for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import simpy

from simulator.algorithms.base import Steps

if TYPE_CHECKING:
    from simulator.world.clients import Client
    from simulator.world.sites import Site
    from simulator.world.world import World


class Unfinished:
    """The edges of a round that have rounds of their own to do, and clients for them.

    Args:
        world: the world.

    Attributes:
        all_done: happens when there is none any more; None while nobody waits for it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._edges: set[Site] = set()
        self.all_done: simpy.Event | None = None

    def add(self, edge: Site) -> None:
        """Note that an edge goes on."""
        self._edges.add(edge)

    def discard(self, edge: Site) -> None:
        """Note that an edge is done, or that all of its clients are away."""
        self._edges.discard(edge)
        if not self._edges and self.all_done is not None and not self.all_done.triggered:
            self.all_done.succeed()

    def await_client(self, edge: Site, clients: list[Client]) -> Steps:
        """Wait until one of the clients of an edge is back, or no other edge goes on; the value is whether one is back.

        Args:
            edge: the edge.
            clients: its clients, all of whom are away.
        """
        self.all_done = self.all_done or self._world.env.event()
        self.discard(edge)
        sites, what = [client.site for client in clients], f"next round at {edge.name}"
        back = yield from self._world.await_return(sites, what, until=self.all_done)
        if back:
            self.add(edge)
        return back

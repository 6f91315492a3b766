"""A client: a device with its data, and the verbs an algorithm uses on its behalf."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import simpy

from simulator.accounting.costs import Work
from simulator.accounting.payload import FROZEN_WEIGHTS, Frozen

if TYPE_CHECKING:
    from simulator.world.sites import Site
    from simulator.world.store import Store


class Channel(Protocol):
    """What is done to the payloads of one kind in one direction, besides sending them: such as compression."""

    def send(self, client: Client, source: Site, target: Site, payload: Any, kind: str) -> Generator[Any, Any, Any]:
        """Send a payload on behalf of a client; the value is what the receiver has in the end."""


class Client:
    """A device that takes part.

    Attributes:
        turn: its round, or how often it was engaged: the key of its randomness.
        fits: its memory is large enough; one that does not fit is never chosen.
    """

    def __init__(self, site: Site, data: Any, server: Site, provisioning: str = "first_use") -> None:
        self.site, self.data, self.server, self.provisioning = site, data, server, provisioning
        self.round_index = 0
        self.fits = True
        site.world.clients.append(self)

    def __repr__(self) -> str:
        return f"<client {self.name}>"

    @property
    def name(self) -> str:
        return self.site.name

    @property
    def store(self) -> Store:
        """What this client keeps from round to round: plain data and tensors."""
        return self.site.store

    def compute(self, work: Work, *args: Any) -> Generator[simpy.Event, Any, Any]:
        """Do a work on the device."""
        return self.site.compute(work, *args)

    def upload(self, payload: Any, kind: str) -> Generator[simpy.Event, Any, Any]:
        """Send to the server; the value is the server's own copy."""
        return self._send("up", self.site, self.server, payload, kind)

    def download(self, payload: Any, kind: str) -> Generator[simpy.Event, Any, Any]:
        """Have the server send to the device; the value is the device's own copy."""
        return self._send("down", self.server, self.site, payload, kind)

    def _send(
        self, direction: str, source: Site, target: Site, payload: Any, kind: str
    ) -> Generator[simpy.Event, Any, Any]:
        """Through the channel that the world has for this kind and direction, if there is one."""
        channel = self.site.world.channels.get((kind, direction))
        return channel.send(self, source, target, payload, kind) if channel else source.send(target, payload, kind)

    def install(self, *parts: Any) -> Generator[simpy.Event, Any, None]:
        """Frozen weights that these parts need and this device lacks are sent, once, as phase ``provisioning``.

        From then on the parts compute with what the device received.
        """
        if self.provisioning == "preinstalled":
            return
        installed = self.store.setdefault("installed", Frozen())
        lacking = Frozen({name: part.weights[name] for part in parts for name in part.frozen if name not in installed})
        if lacking:
            with self.site.world.phase("provisioning"):
                installed.update((yield from self.download(lacking, FROZEN_WEIGHTS)))
        for part in parts:
            part.receive(installed)

    def release(self, weights: Any) -> None:
        """The device is done with these weights before its round is over: their gradients and optimizer state go from
        its memory, and they themselves; what is kept of them belongs in the store, and counts there.
        """
        self.site.memory.drop(self.name, weights)

    def batches(self, purpose: str, epochs: int = 1) -> Iterator[Any]:
        """Mini-batches of the client's data, in an order of their own for this purpose, turn and epoch."""
        return self.data.batches((purpose, self.round_index, self.name), epochs=epochs)

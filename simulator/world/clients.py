"""A client: a device with its data, and the verbs an algorithm uses on its behalf."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import simpy

from simulator.accounting.costs import Work
from simulator.accounting.payload import FROZEN_WEIGHTS, Frozen
from simulator.world.store import S, Store

if TYPE_CHECKING:
    from simulator.world.sites import Site


class Channel(Protocol):
    """What is done to the payloads of one kind in one direction, besides sending them: such as compression."""

    def send(self, client: Client, source: Site, target: Site, payload: Any, kind: str) -> Generator[Any, Any, Any]:
        """Send a payload on behalf of a client; the value is what the receiver has in the end."""

    def broadcast(self, clients: Sequence[Client], payload: Any, kind: str) -> Generator[Any, Any, dict[Client, Any]]:
        """Have the server send one payload to several clients; the value is what each has in the end, by client."""


class Learns(Protocol):
    """What is learned, as far as a client's verbs are concerned."""

    def weights(
        self, tensors: Mapping[str, Any], round: int, learning_rate: float | None = None, owner: str = ""
    ) -> Any:
        """Weights to train from these tensors, with an optimizer of their own at its rate in this round."""


@dataclass(eq=False)
class Installed(Store):
    """Frozen weights that a device has: they count where they are used."""

    weights: Frozen = field(default_factory=Frozen)


class Client:
    """A device that takes part.

    Attributes:
        round_index: its round, or how often it was engaged: the key of its randomness.
        fits: its memory is large enough; one that does not fit is never chosen.
    """

    def __init__(
        self, site: Site, data: Any, server: Site, provisioning: str = "first_use", task: Learns | None = None
    ) -> None:
        self.site, self.data, self.server, self.provisioning, self.task = site, data, server, provisioning, task
        self.round_index = 0
        self.fits = True
        site.world.clients.append(self)

    def __repr__(self) -> str:
        return f"<client {self.name}>"

    @property
    def name(self) -> str:
        return self.site.name

    def store(self, kind: type[S]) -> S:
        """What is kept for this client from round to round, in records of this class."""
        return self.site.store(kind)

    def keep(self, value: Any) -> Any:
        """Count tensors by name in the device's memory as long as anybody refers to the value of this."""
        return self.site.memory.keep(value)

    def compute(self, work: Work, *args: Any) -> Generator[simpy.Event, Any, Any]:
        """Do a work on the device; tensors by name that come out of it take memory there as long as they live."""
        return self.keep((yield from self.site.compute(work, *args)))

    def upload(self, payload: Any, kind: str) -> Generator[simpy.Event, Any, Any]:
        """Send to the server; the value is the server's own copy."""
        return self._send("up", self.site, self.server, payload, kind)

    def download(self, payload: Any, kind: str) -> Generator[simpy.Event, Any, Any]:
        """Have the server send to the device; the value is the device's own copy.

        Tensors by name take memory there as long as they live.
        """
        return self.keep((yield from self._send("down", self.server, self.site, payload, kind)))

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
        installed = self.store(Installed).weights
        lacking = Frozen({name: part.weights[name] for part in parts for name in part.frozen if name not in installed})
        if lacking:
            with self.site.world.phase("provisioning"):
                installed.update((yield from self.download(lacking, FROZEN_WEIGHTS)))
        for part in parts:
            part.receive(installed)

    def weights(self, tensors: Mapping[str, Any], learning_rate: float | None = None) -> Any:
        """Weights for this device to train in this round: the backbone with these tensors in place of its own.

        Their optimizer is new, and what dropout draws is this client's own.

        Args:
            tensors: starting values by name.
            learning_rate: before the schedule; the optimizer's own if nothing is said.
        """
        assert self.task is not None, f"{self} has nothing to learn"
        return self.task.weights(tensors, self.round_index, learning_rate, owner=self.name)

    def release(self, weights: Any, names: Mapping[str, Any] | None = None) -> Any:
        """The device is done with these weights before its round is over: their gradients and optimizer state go from
        its memory.

        Args:
            names: of the tensors that are still wanted: the value, which stays there as long as anybody refers to it.
        """
        self.site.memory.drop(self.name, weights)
        return None if names is None else self.keep(weights.release_copy(names))

    def batches(self, purpose: str, epochs: int = 1) -> Iterator[Any]:
        """Mini-batches of the client's data, in an order of their own for this purpose, turn and epoch."""
        return self.data.batches((purpose, self.round_index, self.name), epochs=epochs)


def download_all(clients: Sequence[Client], payload: Any, kind: str) -> Generator[simpy.Event, Any, dict[Client, Any]]:
    """Have the server broadcast a payload to these clients: it crosses the server's uplink once.

    The value is each client's own copy, by client, of those that received it. Tensors by name take memory there as long
    as they live.
    """
    if not clients:
        return {}
    server = clients[0].server
    channel = server.world.channels.get((kind, "down"))
    if channel:
        received = yield from channel.broadcast(clients, payload, kind)
    else:
        received = yield from server.world.broadcast(server, clients, payload, kind)
    return {client: client.keep(value) for client, value in received.items()}

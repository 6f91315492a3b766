"""Clients: devices with their data, and the verbs that an algorithm uses on their behalf."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol
from weakref import WeakValueDictionary

import simpy

from simulator.accounting.costs import Work
from simulator.accounting.payload import FROZEN_WEIGHTS, Frozen
from simulator.world.store import S, Store

if TYPE_CHECKING:
    from simulator.world.sites import Site


class Forecast(NamedTuple):
    """What a round of a client would cost if it took part alone; all but ``first_seconds`` is of its later rounds.

    Attributes:
        seconds: duration of the round in seconds, including the server's part and the aggregation.
        first_seconds: duration of its first round, in which frozen weights are sent too.
        download_s, compute_s, upload_s: seconds in which its downlink, its processor and its uplink are busy.
        energy_j: energy of the device in joules, including while it waits.
        batch_s: seconds of the longest single work on the device, such as the training step of a batch.
    """

    seconds: float
    first_seconds: float
    download_s: float
    compute_s: float
    upload_s: float
    energy_j: float
    batch_s: float


class Channel(Protocol):
    """What is done to payloads of one kind in one direction besides sending them, such as compression."""

    def send(self, client: Client, source: Site, target: Site, payload: Any, kind: str) -> Generator[Any, Any, Any]:
        """Send a payload on behalf of a client; the value is the payload as the receiver has it in the end.

        Args:
            client: the client, on whose behalf it is sent.
            source, target: the sites.
            payload: tensors and numbers in dicts, lists and tuples.
            kind: the kind of payload, such as "smashed data".
        """

    def broadcast(self, clients: Sequence[Client], payload: Any, kind: str) -> Generator[Any, Any, dict[Client, Any]]:
        """Send one payload from the server to several clients; the value is what each has in the end, by client.

        Args:
            clients: the receivers; at least one.
            payload: tensors and numbers in dicts, lists and tuples.
            kind: the kind of payload, such as "model".
        """


class Learns(Protocol):
    """The learning task, as far as the verbs of a client need it."""

    def weights(
        self,
        tensors: Mapping[str, Any],
        round: int,
        learning_rate: float | None = None,
        owner: str = "",
        scheduled: int | None = None,
    ) -> Any:
        """Return weights that start from these tensors, with an optimizer of their own.

        Args:
            tensors: starting values by name.
            round: the round, by which random draws are keyed.
            learning_rate: the rate before the schedule; None for the optimizer's own.
            owner: for whom they are, so that random draws in training are the owner's own.
            scheduled: the round from which the schedule gives the learning rate; None: the same.
        """


@dataclass(eq=False)
class Installed(Store):
    """The frozen weights that a device has received; their memory is counted by the parts that use them.

    Attributes:
        weights: the weights by name, in one dict for all devices that have the same; nobody writes into it.
    """

    replayed: ClassVar[bool] = True
    weights: Frozen = field(default_factory=Frozen)

    def add(self, received: Mapping[str, Any]) -> Frozen:
        """Add weights that the device has received, and return all that it has now."""
        weights = _one_for_all(Frozen({**self.weights, **received}))
        self.__dict__["weights"] = weights  # noted as no change: here they have no bytes
        return weights


_installed: WeakValueDictionary[int, Frozen] = WeakValueDictionary()
"""The weights that devices have, by a hash of their names and identities."""


def _one_for_all(weights: Frozen) -> Frozen:
    """Return the one dict that stands for all with the same tensors under the same names."""
    key = hash((tuple(weights), tuple(map(id, weights.values()))))
    known = _installed.setdefault(key, weights)
    same = list(known) == list(weights) and all(map(is_, known.values(), weights.values()))
    return known if same else weights


class Client:
    """A device that can take part in rounds, with the data on it.

    Attributes:
        site: the device.
        data: its data.
        server: the site that it uploads to and downloads from: the server, or in a round in which edges serve clients,
            its edge.
        provisioning: ``first_use`` if frozen weights are sent when they are first needed, or ``preinstalled``.
        task: what is learned.
        round_index: its round, or how often it has been engaged; part of the key of its random streams.
        scheduled_round: the round whose learning rate it trains with: one more than the aggregations that its state has
            seen. 0 where no driver has said so; then it is ``round_index``.
        fits: whether its memory is large enough; a client that does not fit is never selected.
    """

    __slots__ = (
        *("__dict__", "__weakref__", "data", "fits", "provisioning", "round_index", "scheduled_round", "server"),
        *("site", "task"),
    )

    def __init__(
        self, site: Site, data: Any, server: Site, provisioning: str = "first_use", task: Learns | None = None
    ) -> None:
        self.site, self.data, self.server, self.provisioning, self.task = site, data, server, provisioning, task
        self.round_index = self.scheduled_round = 0
        self.fits = True
        site.clients = *site.clients, self
        site.world.clients.append(self)

    def __repr__(self) -> str:
        return f"<client {self.name}>"

    @property
    def name(self) -> str:
        """The name of its site."""
        return self.site.name

    def forecast(self) -> Forecast:
        """Return what a round of this client is predicted to cost, computed when it is first asked for.

        Raises:
            RuntimeError: the world has no forecast.
        """
        forecast: Forecast = self.site.world.forecast(self)
        return forecast

    def store(self, kind: type[S]) -> S:
        """Return the record of this class that the device keeps from round to round."""
        return self.site.store(kind)

    def keep(self, value: Any) -> Any:
        """Count a dict of tensors in the device's memory for as long as anything refers to the value returned."""
        return self.site.memory.keep(value)

    def compute(self, work: Work, *args: Any) -> Generator[simpy.Event, Any, Any]:
        """Do a work on the device; a result that is a dict of tensors takes memory there for as long as it lives."""
        return self.keep((yield from self.site.compute(work, *args)))

    def upload(self, payload: Any, kind: str) -> Generator[simpy.Event, Any, Any]:
        """Send a payload to the server; the value is the server's own copy."""
        return self._send("up", self.site, self.server, payload, kind)

    def download(self, payload: Any, kind: str) -> Generator[simpy.Event, Any, Any]:
        """Send a payload from the server to the device; the value is the device's own copy.

        A dict of tensors takes memory on the device for as long as it lives.
        """
        return self.keep((yield from self._send("down", self.server, self.site, payload, kind)))

    def _send(
        self, direction: str, source: Site, target: Site, payload: Any, kind: str
    ) -> Generator[simpy.Event, Any, Any]:
        """Send a payload through the channel of the world for this kind and direction, if there is one."""
        channel = self.site.world.channels.get((kind, direction))
        return channel.send(self, source, target, payload, kind) if channel else source.send(target, payload, kind)

    def install(self, *parts: Any) -> Generator[simpy.Event, Any, None]:
        """Send the frozen weights that these parts need and the device lacks, in the phase ``provisioning``.

        They are sent once; the parts then compute with what the device received. Nothing is sent if they are
        preinstalled.
        """
        if self.provisioning == "preinstalled":
            return
        record = self.store(Installed)
        installed = record.weights
        missing = Frozen({name: part.weights[name] for part in parts for name in part.frozen if name not in installed})
        if missing:
            with self.site.world.phase("provisioning"):
                received = yield from self.download(missing, FROZEN_WEIGHTS)
            installed = record.add(received)
        for part in parts:
            part.receive(installed)

    def weights(self, tensors: Mapping[str, Any], learning_rate: float | None = None) -> Any:
        """Return weights for this device to train in this round: the backbone, with these tensors in place of its own.

        They have a new optimizer, and dropout draws from a random stream of this client's own.

        Args:
            tensors: starting values by name.
            learning_rate: the rate before the schedule; None for the optimizer's own.
        """
        assert self.task is not None, f"{self} has nothing to learn"
        scheduled = self.scheduled_round or None
        return self.task.weights(tensors, self.round_index, learning_rate, owner=self.name, scheduled=scheduled)

    def release(self, weights: Any, names: Mapping[str, Any] | None = None) -> Any:
        """Free the memory of weights that the device needs no more before its round is over.

        Their gradients and optimizer state are freed too.

        Args:
            weights: the weights.
            names: the names of the tensors that are still needed. The value is these tensors by name, which take memory
                for as long as anything refers to it; it is None if no names are given.
        """
        self.site.memory.drop(self.name, weights)
        return None if names is None else self.keep(weights.release_copy(names))

    def batches(self, purpose: str, epochs: int = 1) -> Iterator[Any]:
        """Return mini-batches of the client's data, in an order that is drawn for this purpose, round and epoch."""
        return self.data.batches((purpose, self.round_index, self.name), epochs=epochs)


def download_all(clients: Sequence[Client], payload: Any, kind: str) -> Generator[simpy.Event, Any, dict[Client, Any]]:
    """Broadcast a payload from the server to these clients; it crosses the server's uplink once.

    The value is each client's own copy, by client, without the clients that did not receive it. A dict of tensors takes
    memory on a device for as long as it lives.

    Args:
        clients: the receivers, all with the same server.
        payload: tensors and numbers in dicts, lists and tuples.
        kind: the kind of payload, such as "model".
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

"""The cohort of a planned round as the analytic twins see it: devices with links of their own, and one server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import torch

from simulator.accounting.power import Power
from simulator.accounting.twins.base import NO_WORK, NOTHING_SENT, Figures, Transfer, Work
from simulator.experiments.trial.build import devices, make_task, populate
from simulator.learning.data.lazy import LazyBatch
from simulator.settings.seeds import Seeds
from simulator.transport.wire import Wire
from simulator.world.world import World

if TYPE_CHECKING:
    from simulator.accounting.costs import Cost
    from simulator.scenario.scenario import Entry, Scenario
    from simulator.world.clients import Client
    from simulator.world.network import Link
    from simulator.world.sites import Site

T = TypeVar("T")
SELECTIONS = ("uniform", "all", "round_robin")
"""Policies whose first cohort depends on the number of devices alone: link rates and shards cannot change it."""


class DoesNotHoldError(Exception):
    """An assumption of the closed forms does not hold; the text is a clause that says which one."""


class Port(NamedTuple):
    """What carries the payloads of one device in one direction.

    Attributes:
        bytes_per_s: the rate, the server's side included.
        latency_s: seconds before the first byte.
    """

    bytes_per_s: float
    latency_s: float

    def sends(self, nbytes: int | None) -> Transfer:
        """Return the transfer of a payload; None is one that is not sent at all."""
        return NOTHING_SENT if nbytes is None else Transfer.over(nbytes, self.bytes_per_s, self.latency_s)


@dataclass(frozen=True)
class Member:
    """A device in a planned round.

    Attributes:
        client: the client.
        group: the index of its group, all of whose devices have the same hardware and links.
        samples: the samples in its shard.
        up, down: its links.
    """

    client: Client
    group: int
    samples: int
    up: Port
    down: Port


class Fleet:
    """The world of an entry, with nothing running in it, and the first cohort.

    Args:
        scenario: the world and the data; frozen weights are taken to be on the devices.
        entry: the algorithm; its cut does not matter.
        seed: the seed, which decides shards and cohort.
        most: the most devices that may take part at once; None: any number.

    Attributes:
        world: the world.
        power: what each site draws, by its name.
        cohort: the clients of the first round.
        groups: the index of each client's group, by its name.

    Raises:
        DoesNotHoldError: there is something in this world that the closed forms do not know, or the cohort is larger.
    """

    def __init__(self, scenario: Scenario, entry: Entry, seed: int, most: int | None = None) -> None:
        if found := problems(scenario, entry):
            raise DoesNotHoldError(found[0])
        if most is not None and _cohort_size(scenario, entry) > most:  # looked at before the world is made
            raise DoesNotHoldError(f"more than {most} devices take part at once")
        seeds, training = Seeds(seed), entry.training
        self.world = World(Wire(training.wire_dtype))
        self.power: dict[str, Power] = populate(
            scenario, entry, seeds, make_task(scenario, entry, seeds, dry=True), self.world, dry=True
        )
        self.groups = dict(devices(scenario.world))
        self.cohort = training.selection.choose(self.world.clients, training.clients_per_round, 1, seeds)

    @property
    def server(self) -> Site:
        """The server's site."""
        return self.world.server

    @property
    def slots(self) -> int:
        """How many works the server serves at once."""
        return self.server.hardware.gpus * self.server.hardware.slots

    def members(self, clients: Sequence[Client], speed: float, samples: int | None) -> list[Member]:
        """Return the devices of a round.

        Args:
            clients: the cohort.
            speed: factor on the rates of all devices' links.
            samples: samples on each device; None: as the scenario partitions the data.
        """
        server = self.server
        return [
            Member(
                client,
                self.groups[client.name],
                samples or len(client.data),
                _port(client.site.uplink, server.downlink, speed),
                _port(client.site.downlink, server.uplink, speed),
            )
            for client in clients
        ]

    def check_own_links(self, members: Sequence[Member], figures: Figures) -> None:
        """Check that each device has the rate of its own link, even if all of them send, or are sent, at once.

        Raises:
            DoesNotHoldError: they could fill a link of the server that they use.
        """
        for ports, link, side, sent in (
            ([member.up for member in members], self.server.downlink, "downlink", figures.bytes_up),
            ([member.down for member in members], self.server.uplink, "uplink", figures.bytes_down),
        ):
            if sent and sum(port.bytes_per_s for port in ports) > link.nominal:
                raise DoesNotHoldError(f"devices share the server's {side}")

    def check_slots(self, members: Sequence[Member]) -> None:
        """Check that the server has a slot for each device.

        Raises:
            DoesNotHoldError: works may wait there.
        """
        if len(members) > self.slots:
            raise DoesNotHoldError("works wait at the server")

    def sizes(self, samples: int, batch_size: int, epochs: int) -> list[tuple[int, int]]:
        """Return how often a batch comes, and its samples; arguments are those of ``sizes_of``."""
        return sizes_of(samples, batch_size, epochs)

    def kept(self, samples: int, fraction: float) -> int:
        """Return how many samples pruning keeps, as ``Shard.choose`` does."""
        return max(1, int(samples * Fraction(str(fraction))))

    def of_size(self, size: int, make: Callable[[int], T]) -> T:
        """Return what is made for a batch of this size."""
        return make(size)

    def group_of(self, client: Client) -> int:
        """Return the index of a client's group."""
        return self.groups[client.name]

    def power_of(self, member: Member) -> Power:
        """Return what a device draws."""
        return self.power[member.client.name]

    def batch(self, size: int) -> tuple[LazyBatch, torch.Tensor]:
        """Return inputs and labels of a batch of this size, as a device has them in a dry run."""
        images = self.world.clients[0].data.inputs
        rows = torch.zeros(size, dtype=torch.int64, device=images.labels.device)
        return LazyBatch(images, rows), images.labels[rows]


def work(site: Site, cost: Cost | None) -> Work:
    """Return a work of this cost at a site; None is one that is not done."""
    return NO_WORK if cost is None else Work(site.seconds(cost), cost.flops)


def sizes_of(samples: int, batch_size: int, epochs: int) -> list[tuple[int, int]]:
    """Return how often a batch comes, and its samples: the full ones, and the smaller last one of each epoch.

    Args:
        samples: the samples of a device.
        batch_size: the samples of a full batch.
        epochs: how often the device goes through its samples.
    """
    full, rest = divmod(samples, batch_size)
    return [(epochs * times, size) for times, size in ((full, batch_size), (1, rest)) if epochs * times and size]


def _cohort_size(scenario: Scenario, entry: Entry) -> int:
    """Return how many devices take part in a round, by a policy of ``SELECTIONS``."""
    training, devices = entry.training, scenario.world.clients
    return devices if training.selection.name == "all" else min(training.clients_per_round, devices)


def _port(own: Link, other: Link, speed: float) -> Port:
    return Port(min(speed * own.nominal, other.nominal), own.latency + other.latency)


def problems(scenario: Scenario, entry: Entry) -> list[str]:
    """Return which assumptions do not hold, each as a clause.

    They are all that do not depend on the algorithm, the cut, link rates or shards.
    """
    world, training, server = scenario.world, entry.training, scenario.world.server
    links = [link for site in (*world.devices, server) for link in (site.uplink, site.downlink)]
    clauses = {
        "devices are behind edges": bool(world.edges),
        "payloads are compressed": bool(training.compression),
        "the rate of a link varies": any(link.signal for link in links),
        "links lose bytes": any(link.loss for link in links),
        "something can go wrong": world.calm() is not world,
        "works share passes at the server": server.batching is not None,
        f"the server's queue is {server.queue.name}": server.queue.name != "fifo",
        f"{training.selection.name} selects the cohort": training.selection.name not in SELECTIONS,
    }
    return [clause for clause, there in clauses.items() if there]

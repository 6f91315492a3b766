"""A fleet whose speeds, shards and cohort are symbols, so that the closed forms of a round become one program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from simulator.accounting.costs import Cost
from simulator.accounting.power import Power
from simulator.accounting.twins.symbols import Number, Script, Symbol, floor, largest, smallest
from simulator.experiments.plan.fleet import DoesNotHoldError, Fleet, Member, Port

if TYPE_CHECKING:
    from simulator.accounting.twins.base import Figures
    from simulator.scenario.scenario import Entry

LINKS, DEVICES, SERVER = "links", "devices", "server"
"""Inputs: factors on the rates of all devices' links, on the speed of the devices, and on that of the server."""
BATCHES, KEPT = "batches", "kept"
"""Inputs where all devices have as many: the batches on each device, and the samples of them that pruning keeps."""
MOST_SIZES = 128
"""With larger batches, there is no table of what each size costs, and shards are multiples of the batch size."""


class Sizes:
    """A cost that depends on the number of samples in a batch, which is a symbol.

    Attributes:
        costs: the cost for each number of samples from 0, which costs nothing.
        size: the number of samples.
    """

    def __init__(self, costs: Sequence[Cost | None], size: Symbol) -> None:
        self.costs, self.size = costs, size

    @property
    def flops(self) -> Number:
        """FLOPs."""
        return self.size.script.of([cost.flops if cost else 0 for cost in self.costs], self.size)


@dataclass(frozen=True)
class Condition:
    """What must be so for the program to be exact: one output is at most another.

    Attributes:
        lower, upper: numbers or symbols.
        otherwise: what is the case if it is not so, a clause.
    """

    lower: Number
    upper: Number
    otherwise: str


class SymbolicFleet(Fleet):
    """A fleet whose speeds, shards and cohort are symbols.

    The inputs ``g0``, ``g1``, ... are the numbers of the groups of the cohort's devices. Their shards are the inputs
    ``n0``, ``n1``, ..., of which pruning keeps ``k0``, ``k1``, ... samples; or ``batches`` full batches on each of
    them, of which it keeps ``kept`` samples. What is kept is an input because a fraction of many digits has no exact
    floating-point value.

    Args:
        fleet: the fleet of the entry; fleets may share its world, which takes long to build.
        entry: the algorithm.
        script: what the program is written to.
        equal: whether all devices have the same number of full batches.

    Attributes:
        conditions: what must be so for the program to be exact, beyond what holds for every value of its inputs.
        doubts: why it is an estimate for any values; empty if it is not.
    """

    def __init__(self, fleet: Fleet, entry: Entry, script: Script, equal: bool) -> None:
        self.world, self.power, self.cohort, self.groups = fleet.world, fleet.power, fleet.cohort, fleet.groups
        self.script, self.equal, self.batch_size = script, equal, entry.training.batch_size
        self.conditions: list[Condition] = []
        self.doubts: list[str] = []
        self._kept: dict[Symbol, Symbol] = {}
        first: dict[int, Any] = {}
        for client in self.world.clients:
            first.setdefault(self.groups[client.name], client)
        self.kinds = [first[group] for group in sorted(first)]

    @property
    def server(self) -> Any:
        return _Server(super().server, self.script.input(SERVER))

    @property
    def slots(self) -> int:
        """A slot for each device: forms ask only where works could wait, and then it is an estimate."""
        if len(self.cohort) > super().slots:
            self._doubt("works wait at the server")
        return max(super().slots, len(self.cohort))

    def symbolic_members(self) -> list[Member]:
        """Return the devices of a cohort, of which nothing is known but how many they are."""
        return [self._member(at) for at in range(len(self.cohort))]

    def _member(self, at: int) -> Member:
        group, script = self.script.input(f"g{at}"), self.script
        own = script.input(BATCHES) * self.batch_size if self.equal else script.input(f"n{at}")
        self._kept[own] = script.input(KEPT if self.equal else f"k{at}")
        server, sites = super().server, [client.site for client in self.kinds]
        ports = [
            Port(
                smallest(script.input(LINKS) * script.of([link.nominal for link in links], group), other.nominal),
                script.of([link.latency for link in links], group) + other.latency,
            )
            for links, other in (
                ([site.uplink for site in sites], server.downlink),
                ([site.downlink for site in sites], server.uplink),
            )
        ]
        site = _Device(sites, group, script.input(DEVICES))
        client = SimpleNamespace(name="", site=site, data=self.kinds[0].data)
        return Member(client, at, own, *ports)  # type: ignore[arg-type]

    def sizes(self, samples: Number, batch_size: int, epochs: int) -> list[tuple[Any, Any]]:
        if not isinstance(samples, Symbol):
            return super().sizes(samples, batch_size, epochs)
        if not epochs:
            return []
        if batch_size == 1:  # every batch is full
            return [(epochs * samples, 1)]
        if self.equal and samples == self.script.input(BATCHES) * batch_size:
            return [(epochs * self.script.input(BATCHES), batch_size)]
        full = floor(samples / batch_size)
        rest = samples - full * batch_size
        return [(epochs * full, batch_size), (epochs * smallest(1, rest), rest)]  # an empty batch never comes

    def kept(self, samples: Number, fraction: float) -> Number:
        if not isinstance(samples, Symbol):
            return super().kept(samples, fraction)
        return largest(1, self._kept[samples])

    def of_size(self, size: Number, make: Callable[[int], Any]) -> Any:
        if not isinstance(size, Symbol):
            return make(size)
        if self.batch_size > MOST_SIZES:  # what pruning keeps is no multiple of the batch
            raise DoesNotHoldError(f"its batches have more than {MOST_SIZES} samples")
        return _chosen([None, *(make(number) for number in range(1, self.batch_size))], size)

    def power_of(self, member: Member) -> Power:
        group = self.script.input(f"g{member.group}")
        powers = [self.power[client.name] for client in self.kinds]
        return Power(*(self.script.of([getattr(power, name) for power in powers], group) for name in _STATES))

    def check_slots(self, members: Sequence[Member]) -> None:
        assert len(members) <= self.slots

    def _doubt(self, reason: str) -> None:
        if reason not in self.doubts:
            self.doubts.append(reason)

    def check_own_links(self, members: Sequence[Member], figures: Figures) -> None:
        server = super().server
        for ports, link, side, sent in (
            ([member.up for member in members], server.downlink, "downlink", figures.bytes_up),
            ([member.down for member in members], server.uplink, "uplink", figures.bytes_down),
        ):
            if isinstance(sent, Symbol) or sent:
                rates = sum(port.bytes_per_s for port in ports)
                self.conditions.append(Condition(rates, link.nominal, f"the server's {side} is shared"))


_STATES = ("idle", "compute", "upload", "download")


class _Device:
    """The site of a device of which only the group is known, as a symbol."""

    def __init__(self, sites: Sequence[Any], group: Symbol, speed: Symbol) -> None:
        self.sites, self.group, self.speed = sites, group, speed

    def seconds(self, cost: Any) -> Number:
        """Return the seconds of a work, whose cost may depend on a symbolic number of samples."""
        script = self.group.script
        if isinstance(cost, Sizes):
            table = [[site.seconds(each) if each else 0.0 for each in cost.costs] for site in self.sites]
            return script.of(table, self.group, cost.size) / self.speed
        return script.of([site.seconds(cost) for site in self.sites], self.group) / self.speed


class _Server:
    """The server, at a speed that is a symbol."""

    def __init__(self, site: Any, speed: Symbol) -> None:
        self.site, self.speed = site, speed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.site, name)

    def seconds(self, cost: Any) -> Number:
        """Return the seconds of a work."""
        if isinstance(cost, Sizes):
            table = [self.site.seconds(each) if each else 0.0 for each in cost.costs]
            return cost.size.script.of(table, cost.size) / self.speed
        return self.site.seconds(cost) / self.speed


def _chosen(made: Sequence[Any], size: Symbol) -> Any:
    """Return what was made for each number of samples, as one thing that depends on the number.

    Args:
        made: by number of samples: costs, numbers, or tuples of these; None for no samples.
        size: the number of samples.
    """
    example = made[-1]
    if example is None:
        return None
    if isinstance(example, Cost):
        return Sizes(made, size)
    if isinstance(example, tuple):
        parts = [_chosen([each and each[at] for each in made], size) for at in range(len(example))]
        return type(example)(*parts) if hasattr(example, "_fields") else tuple(parts)
    return size.script.of([each or 0 for each in made], size)

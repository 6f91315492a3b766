"""The words of all twins: works, transfers, what a round asks of each device, and the figures of a round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from simulator.accounting.twins.symbols import total

T = TypeVar("T")
Repeated = Sequence[tuple[int, T]]
"""How often something comes, and what: full batches and the smaller last one of each epoch are two entries."""


class Work(NamedTuple):
    """A work at one site.

    Attributes:
        seconds: how long its service takes.
        flops: floating-point operations; one multiply-add is two.
    """

    seconds: float = 0.0
    flops: float = 0

    @classmethod
    def at(cls, flops: float, flops_per_s: float) -> Work:
        """Return a work that is limited by arithmetic alone: FLOPs / rate."""
        return cls(flops / flops_per_s, flops)


NO_WORK = Work()
"""A work that is not done, or costs nothing."""


class Transfer(NamedTuple):
    """A payload that crosses a link of a device.

    Attributes:
        bytes: the bytes on the wire.
        moving_s: seconds in which they move.
        latency_s: seconds before the first of them.
    """

    bytes: float = 0
    moving_s: float = 0.0
    latency_s: float = 0.0

    @classmethod
    def over(cls, nbytes: float, bytes_per_s: float, latency_s: float = 0.0) -> Transfer:
        """Return the transfer of some bytes at the full rate of a link.

        Args:
            nbytes: the bytes on the wire.
            bytes_per_s: the rate.
            latency_s: seconds before the first byte.
        """
        return cls(nbytes, nbytes / bytes_per_s, latency_s)

    @property
    def seconds(self) -> float:
        """Seconds from its start until the last byte has arrived."""
        return self.latency_s + self.moving_s


NOTHING_SENT = Transfer()
"""A payload that is not sent."""


class Load(NamedTuple):
    """What a round asks of one device, and of the server on its behalf: sums that no schedule changes.

    Attributes:
        compute_s, upload_s, download_s: seconds in which the device computes, and in which its links carry bytes.
        flops, server_flops: FLOPs on the device, and at the server for this device alone.
        bytes_up, bytes_down: what the device sends and receives.
    """

    compute_s: float = 0.0
    upload_s: float = 0.0
    download_s: float = 0.0
    flops: float = 0
    server_flops: float = 0
    bytes_up: float = 0
    bytes_down: float = 0

    def __add__(self, other: Load) -> Load:  # type: ignore[override]
        return Load(*(mine + its for mine, its in zip(self, other, strict=True)))

    def __rmul__(self, times: int) -> Load:  # type: ignore[override]
        return Load(*(times * amount for amount in self))

    @classmethod
    def of(
        cls,
        works: Iterable[Work] = (),
        up: Iterable[Transfer] = (),
        down: Iterable[Transfer] = (),
        server: Iterable[Work] = (),
    ) -> Load:
        """Return the load of some works and transfers, each of which comes once.

        Args:
            works: works on the device.
            up, down: what it sends, and what it receives.
            server: works at the server for this device.
        """
        works, up, down = tuple(works), tuple(up), tuple(down)
        return cls(
            sum(work.seconds for work in works),
            sum(sent.moving_s for sent in up),
            sum(sent.moving_s for sent in down),
            sum(work.flops for work in works),
            sum(work.flops for work in server),
            sum(sent.bytes for sent in up),
            sum(sent.bytes for sent in down),
        )


class Figures(NamedTuple):
    """The figures of one round.

    Attributes:
        seconds: the makespan: from the start of the round until its last event, the aggregation included.
        loads: what it asks of each device of the cohort.
        shared_flops: FLOPs at the server that are done for all devices at once.
    """

    seconds: float
    loads: tuple[Load, ...]
    shared_flops: float = 0

    @property
    def bytes_up(self) -> float:
        """Bytes that all devices send."""
        return sum(load.bytes_up for load in self.loads)

    @property
    def bytes_down(self) -> float:
        """Bytes that all devices receive."""
        return sum(load.bytes_down for load in self.loads)

    @property
    def device_flops(self) -> float:
        """FLOPs on all devices."""
        return sum(load.flops for load in self.loads)

    @property
    def server_flops(self) -> float:
        """FLOPs at the server."""
        return sum(load.server_flops for load in self.loads) + self.shared_flops


def summed(loads: Iterable[tuple[int, Load]]) -> Load:
    """Return the sum of loads, each of which comes so many times."""
    total = Load()
    for times, load in loads:
        total += times * load
    return total


def in_a_row(works: Repeated[Work]) -> float:
    """Return the seconds of works that follow each other."""
    return total(times * work.seconds for times, work in works)

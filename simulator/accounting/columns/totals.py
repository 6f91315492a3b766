"""What was used in a trial in all, by side, phase, activity and round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from simulator.accounting.columns.block import ACTIVITIES, IDLE, SIDES, WAIT, Block
from simulator.accounting.columns.exact import float_sums, grouped, int_sums, one_by_one, rounded

Key = TypeVar("Key", bound=Hashable)


class Kind(NamedTuple):
    """What uses are summed by: their side, phase, activity and round."""

    side: str
    phase: str
    activity: str
    round: int


@dataclass(slots=True)
class Spent:
    """Sums of uses. Seconds and joules are kept exactly (``exact``), so that they can be added in any order.

    Attributes:
        bytes, flops: bytes of clients, and floating-point operations.
    """

    exact_seconds: int = 0
    bytes: int = 0
    flops: int = 0
    exact_joules: int = 0

    @property
    def seconds(self) -> float:
        """The seconds."""
        return rounded(self.exact_seconds)

    @property
    def energy_j(self) -> float:
        """The joules."""
        return rounded(self.exact_joules)

    def add(self, seconds: int, bytes: int, flops: int, joules: int) -> None:
        """Add more, in the order of the fields."""
        self.exact_seconds += seconds
        self.bytes += bytes
        self.flops += flops
        self.exact_joules += joules


class Totals:
    """The sums of all uses of a trial.

    Args:
        blocks: the uses.

    Attributes:
        spent: the sums by kind.
        active_energy_j: the joules that clients drew while they were active, without those of waiting.
        idle_s, wait_s: the seconds for which clients were there, and those in which they did nothing.
    """

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.spent: dict[Kind, Spent] = {}
        self.active_energy_j = self.idle_s = self.wait_s = 0.0
        for block in blocks:
            if len(block):
                self._add(block)

    def by(self, key: Callable[[Kind], Key | None]) -> defaultdict[Key, Spent]:
        """Return the sums by another key; they are 0 for a key that no use has.

        Args:
            key: returns the key of a kind; None: it is left out.
        """
        found: defaultdict[Key, Spent] = defaultdict(Spent)
        for kind, spent in self.spent.items():
            if (name := key(kind)) is not None:
                found[name].add(spent.exact_seconds, spent.bytes, spent.flops, spent.exact_joules)
        return found

    def of(self, holds: Callable[[Kind], bool]) -> Spent:
        """Return the sums of the kinds that pass a test."""
        return self.by(lambda kind: 0 if holds(kind) else None)[0]

    def _add(self, block: Block) -> None:
        kinds, places = _kinds(block)
        count = len(kinds)
        sums = (
            float_sums(places, block.seconds, count),
            int_sums(places, block.bytes, count),
            int_sums(places, block.flops, count),
            float_sums(places, block.energy_j, count),
        )
        for kind, *added in zip(kinds, *sums, strict=True):
            self.spent.setdefault(kind, Spent()).add(*added)
        waits = block.activity == WAIT
        joules = np.where(waits, -(block.sites.idle[block.site] * block.seconds), block.energy_j)[block.client]
        self.active_energy_j = one_by_one(self.active_energy_j, joules)
        self.idle_s = one_by_one(self.idle_s, block.seconds[block.client & (block.activity == IDLE)])
        self.wait_s = one_by_one(self.wait_s, block.seconds[block.client & waits])


def _kinds(block: Block) -> tuple[list[Kind], np.ndarray]:
    """Return the kinds of uses in a block, and for each use the place of its kind among them."""
    least = int(block.round.min())
    numbers = block.round.astype(np.int64) - least
    keys = ((numbers * len(block.phases) + block.phase) * len(ACTIVITIES) + block.activity) * 2 + block.client
    distinct, places = grouped(keys)
    return list(_named(distinct.tolist(), block.phases.names, least)), places


def _named(keys: Iterable[int], phases: list[str], least: int) -> Iterator[Kind]:
    for key in keys:
        rest, client = divmod(key, 2)
        rest, activity = divmod(rest, len(ACTIVITIES))
        number, phase = divmod(rest, len(phases))
        yield Kind(SIDES[client], phases[phase], ACTIVITIES[activity], number + least)

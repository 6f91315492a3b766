"""What a trace shows of a trial: all of it or, if these are more events than wanted, whole rounds of whole devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow
from pyarrow import compute


class Gap(NamedTuple):
    """Rounds that are left out, one after the other.

    Attributes:
        begin, end: when the first begins and the last ends, in seconds.
        first, last: their numbers.
    """

    begin: float
    end: float
    first: int
    last: int

    @property
    def title(self) -> str:
        """What is left out, in words."""
        return f"{_rounds(self.first, self.last)} left out"


@dataclass(frozen=True)
class Excerpt:
    """What a trace shows of a trial. What overlaps with a round that is shown, is shown whole.

    Attributes:
        gaps: the rounds that are left out, in order of time.
        left_out: the names of the devices that are left out.
        devices: how many devices there are.
        rounds: how many rounds there are.
    """

    gaps: Sequence[Gap] = ()
    left_out: frozenset[str] = frozenset()
    devices: int = 0
    rounds: int = 0
    _names: pyarrow.Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", pyarrow.array(sorted(self.left_out), pyarrow.string()))

    @property
    def shown(self) -> int:
        """How many devices are shown."""
        return self.devices - len(self.left_out)

    @property
    def note(self) -> str:
        """What tracks of servers say, if they show only what was done for some devices."""
        return f"for {self.shown:,} of {self.devices:,} devices" if self.left_out else ""

    def rows(self, table: pyarrow.Table) -> np.ndarray | None:
        """Return which rows of a table are shown; None if nothing is left out."""
        if not self.gaps and not self.left_out:
            return None
        keep = np.ones(len(table), bool)
        if self.gaps and "start" in table.column_names:
            starts = table["start"].to_numpy()
            ends = starts + table["seconds"].to_numpy()
            begins, until = (np.array([getattr(gap, name) for gap in self.gaps]) for name in ("begin", "end"))
            place = np.searchsorted(begins, starts, side="right") - 1  # the last gap that begins before the row does
            keep = (place < 0) | (starts >= until[place])
            if "batch" not in table.column_names:
                keep |= ends > until[place]
            else:  # works that share a pass begin together, but some may be cut short
                keep |= (ends > until[place]) & (table["batch"].to_numpy() == 0)
        if self.left_out:
            mentioned = np.zeros(len(table), bool)
            for name in {"client", "site", "source", "target"} & set(table.column_names):
                mentioned |= compute.is_in(table[name], value_set=self._names).to_numpy()
            if "batch" in table.column_names:
                mentioned &= table["batch"].to_numpy() == 0
            keep &= ~mentioned
        return keep

    def __str__(self) -> str:
        said = []
        if self.gaps:
            dropped = sum(gap.last - gap.first + 1 for gap in self.gaps)
            said.append(f"{self.rounds - dropped} of {self.rounds} rounds ({self._whole_rounds()})")
        if self.left_out:
            said.append(f"{self.shown:,} of {self.devices:,} devices")
        return " and ".join(said)

    def _whole_rounds(self) -> str:
        edges = [0, *(edge for gap in self.gaps for edge in (gap.first, gap.last)), self.rounds + 1]
        spans = [(a + 1, b - 1) for a, b in zip(edges[::2], edges[1::2], strict=True) if a + 1 < b]
        texts = [f"{first} to {last}" if last > first else f"{first}" for first, last in spans]
        return ", ".join([*texts[:4], f"{len(texts) - 5} more spans", texts[-1]] if len(texts) > 6 else texts)


def _rounds(first: int, last: int) -> str:
    return f"rounds {first} to {last}" if last > first else f"round {first}"


class Rounds(NamedTuple):
    """The rounds of a trial, in order of time.

    Attributes:
        number: their numbers.
        start, end: when they begin and end, in seconds.
        events: about how many events each has.
    """

    number: np.ndarray
    start: np.ndarray
    end: np.ndarray
    events: np.ndarray

    def chosen(self, most: float) -> np.ndarray:
        """Return which rounds are shown: the first, the last and the slowest ones, until they have so many events.

        The first, the last and the slowest of all are shown in any case.
        """
        show = np.zeros(len(self.number), bool)
        spent = 0.0
        for turn, place in enumerate(self._by_interest()):
            if not show[place]:
                if turn >= 3 and spent + self.events[place] > most:
                    break
                show[place] = True
                spent += self.events[place]
        return show

    def _by_interest(self) -> Iterator[int]:
        """Yield the places of rounds: in turn the next from the beginning, from the end, and of the slowest."""
        slowest = np.argsort(self.start - self.end, kind="stable")
        count = len(self.number)
        for first, last, slow in zip(range(count), range(count)[::-1], slowest.tolist(), strict=True):
            yield from (first, last, slow)

    def gaps(self, show: np.ndarray) -> Iterator[Gap]:
        """Yield the spans of rounds that are not shown."""
        edges = np.flatnonzero(np.diff(np.concatenate([[True], show, [True]]).astype(int)))
        for first, last in zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True):
            begin, end = float(self.start[first]), float(self.start[last + 1])
            if end > begin:
                yield Gap(begin, end, int(self.number[first]), int(self.number[last]))


def some_devices(names: Sequence[str], events: np.ndarray, finish: np.ndarray, most: float) -> set[str]:
    """Return the devices to show, as many as have so many events together, at least one.

    The one that is done last comes first, then the one that is done first, then others evenly spread in between.

    Args:
        names: the devices that take part in rounds that are shown.
        events: about how many events each has in them.
        finish: when each is done.
        most: how many events they may have together.
    """
    order = np.argsort(finish, kind="stable")
    shown, spent = set[str](), 0.0
    for place in _halving(len(names)):
        device = order[::-1][place]
        if shown and spent + events[device] > most:
            break
        shown.add(names[device])
        spent += float(events[device])
    return shown


def _halving(count: int) -> Iterator[int]:
    """Yield all places below a count: the first, the last, then those in between by halving the gaps.

    >>> list(_halving(6))
    [0, 5, 2, 1, 3, 4]
    """
    yield from range(count)[:1]
    if count > 1:
        yield count - 1
    spans = [(0, count - 1)]
    while spans:
        further = []
        for low, high in spans:
            middle = (low + high) // 2
            if low < middle < high:
                yield middle
                further += [(low, middle), (middle, high)]
        spans = further


def fair_shares(wanted: Iterable[float], most: float) -> list[float]:
    """Return how many events each trial may have: what small ones do not need is left to the others.

    >>> fair_shares([10, 100, 200], 120)
    [10, 55.0, 55.0]
    """
    amounts = list(wanted)
    shares = [0.0] * len(amounts)
    left, waiting = float(most), sorted(range(len(amounts)), key=amounts.__getitem__)
    while waiting:
        place = waiting[0]
        shares[place] = min(amounts[place], left / len(waiting))
        left -= shares[place]
        waiting.pop(0)
    return shares

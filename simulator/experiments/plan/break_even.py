"""Break-even points between algorithms or cuts, found by rounds that train nothing.

Bytes are compared over the number of samples on a device, seconds over the rates of the links.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

from simulator.experiments.plan.rounds import Planner

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry

MOST_SAMPLES = 10_000
"""The search ends at this many samples on a device; the answer then says that there is no break-even point up to it."""
DECADES = 3.0
"""Decades of rates that are searched: half of them below the scenario's own rates, half above."""
CLOSE = 1.02
"""Two rates with at most this ratio count as the same to two significant digits."""

ROUNDING = 1e-9
"""Relative differences up to this are rounding errors."""

Seconds = Callable[[float], float]
"""Maps a multiple of the scenario's rates to the seconds of a round."""


class Meeting(NamedTuple):
    """The fewest samples on a device with which a split algorithm sends no fewer bytes than another.

    Attributes:
        samples: that number; 1 if the split algorithm never sends fewer bytes, None if it sends fewer up to
            ``MOST_SAMPLES``.
        pushed: how many samples a client then pushes through the split in a round, counted in every epoch; None if it
            pushes none, or if ``samples`` is 1 or None.
    """

    samples: int | None
    pushed: int | None


class Stretch(NamedTuple):
    """A range of rates in which one candidate is the fastest.

    Attributes:
        place: the index of that candidate.
        until: the end of the range, as a multiple of the scenario's rates; it begins where the stretch before ends.
    """

    place: int
    until: float


def meeting(planner: Planner, split: Entry, whole: Entry) -> Meeting:
    """Find the number of samples at which a split algorithm sends as many bytes as one that sends its model.

    The bytes of the split algorithm grow with the number of samples. A line through two rounds with full batches gives
    a first guess; rounds around it decide.

    Args:
        planner: runs the rounds.
        split: the algorithm that sends smashed data.
        whole: the algorithm that sends its model.
    """

    def more(samples: int) -> bool:
        return beyond(samples) >= 0

    def beyond(samples: int) -> int:
        """Return how many bytes more the split algorithm sends in a round, with this many samples on each device."""
        return planner.round(split, samples=samples).bytes - planner.round(whole, samples=samples).bytes

    if more(1):
        return Meeting(1, None)
    few, many = 2 * split.training.batch_size, 4 * split.training.batch_size
    slope = (beyond(many) - beyond(few)) / (many - few)
    guess = math.ceil(few - beyond(few) / slope) if slope > 0 else MOST_SAMPLES
    fewest = first(more, 1, MOST_SAMPLES, min(max(guess, 2), MOST_SAMPLES))
    return Meeting(fewest, fewest and pushed(planner, split, fewest))


def first(holds: Callable[[int], bool], low: int, high: int, guess: int) -> int | None:
    """Return the first whole number above ``low``, up to ``high``, for which a condition holds; None if there is none.

    The condition must be monotone: once it holds, it holds for all larger numbers.

    Args:
        holds: the condition; costly, so it is tried as rarely as possible.
        low: a number for which it does not hold.
        high: the largest number to try.
        guess: where to start; the closer to the answer, the fewer trials.
    """
    step = 1
    if holds(guess):
        high = guess
        while low < high - step and holds(high - step):
            high, step = high - step, 2 * step
        low = max(low, high - step)
    else:
        if guess == high:
            return None
        low = guess
        while low + step < high and not holds(low + step):
            low, step = low + step, 2 * step
        if low + step >= high and not holds(high):
            return None
        high = min(high, low + step)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def pushed(planner: Planner, entry: Entry, samples: int | None = None) -> int | None:
    """Return how many samples a client pushes through the split in a round, on average; None without smashed data.

    They are counted without compression: the bytes of a client's smashed data over those of one sample at its cut.

    Args:
        planner: runs the rounds.
        entry: the split algorithm.
        samples: on each device; None: as the scenario partitions the data.
    """
    bare = entry.model_copy(update={"training": entry.training.model_copy(update={"compression": {}})})
    one_sample, actual = (planner.round(bare, samples=count).smashed for count in (1, samples))
    if not one_sample:
        return None
    samples_pushed = fsum(total / one_sample[client][1] for client, (total, _) in actual.items())
    return round(samples_pushed / entry.training.clients_per_round)


def by_rate(planner: Planner, entries: Sequence[Entry]) -> list[Stretch]:
    """Return which of these entries has the shortest round, by ranges of the rates of the devices' links."""
    return fastest([_seconds(planner, entry) for entry in entries])


def _seconds(planner: Planner, entry: Entry) -> Seconds:
    return lambda speed: planner.round(entry, speed=speed).seconds


def fastest(candidates: Sequence[Seconds], decades: float = DECADES) -> list[Stretch]:
    """Return which candidate takes the fewest seconds, by ranges of rates from slow to fast, to two significant digits.

    All candidates are evaluated at the scenario's own rates and at both ends. Between two rates, a candidate that
    another beats at both is dropped: seconds are latency, arithmetic and bytes / rate, so it seldom wins in between.

    Args:
        candidates: at least one; each maps a multiple of the scenario's rates to the seconds of a round. The first of
            equally fast ones counts.
        decades: the width of the range of rates, centred on those of the scenario.
    """
    numbered, half = dict(enumerate(candidates)), 10 ** (decades / 2)
    stretches: list[Stretch] = []
    for stretch in _between(numbered, 1 / half, 1.0) + _between(numbered, 1.0, half):
        if stretches and stretches[-1].place == stretch.place:
            stretches.pop()
        stretches.append(stretch)
    return stretches


def _between(candidates: Mapping[int, Seconds], low: float, high: float) -> list[Stretch]:
    """Return the stretches between two multiples of the rates, from candidates by their indices."""
    ends = {place: (_known(seconds(low)), _known(seconds(high))) for place, seconds in candidates.items()}
    first = min(ends, key=lambda place: ends[place][0])
    last = min(ends, key=lambda place: ends[place][1])
    if ends[first][1] == ends[last][1]:
        return [Stretch(first, high)]
    if high / low <= CLOSE * (1 + ROUNDING):
        return [Stretch(first, math.sqrt(low * high)), Stretch(last, high)]
    unbeaten = {place: candidates[place] for place in ends if not _beaten(ends[place], ends.values())}
    middle = _crossing(low, high, ends[last][0] - ends[first][0], ends[first][1] - ends[last][1])
    return _between(unbeaten, low, middle) + _between(unbeaten, middle, high)


def _known(seconds: float) -> float:
    """Return seconds without their last digits, which are rounding errors: they must not decide between equals."""
    return float(f"{seconds:.9g}")


def _beaten(ends: tuple[float, float], others: Iterable[tuple[float, float]]) -> bool:
    """Whether another candidate takes no longer at either end, and less at one of them."""
    return any(other != ends and other[0] <= ends[0] and other[1] <= ends[1] for other in others)


def _crossing(low: float, high: float, ahead: float, behind: float) -> float:
    """Estimate the rate at which two candidates cross, as if their seconds were affine in 1 / rate.

    The estimate is kept a little inside the range, so that every step of the search narrows it.

    Args:
        low, high: the ends of the range, as multiples of the scenario's rates.
        ahead, behind: seconds by which the first candidate is faster at ``low``, and slower at ``high``.
    """
    share, inside = ahead / (ahead + behind), math.sqrt(CLOSE)
    return min(max(1 / (1 / low + (1 / high - 1 / low) * share), low * inside), high / inside)

"""Where one way overtakes another: by samples, in bytes; by the rate of links, in seconds. Found by dry runs alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

from simulator.experiments.plan.rounds import Planner

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry

MOST_SAMPLES = 10_000
"""On a device: where two ways have not met by then, that is said."""
DECADES = 3.0
"""Of rates that are looked at: half of them below those of the scenario, half above."""
CLOSE = 1.02
"""Two rates with this ratio are the same to two significant digits."""

Seconds = Callable[[float], float]
"""From a multiple of the scenario's rates to the seconds of a round."""


class Meeting(NamedTuple):
    """The fewest samples on a device with which one algorithm sends no fewer bytes than another.

    ``pushed``: how many of them a client pushes through the split in a round, each epoch counted; None where nothing is
    pushed. ``samples`` of 1: it never sends fewer; None: it does up to ``MOST_SAMPLES``.
    """

    samples: int | None
    pushed: int | None


class Stretch(NamedTuple):
    """The candidate at this place is fastest, from where the stretch before ends, up to this multiple of the rates."""

    place: int
    until: float


def meeting(planner: Planner, split: Entry, whole: Entry) -> Meeting:
    """Where a split algorithm, whose bytes grow with the samples, meets one that sends its model.

    The line through two rounds with whole batches says where to look; the rounds beside that place decide.
    """

    def more(samples: int) -> bool:
        return beyond(samples) >= 0

    def beyond(samples: int) -> int:
        """Bytes of a round that the split algorithm sends beyond the other; both with so many samples a device."""
        return planner.round(split, samples=samples).bytes - planner.round(whole, samples=samples).bytes

    if more(1):
        return Meeting(1, None)
    few, many = 2 * split.training.batch_size, 4 * split.training.batch_size
    slope = (beyond(many) - beyond(few)) / (many - few)
    guess = math.ceil(few - beyond(few) / slope) if slope > 0 else MOST_SAMPLES
    found = first(more, 1, MOST_SAMPLES, min(max(guess, 2), MOST_SAMPLES))
    return Meeting(found, found and pushed(planner, split, found))


def first(holds: Callable[[int], bool], low: int, high: int, guess: int) -> int | None:
    """The first whole number of which something holds that goes on holding: beyond ``low``, up to ``high``; None if it
    does not hold there either. Near a good ``guess`` it is found with few questions."""
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
    """How many samples a client pushes through the split in a round, on the mean; None where no smashed data are sent.

    It is counted without compression: the bytes of a client's smashed data over those of one sample at its cut.
    """
    bare = entry.model_copy(update={"training": entry.training.model_copy(update={"compression": {}})})
    one, many = (planner.round(bare, samples=count).smashed for count in (1, samples))
    if not one:
        return None
    return round(fsum(sent / one[client][1] for client, (sent, _) in many.items()) / entry.training.clients_per_round)


def by_rate(planner: Planner, entries: Sequence[Entry]) -> list[Stretch]:
    """Which of these has the shortest round at which rates of the devices' links."""
    return fastest([_seconds(planner, entry) for entry in entries])


def _seconds(planner: Planner, entry: Entry) -> Seconds:
    return lambda speed: planner.round(entry, speed=speed).seconds


def fastest(candidates: Sequence[Seconds], decades: float = DECADES) -> list[Stretch]:
    """Which candidate takes the fewest seconds at which rates, from slow to fast: to two significant digits.

    All are asked at the scenario's own rates and at both ends. Between two rates only those are asked again that no
    other beats at both: seconds are latency, arithmetic and bytes / rate, so that one seldom wins in between.

    Args:
        candidates: at least one; each from a multiple of the scenario's rates to seconds. Of those
            equally fast the first counts.
        decades: of rates, around those of the scenario.
    """
    named, half = dict(enumerate(candidates)), 10 ** (decades / 2)
    found: list[Stretch] = []
    for each in _between(named, 1 / half, 1.0) + _between(named, 1.0, half):
        if found and found[-1].place == each.place:
            found.pop()
        found.append(each)
    return found


def _between(candidates: Mapping[int, Seconds], low: float, high: float) -> list[Stretch]:
    """The stretches between two rates."""
    ends = {place: (seconds(low), seconds(high)) for place, seconds in candidates.items()}
    first = min(ends, key=lambda place: ends[place][0])
    last = min(ends, key=lambda place: ends[place][1])
    if ends[first][1] == ends[last][1]:
        return [Stretch(first, high)]
    if high / low <= CLOSE:
        return [Stretch(first, math.sqrt(low * high)), Stretch(last, high)]
    able = {place: candidates[place] for place in ends if not _beaten(ends[place], ends.values())}
    middle = _crossing(low, high, ends[last][0] - ends[first][0], ends[first][1] - ends[last][1])
    return _between(able, low, middle) + _between(able, middle, high)


def _beaten(one: tuple[float, float], others: Iterable[tuple[float, float]]) -> bool:
    """Whether another takes no longer at either end, and less at one."""
    return any(other != one and other[0] <= one[0] and other[1] <= one[1] for other in others)


def _crossing(low: float, high: float, ahead: float, behind: float) -> float:
    """Where two ways cross, if seconds were affine in 1 / rate; close to one of these rates, a little inside of it.

    Args:
        ahead, behind: seconds by which the one is faster at the lower rate, and slower at the higher.
    """
    share, inside = ahead / (ahead + behind), math.sqrt(CLOSE)
    return min(max(1 / (1 / low + (1 / high - 1 / low) * share), low * inside), high / inside)

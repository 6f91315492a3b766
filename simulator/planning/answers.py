"""What a plan says in words: which way is faster or sends less, and up to where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from simulator.planning.break_even import DECADES, MOST_SAMPLES, Stretch, by_rate, meeting, pushed
from simulator.planning.points import Point, Tell
from simulator.planning.rounds import Planner
from simulator.units import BANDWIDTH
from simulator.wording import listed

if TYPE_CHECKING:
    from simulator.scenario import Entry, Scenario

Say = Callable[[float], str]
OTHERS = "<others>"
"""Stands for the labels of all algorithms of which a sentence is true."""


def answers(planner: Planner, points: Sequence[Point], tell: Tell = lambda done, of: None) -> dict[str, list[str]]:
    """Questions and their answers, each from dry runs. Algorithms are compared with the cuts that the scenario says.

    Args:
        tell: is called with how many algorithms are done with, and of how many.
    """
    own = [point for point in points if point.own]
    split = [point for point in own if point.head is not None]
    whole = [point for point in own if point.head is None and point.entry.algorithm.engages_cohort]
    say = rates_in_words(planner.scenario)
    found: dict[str, list[str]] = {"Which cut is fastest?": [], "Which round is shorter?": [], "Who sends less?": []}
    cut, shorter, less = found.values()
    for done, one in enumerate(split):
        tell(done, len(split))
        cut.append(_fastest_cut(planner, [point for point in points if point.label == one.label], say))
        shorter += _of_many(whole, partial(_shorter, planner, one.entry, say))
        sending = [point for point in whole if point.round.bytes]
        less += _of_many(sending, partial(_sends_less, planner, one.entry))
    tell(len(split), len(split))
    return {question: said for question, said in found.items() if said}


def rates_in_words(scenario: Scenario) -> Say:
    """How a multiple of the scenario's rates is said: as the uplinks' rate, if all devices have the same."""
    rates = {group.uplink.rate for group in scenario.world.devices}
    if len(rates) > 1:
        return lambda speed: f"{float(f'{speed:.2g}'):g} x the file's rates"
    (rate,) = rates
    return lambda speed: BANDWIDTH.format(float(f"{8 * rate * speed:.2g}") / 8)


def _of_many(others: Sequence[Point], said: Callable[[Entry], str]) -> Iterator[str]:
    """A sentence about each of these; those of which the same is true share one."""
    labels: dict[str, list[str]] = {}
    for other in others:
        labels.setdefault(said(other.entry), []).append(other.label)
    for sentence, names in labels.items():
        yield sentence.replace(OTHERS, listed(names))


def _fastest_cut(planner: Planner, cuts: Sequence[Point], say: Say) -> str:
    fitting = [point for point in cuts if point.fits]
    label, among = cuts[0].label, fitting or list(cuts)
    names = [f"head: {point.head}" for point in among]
    aside = "" if fitting else ", though no cut fits"
    if len(among) == 1:
        return f"{label}: {names[0]} is the only cut that {'fits' if len(cuts) > 1 else 'there is'}{aside}."
    found = by_rate(planner, [point.entry for point in among])
    return f"{label}: {_where(found, names, say)}{aside}."


def _shorter(planner: Planner, split: Entry, say: Say, whole: Entry) -> str:
    found = by_rate(planner, [split, whole])
    return f"{split.label}'s round is {_where(found, ['shorter', 'longer'], say, f' than that of {OTHERS}')}."


def _where(found: Sequence[Stretch], names: Sequence[str], say: Say, after: str = "") -> str:
    """What holds where, by rate; ``after``: what follows the first name."""
    if len(found) == 1:
        half = 10 ** (DECADES / 2)
        return f"{names[found[0].place]}{after} at all rates looked at ({say(1 / half)} to {say(half)})"
    first, *inner, last = found
    said = [f"{names[first.place]}{after} below {say(first.until)}"]
    said += [f"{names[each.place]} up to {say(each.until)}" for each in inner]
    return f"{', '.join(said)}, {names[last.place]} above"


def _sends_less(planner: Planner, split: Entry, whole: Entry) -> str:
    met = meeting(planner, split, whole)
    if met.samples is None:
        return f"{split.label} sends fewer bytes than {OTHERS} with up to {MOST_SAMPLES:,} samples on each device."
    if met.samples == 1:
        return f"{split.label} sends more bytes than {OTHERS}, however few samples a device has."
    if met.pushed is None:
        return f"{split.label} sends fewer bytes than {OTHERS} while a client has fewer than {met.samples:,} samples."
    has = f" (has fewer than {met.samples:,})" if met.pushed != met.samples else ""
    while_ = f"while a client pushes fewer than {met.pushed:,} samples a round through the split{has}"
    return f"{split.label} sends fewer bytes than {OTHERS} {while_}; here it pushes {pushed(planner, split):,}."

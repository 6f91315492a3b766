"""What a plan says in words: which way is faster or sends less, and up to where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from simulator.experiments.plan.break_even import DECADES, MOST_SAMPLES, Stretch, by_rate, meeting, pushed
from simulator.experiments.plan.cuts import PlannedCut, Tell
from simulator.experiments.plan.rounds import Planner
from simulator.experiments.trial.cut_search import chosen
from simulator.settings.humanize import human
from simulator.settings.units import BANDWIDTH
from simulator.settings.wording import listed

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry, Scenario

WITHOUT_UNIT = " times the file's rates"
OTHERS = "<others>"
"""Stands for the labels of all algorithms of which a sentence is true."""


def answers(planner: Planner, points: Sequence[PlannedCut], tell: Tell = lambda done, of: None) -> dict[str, list[str]]:
    """Questions and their answers, each from dry runs. Algorithms are compared with the cuts that the scenario says,
    or that their policies choose in the world as it is.

    Args:
        tell: is called with how many algorithms are done with, and of how many.
    """
    entries = [planner.settled(entry) for entry in planner.scenario.algorithms]
    split = [entry for entry in entries if hasattr(entry.algorithm, "head")]
    whole = [entry for entry in entries if entry not in split and entry.algorithm.engages_cohort]
    sending = [entry for entry in whole if planner.round(entry).bytes]
    rates = Rates.of(planner.scenario)
    questions = "What do policies choose?", "Which cut is fastest?", "Which round is shorter?", "Who sends less?"
    found: dict[str, list[str]] = {question: [] for question in (*questions, "What changes after the first round?")}
    choice, cut, shorter, less, later = found.values()
    for done, one in enumerate(split):
        tell(done, len(split))
        choice += [f"{said}." for said in chosen(planner.scenario, one, planner.seed)]
        cut.append(_fastest_cut(planner, [point for point in points if point.label == one.label], rates))
        shorter += _of_many(whole, partial(_shorter, planner, one, rates))
        less += _of_many(sending, partial(_sends_less, planner, one))
    if rates.uplink:
        for said in (cut, shorter):
            said += ["Rates are those of the uplinks; downlinks are scaled alike."] if said else []
    later += [said for entry in entries for said in _later(planner, entry)]
    tell(len(split), len(split))
    return {question: said for question, said in found.items() if said}


@dataclass(frozen=True)
class Rates:
    """How a multiple of the scenario's rates is said.

    Attributes:
        uplink: in bytes/s, if all devices have the same; None: multiples are said as such.
    """

    uplink: float | None

    @classmethod
    def of(cls, scenario: Scenario) -> Rates:
        rates = {group.uplink.rate for group in scenario.world.devices}
        return cls(rates.pop() if len(rates) == 1 else None)

    def said(self, speed: float) -> str:
        """To two digits: "14 Mbit/s", "0.96 times the file's rates"."""
        return f"{self._figure(speed)}{'' if self.uplink else WITHOUT_UNIT}"

    @property
    def all(self) -> str:
        """Those that are looked at: "630 kbit/s to 630 Mbit/s"."""
        half = 10 ** (DECADES / 2)
        return f"{self._figure(1 / half)} to {self.said(half)}"

    def _figure(self, speed: float) -> str:
        if self.uplink:
            return BANDWIDTH.format(float(f"{8 * self.uplink * speed:.2g}") / 8)
        return f"{float(f'{speed:.2g}'):g}"


def _of_many(others: Sequence[Entry], said: Callable[[Entry], str]) -> Iterator[str]:
    """A sentence about each of these; those of which the same is true share one."""
    labels: dict[str, list[str]] = {}
    for other in others:
        labels.setdefault(said(other), []).append(other.label)
    for sentence, names in labels.items():
        yield sentence.replace(OTHERS, listed(names))


def _fastest_cut(planner: Planner, cuts: Sequence[PlannedCut], rates: Rates) -> str:
    fitting = [point for point in cuts if point.fits]
    label, among = cuts[0].label, fitting or list(cuts)
    one_tail = len({point.tail for point in among}) == 1
    names = [f"head {point.head}" + ("" if one_tail else f", tail {point.tail}") for point in among]
    aside = "" if fitting else ", though no cut fits"
    if len(among) == 1:
        return f"{label}: {names[0]} is the only cut that {'fits' if len(cuts) > 1 else 'there is'}{aside}."
    found = by_rate(planner, [point.entry for point in among])
    return f"{label}: {_where(found, names, rates)}{aside}."


def _later(planner: Planner, entry: Entry) -> Iterator[str]:
    """What a device's second round takes, where that is not what the first does, of which all else is said."""
    (seconds, sent, work), (then, sends, works) = planner.repeated(entry)
    changed = []
    if sent != sends:
        changed.append(f"sends {human('bytes', sends)} instead of {human('bytes', sent)}")
    if work != works:
        changed.append(f"takes {human('flops', works)} of device work instead of {human('flops', work)}")
    if changed:
        lasts, lasted = human("seconds", then), human("seconds", seconds)
        took = f", in {lasts} instead of {lasted}" if lasts != lasted else ""
        said = f"a device's second round {' and '.join(changed)}{took}"
        yield f"{entry.label}: {said}; all else here is about first rounds."


def _shorter(planner: Planner, split: Entry, rates: Rates, whole: Entry) -> str:
    found = by_rate(planner, [split, whole])
    return f"{split.label}'s round is {_where(found, ['shorter', 'longer'], rates, f' than that of {OTHERS}')}."


def _where(found: Sequence[Stretch], names: Sequence[str], rates: Rates, after: str = "") -> str:
    """What holds where, by rate; ``after``: what follows the first name."""
    if len(found) == 1:
        return f"{names[found[0].place]}{after} at all rates looked at ({rates.all})"
    first, *inner, last = found
    said = [f"{names[first.place]}{after} below {rates.said(first.until)}"]
    said += [f"{names[each.place]} up to {rates.said(each.until)}" for each in inner]
    return f"{', '.join(said)}, {names[last.place]} above"


def _sends_less(planner: Planner, split: Entry, whole: Entry) -> str:
    met = meeting(planner, split, whole)
    if met.samples is None:
        return f"{split.label} sends fewer bytes than {OTHERS} with up to {MOST_SAMPLES:,} samples on each device."
    if met.samples == 1:
        return f"{split.label} sends more bytes than {OTHERS}, however few samples a device has."
    if met.pushed is None:
        return f"{split.label} sends fewer bytes than {OTHERS} while a client has fewer than {met.samples:,} samples."
    has = f" (that is, while it has fewer than {met.samples:,})" if met.pushed != met.samples else ""
    while_ = f"while a client pushes fewer than {met.pushed:,} samples a round through the split{has}"
    return f"{split.label} sends fewer bytes than {OTHERS} {while_}; here it pushes {pushed(planner, split):,}."

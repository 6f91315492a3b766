"""The findings of a plan in sentences: which algorithm is faster or sends less, and up to which rate or size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from simulator.experiments.plan.break_even import DECADES, MOST_SAMPLES, Stretch, by_rate, meeting, pushed
from simulator.experiments.plan.cuts import PlannedCut, Tell
from simulator.experiments.plan.rounds import Planner
from simulator.experiments.trial.cut_search import chosen
from simulator.learning.models.text.build import is_text
from simulator.settings.humanize import human
from simulator.settings.units import BANDWIDTH
from simulator.settings.wording import listed

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry, Scenario

WITHOUT_UNIT = " times the file's rates"
REVEALED = "With head: 0 a device sends embedded words, which reveal the text as tokens do."
OTHERS = "<others>"
"""Placeholder in a sentence for the labels of all algorithms of which the sentence is true."""


def answers(planner: Planner, points: Sequence[PlannedCut], tell: Tell = lambda done, of: None) -> dict[str, list[str]]:
    """Return the questions that a plan answers, each with sentences that are based on planned rounds.

    Algorithms are compared at the cuts that the scenario sets, or that their policies choose in the unchanged world.

    Args:
        planner: runs the rounds.
        points: every planned cut, as ``cuts.points`` returns them.
        tell: called with the number of split algorithms that are done, and with their total.
    """
    entries = [planner.settled(entry) for entry in planner.scenario.algorithms]
    split = [entry for entry in entries if hasattr(entry.algorithm, "head")]
    whole = [entry for entry in entries if entry not in split and entry.algorithm.engages_cohort]
    sending = [entry for entry in whole if planner.round(entry).bytes]
    rates = Rates.of(planner.scenario)
    questions = "What do policies choose?", "Which cut is fastest?", "Which round is shorter?", "Who sends less?"
    sections: dict[str, list[str]] = {question: [] for question in (*questions, "What changes after the first round?")}
    choice, cut, shorter, less, later = sections.values()
    for done, entry in enumerate(split):
        tell(done, len(split))
        choice += [f"{line}." for line in chosen(planner.scenario, entry, planner.seed)]
        cut.append(_fastest_cut(planner, [point for point in points if point.label == entry.label], rates))
        shorter += _of_many(whole, partial(_shorter, planner, entry, rates))
        less += _of_many(sending, partial(_sends_less, planner, entry))
    if is_text(planner.scenario.model.name) and any("head 0" in sentence for sentence in cut):
        cut.append(REVEALED)
    if rates.uplink:
        for sentences in (cut, shorter):
            sentences += ["Rates are those of uplinks; downlinks are scaled by the same factor."] if sentences else []
    if planner.scenario.world.edges:
        fixed = "Only the links of devices vary: those of the server and of edges, and what edges share out, do not."
        for sentences in (cut, shorter):
            sentences += [fixed] if sentences else []
    later += [line for entry in entries for line in _later(planner, entry)]
    tell(len(split), len(split))
    return {question: sentences for question, sentences in sections.items() if sentences}


@dataclass(frozen=True)
class Rates:
    """Words for a multiple of the scenario's link rates.

    Attributes:
        uplink: the uplink rate in bytes/s that all devices have; None if they differ, and then a multiple is put into
            words as a multiple.
    """

    uplink: float | None

    @classmethod
    def of(cls, scenario: Scenario) -> Rates:
        groups = scenario.world.devices
        rates = {group.uplink.rate for group in groups}
        drawn = any(group.population and group.population.uplink for group in groups)
        return cls(rates.pop() if len(rates) == 1 and not drawn else None)

    def said(self, speed: float) -> str:
        """Return a multiple of the rates in words, to two digits: "14 Mbit/s", "0.96 times the file's rates"."""
        return f"{self._figure(speed)}{'' if self.uplink else WITHOUT_UNIT}"

    @property
    def all(self) -> str:
        """The range of rates that is searched, in words: "630 kbit/s to 630 Mbit/s"."""
        half = 10 ** (DECADES / 2)
        return f"{self._figure(1 / half)} to {self.said(half)}"

    def _figure(self, speed: float) -> str:
        if self.uplink:
            return BANDWIDTH.format(float(f"{8 * self.uplink * speed:.2g}") / 8)
        return f"{float(f'{speed:.2g}'):g}"


def _of_many(others: Sequence[Entry], sentence_about: Callable[[Entry], str]) -> Iterator[str]:
    """Yield a sentence about each of these entries; those with the same sentence share one."""
    labels: dict[str, list[str]] = {}
    for other in others:
        labels.setdefault(sentence_about(other), []).append(other.label)
    for sentence, names in labels.items():
        yield sentence.replace(OTHERS, listed(names))


def _fastest_cut(planner: Planner, cuts: Sequence[PlannedCut], rates: Rates) -> str:
    fitting = [point for point in cuts if point.fits]
    label, compared = cuts[0].label, fitting or list(cuts)
    one_tail = len({point.tail for point in compared}) == 1
    names = [f"head {point.head}" + ("" if one_tail else f", tail {point.tail}") for point in compared]
    aside = "" if fitting else ", though no cut fits"
    if len(compared) == 1:
        return f"{label}: {names[0]} is the only cut that {'fits' if len(cuts) > 1 else 'there is'}{aside}."
    stretches = by_rate(planner, [point.entry for point in compared])
    return f"{label}: {_where(stretches, names, rates)}{aside}."


def _later(planner: Planner, entry: Entry) -> Iterator[str]:
    """Yield how a device's second round differs from its first, if it does; all other sentences are about the first."""
    (seconds, bytes_first, work_first), (later_seconds, bytes_later, work_later) = planner.repeated(entry)
    changed = []
    if bytes_first != bytes_later:
        changed.append(f"sends {human('bytes', bytes_later)} instead of {human('bytes', bytes_first)}")
    if work_first != work_later:
        changed.append(f"takes {human('flops', work_later)} of device work instead of {human('flops', work_first)}")
    if changed:
        later_text, first_text = human("seconds", later_seconds), human("seconds", seconds)
        duration = f", in {later_text} instead of {first_text}" if later_text != first_text else ""
        difference = f"a device's second round {' and '.join(changed)}{duration}"
        yield f"{entry.label}: {difference}; all else here is about first rounds."


def _shorter(planner: Planner, split: Entry, rates: Rates, whole: Entry) -> str:
    stretches = by_rate(planner, [split, whole])
    return f"{split.label}'s round is {_where(stretches, ['shorter', 'longer'], rates, f' than that of {OTHERS}')}."


def _where(stretches: Sequence[Stretch], names: Sequence[str], rates: Rates, after: str = "") -> str:
    """Say which name holds at which rates; ``after`` follows the first name."""
    if len(stretches) == 1:
        return f"{names[stretches[0].place]}{after} at all rates considered ({rates.all})"
    first, *inner, last = stretches
    phrases = [f"{names[first.place]}{after} below {rates.said(first.until)}"]
    phrases += [f"{names[stretch.place]} up to {rates.said(stretch.until)}" for stretch in inner]
    return f"{', '.join(phrases)}, {names[last.place]} above"


def _sends_less(planner: Planner, split: Entry, whole: Entry) -> str:
    met = meeting(planner, split, whole)
    if met.samples is None:
        return f"{split.label} sends fewer bytes than {OTHERS} with up to {MOST_SAMPLES:,} samples on each device."
    if met.samples == 1:
        return f"{split.label} sends more bytes than {OTHERS}, however few samples a device has."
    if met.pushed is None:
        return f"{split.label} sends fewer bytes than {OTHERS} while a client has fewer than {met.samples:,} samples."
    reached_with = f" (that is, while it has fewer than {met.samples:,})" if met.pushed != met.samples else ""
    condition = f"while a client pushes fewer than {met.pushed:,} samples a round through the split{reached_with}"
    return f"{split.label} sends fewer bytes than {OTHERS} {condition}; here it pushes {pushed(planner, split):,}."

"""The verdict where no target was set, or none is held with every seed: the most accurate algorithm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.headline import ACCURACY, accuracy_of
from analysis.runs import Run
from analysis.server import OwnLabels
from analysis.settled import points
from analysis.verdict.base import Verdict
from analysis.verdict.by_cost import cheapest, seconds_of
from analysis.verdict.certainty import Certainty, of_accuracy
from analysis.verdict.change import what_would_change
from analysis.verdict.contender import Contender
from analysis.verdict.ranking import does, joined
from simulator.settings.humanize import human

LEVEL = 0.001
"""Accuracies that differ by less are equal: a tenth of a point."""


def by_accuracy(run: Run, own_labels: OwnLabels, contenders: Sequence[Contender]) -> Verdict:
    """Return who is most accurate, and who is fastest; arguments are those of `verdict_of_run`."""
    means = {each.label: each.mean_of(each.accuracies) for each in contenders}
    known = {label: mean for label, mean in means.items() if mean is not None}
    if not known:
        return Verdict(("No algorithm has an accuracy with every seed.",))
    best = max(known.values())
    first = tuple(label for label, mean in known.items() if mean >= best - LEVEL)
    others = sorted((label for label in known if label not in first), key=lambda label: -known[label])
    by_label = {each.label: each for each in contenders}
    answer = list(missed(run, contenders))
    if answer and run.target is not None and run.target.goal == "loss":
        answer.append("What follows goes by accuracy.")
    what = "are the most accurate" if len(first) > 1 else "is the most accurate"
    behind = f", {points(best - known[others[0]])} points ahead of {others[0]}" if others else ""
    settled = " settled accuracy" if accuracy_of(run.summary) == ACCURACY else ""
    lacking = [label for label in means if label not in known]
    if len(contenders) == 1:
        answer.append(f"{first[0]} reaches {human('fraction', best)}{settled}; nothing else was run.")
    else:
        answer.append(f"{joined(first)} {what} ({human('fraction', best)}{settled}{behind}).")
    if lacking:
        answer.append(f"{does(lacking, 'has', 'have')} no accuracy with every seed.")
    certainty = None
    if len(known) > 1:
        certainty = of_accuracy(by_label[first[0]], by_label[others[0]]) if others else Certainty()
        if len(first) > 1:
            certainty.doubts.insert(0, f"{joined(first)} are equally accurate")
    return concluded(run, own_labels, contenders, answer, first, certainty)


def concluded(
    run: Run,
    own_labels: OwnLabels,
    contenders: Sequence[Contender],
    answer: Sequence[str],
    first: tuple[str, ...],
    certainty: Certainty | None,
) -> Verdict:
    """Return the verdict on who learns best: at what cost, how sure, and what would change it.

    Args:
        run, own_labels, contenders: as of `verdict_of_run`.
        answer: the sentences that say who is first.
        first: their labels.
        certainty: how sure it is; None where there is nobody to compare with.
    """
    return Verdict(
        answer=tuple(answer),
        cost=tuple(cheapest(run, contenders)) if len(contenders) > 1 else (),
        certainty=tuple(certainty.sentences) if certainty else (),
        change=tuple(what_would_change(own_labels, contenders, seconds_of(run, contenders))),
        first=first,
        decided=certainty.decided if certainty else None,
    )


def missed(run: Run, contenders: Sequence[Contender]) -> Iterator[str]:
    """Yield a sentence if there is a target that no algorithm holds with all seeds."""
    if (target := run.target) is None:
        return
    some = [(each, len(each.held(target))) for each in contenders if each.held(target)]
    if not some:
        yield f"No algorithm holds {target.said}."
    else:
        listed = joined([f"{each.label} with {number} of {len(each.seeds)}" for each, number in some])
        yield f"No algorithm holds {target.said} with every seed: {listed}."

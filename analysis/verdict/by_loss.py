"""The verdict of language models where no target was set, or none is held with every seed: the lowest loss."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.runs import Run
from analysis.server import OwnLabels
from analysis.verdict.base import Verdict
from analysis.verdict.by_accuracy import concluded, missed
from analysis.verdict.certainty import Certainty, of_loss
from analysis.verdict.contender import Contender
from analysis.verdict.ranking import does, joined
from simulator.settings.humanize import human

LEVEL = 0.001
"""Losses that differ by less are equal: their perplexities differ by less than a thousandth."""


def by_loss(run: Run, own_labels: OwnLabels, contenders: Sequence[Contender]) -> Verdict:
    """Return who has the lowest loss, and who is fastest; arguments are those of `verdict_of_run`."""
    means = {each.label: each.mean_of(each.losses) for each in contenders}
    known = {label: mean for label, mean in means.items() if mean is not None}
    answer = list(missed(run, contenders))
    if not known:
        return Verdict((*answer, "No algorithm has a finite loss with every seed."))
    best = min(known.values())
    first = tuple(label for label, mean in known.items() if mean <= best + LEVEL)
    others = sorted((label for label in known if label not in first), key=lambda label: known[label])
    by_label = {each.label: each for each in contenders}
    figures, perplexity = human("count", best), by_label[first[0]].mean("perplexity")
    figures += f", a perplexity of {human('count', perplexity)}" if perplexity is not None else ""
    if len(contenders) == 1:
        answer.append(f"{first[0]} reaches a loss of {figures}; nothing else was run.")
    else:
        behind = f"; {others[0]} is {human('count', known[others[0]] - best)} above" if others else ""
        answer.append(f"{does(first, 'has', 'have')} the lowest loss ({figures}{behind}).")
    if lacking := [label for label in means if label not in known]:
        answer.append(f"{does(lacking, 'has', 'have')} no finite loss with every seed.")
    certainty = None
    if len(known) > 1:
        certainty = of_loss(by_label[first[0]], by_label[others[0]]) if others else Certainty()
        if len(first) > 1:
            certainty.doubts.insert(0, f"{joined(first)} have equal losses")
    return concluded(run, own_labels, contenders, answer, first, certainty)

"""The verdict of a run, or of several side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from analysis.measures import present
from analysis.runs import Run
from analysis.server import OwnLabels
from analysis.tasks import NEXT_TOKEN, SEVERAL
from analysis.verdict.base import Verdict
from analysis.verdict.by_accuracy import by_accuracy
from analysis.verdict.by_cost import by_cost, cheapest
from analysis.verdict.by_loss import by_loss
from analysis.verdict.by_target import by_target
from analysis.verdict.contender import Contender
from analysis.verdict.ranking import joined

TOO_SMALL = "devices_too_small"
"""The column of the summary with a list of the devices that were left out."""


def verdict_of_run(run: Run, own_labels: OwnLabels | None = None) -> Verdict:
    """Return the verdict of a run.

    With a target, who holds it first comes first. Without one, or where none holds it with all seeds, it is the most
    accurate, or where the next token is predicted the one with the lowest loss; in a dry run, which has no accuracies,
    it is who takes the least time. Where a target loss is missed and accuracy decides, a sentence says so. Of runs that
    learn different tasks, nobody comes first.

    Args:
        run: the run, or several joined into one.
        own_labels: by label, the run that it is from and its label there; None: all are from this one.

    Raises:
        RunError: a file of the run cannot be read.
    """
    own_labels = own_labels or {label: (run, label) for label in run.labels}
    verdict = _decided(run, own_labels)
    return replace(verdict, answer=(*verdict.answer, *_left_out(run))) if len(run.labels) > 1 else verdict


def _left_out(run: Run) -> Iterator[str]:
    """Yield a sentence if cohorts differ because devices are too small for some of the labels."""
    if TOO_SMALL not in run.summary:
        return
    of_label = {
        label: {
            device
            for names in run.summary.loc[run.summary["label"] == label, TOO_SMALL]
            if isinstance(names, list)
            for device in names
        }
        for label in run.labels
    }
    if len({frozenset(devices) for devices in of_label.values()}) > 1:
        few = joined([f"{label} ({len(devices):,})" for label, devices in of_label.items() if devices])
        yield f"Cohorts differ, as devices too small for a method are never chosen for it: {few}."


def _decided(run: Run, own_labels: OwnLabels) -> Verdict:
    """Return the verdict, without what to know of its cohorts."""
    contenders = Contender.all_of(run)
    if not present(run.summary, "final_accuracy"):
        return by_cost(run, own_labels, contenders)
    if run.task == SEVERAL:
        answer = "The runs learn different tasks, so that their accuracies do not compare."
        return Verdict((answer,), cost=tuple(cheapest(run, contenders)))
    target = run.target
    if target is not None and any(len(each.held(target)) == len(each.seeds) for each in contenders):
        return by_target(run, own_labels, contenders, target)
    if run.task == NEXT_TOKEN:
        return by_loss(run, own_labels, contenders)
    return by_accuracy(run, own_labels, contenders)

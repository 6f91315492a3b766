"""Accuracies and times that do not hang on a single evaluation, and how far the test samples let one trust them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from math import nan, sqrt
from statistics import fmean
from typing import NamedTuple

from analysis.goal import Target
from simulator.settings.humanize import human

SETTLE = 3
"""How many evaluations `settled_accuracy` averages where a scenario of an earlier version does not say."""


class Evaluation(NamedTuple):
    """One evaluation of the models of a trial.

    Attributes:
        updates: how many updates had been aggregated; 0 before training.
        sim_time_s: simulated seconds since the start.
        accuracy: the fraction of the test samples that were classified correctly.
        loss: their mean cross-entropy; NaN if it is not known or not finite.
    """

    updates: float
    sim_time_s: float
    accuracy: float
    loss: float = nan


def settled_accuracy(evaluations: Iterable[Evaluation], settle: int) -> float | None:
    """Return the mean accuracy of the last evaluations after training began, or of all if there are fewer.

    Args:
        evaluations: the evaluations of one trial, in their order. What was evaluated before the first update never
            counts, and a model that was evaluated twice counts once (see `_distinct`).
        settle: how many evaluations are averaged.

    Returns:
        A fraction; None if nothing was evaluated after training began.
    """
    accuracies = [evaluation.accuracy for evaluation in _distinct(evaluations) if evaluation.updates > 0]
    return fmean(accuracies[-settle:]) if accuracies else None


def held_from(evaluations: Iterable[Evaluation], target: Target | float | None) -> float | None:
    """Return the clock, in seconds, of the first of two evaluations in a row that reach a target.

    They are at or above a target accuracy, or at or below a target loss.

    That it holds is known only at the second one. The clock is that of the first, so that the time compares with that
    of the first evaluation that reaches the target, and is never less. As there, the evaluation before training counts:
    a model that reaches the target before training and at the next evaluation holds it from 0 s.

    Args:
        evaluations: the evaluations of one trial, in their order. A model that was evaluated twice counts once (see
            `_distinct`): it confirms nothing.
        target: the target; a number is an accuracy; None: there is none.

    Returns:
        The clock; None without a target, or if no two evaluations in a row reach it.
    """
    wanted = Target.read(target)
    if wanted is None:
        return None
    pairs = pairwise(_distinct(evaluations))
    return next((one.sim_time_s for one, other in pairs if wanted.reached_by(one) and wanted.reached_by(other)), None)


def _distinct(evaluations: Iterable[Evaluation]) -> Iterator[Evaluation]:
    """Yield the first evaluation of each model.

    Between two evaluations nothing may have been aggregated: in a round that all updates missed, or where a budget of
    time ends a trial in the middle of a round.
    """
    known: set[float] = set()
    for evaluation in evaluations:
        if evaluation.updates not in known:
            known.add(evaluation.updates)
            yield evaluation


def sampling_error(accuracy: float, samples: float) -> float:
    """Return the binomial standard error of an accuracy that was measured on some test samples, sqrt(p (1 - p) / n).

    A mean of accuracies that were measured on the same samples, over evaluations, seeds or models, has at most this
    error: what a sample adds to it is a share of right answers, between 0 and 1, whose variance is at most p (1 - p).
    More seeds do not make it smaller.

    Args:
        accuracy: p, a fraction.
        samples: n, the number of test samples.
    """
    return sqrt(accuracy * (1 - accuracy) / samples)


def points(difference: float) -> str:
    """Return a difference between accuracies, a fraction, in percentage points with one decimal, or more if it is 0.0.

    >>> points(0.0271), points(0.12), points(0.0003)
    ('2.7', '12.0', '0.03')
    """
    text = f"{100 * difference:.1f}"
    return f"{100 * difference:.1g}" if text == "0.0" and difference else text


def with_errors(accuracies: Sequence[float], deviation: float, samples: float | None) -> str:
    """Return a mean accuracy with its two errors apart, such as "82 % ± 1.2 (3 seeds) ± 2.7 (200 test samples)".

    An error that is unknown or 0 is left out: seeds that agree, or an accuracy of 0 or 1, say nothing of how large it
    is.

    Args:
        accuracies: the accuracy with each seed, fractions.
        deviation: their standard deviation; NaN if there is one only.
        samples: on how many test samples they were measured; None if that is unknown.
    """
    mean = fmean(accuracies)
    errors = [(deviation, f"{len(accuracies)} seeds")] if deviation > 0 else []
    if samples:
        errors.append((sampling_error(mean, samples), f"{samples:,.0f} test samples"))
    return human("fraction", mean) + "".join(f" ± {points(error)} ({source})" for error, source in errors if error > 0)


def averaged_said(settles: Collection[int]) -> str:
    """Return in words what `settled_accuracy` is, such as "the mean of the last 3 evaluations".

    Args:
        settles: how many evaluations are averaged: one number, unless scenarios differ in it.
    """
    number = _from_to(settles)
    return "that of the last evaluation" if number == "1" else f"the mean of the last {number} evaluations"


def samples_said(accuracies: Iterable[float], samples: Collection[float], several: bool) -> str:
    """Return a sentence about the sampling errors of some accuracies; empty if the number of samples is unknown.

    Args:
        accuracies: the accuracy of each algorithm, a fraction.
        samples: the numbers of test samples on which they were measured: one, unless runs are compared.
        several: whether a spread over several seeds is shown beside them.
    """
    if not samples:
        return ""
    errors = [sampling_error(accuracy, number) for accuracy in accuracies for number in samples]
    size = " to ".join(dict.fromkeys(points(error) for error in (min(errors), max(errors))))
    if several:
        return (
            f"All seeds share the {_from_to(samples)} test samples, which add a standard error of {size} points; "
            "more seeds do not lower it."
        )
    return f"The {_from_to(samples)} test samples add a standard error of {size} points."


def _from_to(numbers: Collection[float]) -> str:
    return " to ".join(dict.fromkeys(f"{number:,.0f}" for number in (min(numbers), max(numbers))))

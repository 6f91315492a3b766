"""The figures that a reader is shown first: what each algorithm settled at, and when it held the target."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from analysis.goal import Goal, Target
from analysis.settled import (
    SETTLE,
    Evaluation,
    averaged_said,
    held_from,
    samples_said,
    sampling_error,
    settled_accuracy,
    with_errors,
)
from analysis.tasks import CLASSIFICATION, NEXT_TOKEN, counts_samples, worded

ACCURACY, HELD, SAMPLES = "settled_accuracy", "time_to_target_held_s", "evaluated_samples"
LOSS = "final_loss"
LOSS_SAID = "Loss is the mean cross-entropy of a token at the last evaluation, in nats; perplexity is its exponential."


def accuracy_of(frame: pd.DataFrame) -> str:
    """Return the column of the accuracy: the settled one, or the last one in sweeps of earlier versions."""
    return ACCURACY if ACCURACY in frame and frame[ACCURACY].notna().any() else "final_accuracy"


def learned_of(frame: pd.DataFrame, task: str) -> str:
    """Return the column by which models are compared: the accuracy, or the loss at the end of language models."""
    return LOSS if task == NEXT_TOKEN else accuracy_of(frame)


def time_of(frame: pd.DataFrame) -> str:
    """Return the column of the time to the target: until it holds, or is reached in sweeps of earlier versions."""
    return HELD if HELD in frame else "time_to_target_s"


def settle_of(scenario: Mapping[str, Any]) -> int:
    """Return how many evaluations the settled accuracy of a scenario averages."""
    evaluation = scenario.get("evaluation")
    return int(evaluation.get("settle", SETTLE)) if isinstance(evaluation, Mapping) else SETTLE


def settled(summary: pd.DataFrame, rounds: pd.DataFrame, settle: int, target: Target | None) -> pd.DataFrame:
    """Return a summary with what a run of an earlier version did not write, computed from its rounds.

    Args:
        summary: a row for each trial.
        rounds: the running totals of these trials. If they do not count updates, rounds stand for them.
        settle: how many evaluations are averaged.
        target: the target, or None.
    """
    counted = rounds["updates"] if rounds["updates"].notna().all() else rounds["round"]
    known = rounds.assign(updates=counted)[rounds["accuracy"].notna()]
    columns = known[["updates", "sim_time_s", "accuracy", "loss"]]
    trials = {
        trial: [Evaluation(*row) for row in columns.loc[part.index].itertuples(index=False)]
        for trial, part in known.groupby(["label", "seed"])
    }
    evaluations = [trials.get(trial, []) for trial in zip(summary["label"], summary["seed"], strict=True)]
    return summary.assign(
        **{
            ACCURACY: pd.Series([settled_accuracy(own, settle) for own in evaluations], summary.index, "float64"),
            HELD: pd.Series([held_from(own, target) for own in evaluations], summary.index, "float64"),
        }
    )


def sampling_errors(summary: pd.DataFrame) -> dict[str, float]:
    """Return the sampling error of the mean accuracy of each label, where it is known and not 0."""
    column, errors = accuracy_of(summary), {}
    for label, rows in summary.groupby("label", sort=False):
        accuracy, samples = float(rows[column].mean()), _samples(rows)
        error = sampling_error(accuracy, samples) if samples and accuracy == accuracy else 0.0
        if error:
            errors[str(label)] = error
    return errors


def accuracy_said(rows: pd.DataFrame) -> str:
    """Return the accuracy of trials that differ in their seeds only, with its two errors as `with_errors` has them."""
    values = rows[accuracy_of(rows)].dropna()
    return with_errors(list(values), float(values.std()), _samples(rows.loc[values.index]))


def headline_said(summary: pd.DataFrame, settles: Collection[int], task: str = CLASSIFICATION) -> list[str]:
    """Return sentences on what the settled accuracy is and on its sampling error; none without such an accuracy.

    Of language models they say what loss and perplexity are, and nothing of errors: the tokens of a text are not
    independent samples.

    Args:
        summary: a row for each trial.
        settles: how many evaluations are averaged: one number, unless scenarios differ in it.
        task: what the models learn.
    """
    if accuracy_of(summary) != ACCURACY:
        return []
    keys = [name for name in ("point", "label") if name in summary]
    means = summary.groupby(keys, sort=False)[ACCURACY].mean().dropna()
    samples = set(summary[SAMPLES].dropna()) if SAMPLES in summary else set()
    what = f"Settled accuracy is {averaged_said(settles)} after training began, or of all where there are fewer."
    if task == NEXT_TOKEN:
        return [LOSS_SAID, worded(what, task)]
    if not counts_samples(task):
        return [what]
    return [sentence for sentence in (what, samples_said(means, samples, summary["seed"].nunique() > 1)) if sentence]


def held_said(target: str, goal: Goal = "accuracy") -> str:
    """Return a sentence on when a target is reached, and when it holds.

    Args:
        target: what is reached, in words.
        goal: what it is of.
    """
    return (
        f"{target} is reached at the clock of the first evaluation at or {'below' if goal == 'loss' else 'above'} it, "
        "and held from that of the first of two in a row."
    )


def _samples(rows: pd.DataFrame) -> float | None:
    """Return on how many test samples some trials were evaluated; None if that is unknown, or not the same for all."""
    known = set(rows[SAMPLES].dropna()) if SAMPLES in rows and rows[SAMPLES].notna().all() else set()
    return float(known.pop()) if len(known) == 1 else None

"""What a trial settled at, in the files of a run and in words below its table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from analysis.goal import KINDS, Goal, Target
from analysis.settled import Evaluation, averaged_said, held_from, samples_said, settled_accuracy
from simulator.experiments.trial.learned_task import predicts_tokens
from simulator.settings.humanize import human, human_spread, scale

if TYPE_CHECKING:
    from simulator.experiments.run.csv_tables import Table
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Scenario


def settled(outcome: TrialResult, rounds: Table, scenario: Scenario) -> dict[str, float | None]:
    """Return the keys of a summary that do not hang on a single evaluation, and how many test samples there were.

    ``analysis.settled`` has the formulas.

    Args:
        outcome: the trial's result.
        rounds: its ``rounds_table``.
        scenario: its scenario, with the target and the number of evaluations that are averaged.
    """
    places = [rounds.columns.index(name) for name in ("updates", "sim_time_s", "accuracy", "loss")]
    target = Target.of(scenario.target_accuracy, scenario.target_loss)
    rows = (Evaluation(*(row[place] for place in places)) for row in rounds.rows)
    evaluations = [row for row in rows if row.accuracy is not None]
    return {
        "settled_accuracy": settled_accuracy(evaluations, scenario.evaluation.settle),
        "time_to_target_held_s": held_from(evaluations, target),
        "evaluated_samples": outcome.evaluated_samples or None,
    }


def spread(values: Sequence[float | None], of: Goal = "accuracy") -> str:
    """Return a mean accuracy and its standard deviation, such as "66.2 ± 3.1 %"; a dash if a seed has none.

    Args:
        values: the value with each seed.
        of: whether they are accuracies or losses.
    """
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return human(KINDS[of], None)
    mean = fmean(known)
    return human_spread(mean, stdev(known) if len(known) > 1 else nan, scale(KINDS[of], mean))


def said(scenario: Scenario, summaries: Mapping[str, Sequence[Mapping[str, Any]]], most: int) -> Iterator[str]:
    """Yield sentences on what the accuracies of a table are, on their errors, and on the time to the target.

    Args:
        scenario: the scenario.
        summaries: by label, what ``settled`` returns for each seed, and more.
        most: the most evaluations after training began that any trial has.
    """
    by_label = {label: [row["settled_accuracy"] for row in rows] for label, rows in summaries.items()}
    means = [fmean(values) for values in by_label.values() if None not in values]
    if not means:
        return
    seeds = len(scenario.seeds)
    over = f", ± its standard deviation over {seeds} seeds" if seeds > 1 else ""
    samples = {row["evaluated_samples"] for rows in summaries.values() for row in rows} - {None}
    averaged = averaged_said([min(scenario.evaluation.settle, most)])
    if predicts_tokens(scenario):
        yield f"Loss and perplexity are those of the last evaluation, token accuracy is {averaged}{over}."
    else:
        yield f"Accuracy is {averaged}{over}. {samples_said(means, samples, several=seeds > 1)}".rstrip()
    target = Target.of(scenario.target_accuracy, scenario.target_loss)
    if target is not None:
        goal = target.said if target.goal == "loss" else f"{target.value:.0%}"
        yield f"The time to {goal} is that of the first of two evaluations in a row that reach it."

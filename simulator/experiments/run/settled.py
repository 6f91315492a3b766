"""What a trial settled at, in the files of a run and in words below its table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from analysis.settled import Evaluation, averaged_said, held_from, samples_said, settled_accuracy
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
        scenario: its scenario, with the target accuracy and the number of evaluations that are averaged.
    """
    places = [rounds.columns.index(name) for name in ("updates", "sim_time_s", "accuracy")]
    rows = (Evaluation(*(row[place] for place in places)) for row in rounds.rows)
    evaluations = [row for row in rows if row.accuracy is not None]
    return {
        "settled_accuracy": settled_accuracy(evaluations, scenario.evaluation.settle),
        "time_to_target_held_s": held_from(evaluations, scenario.target_accuracy),
        "evaluated_samples": outcome.evaluated_samples or None,
    }


def spread(values: Sequence[float | None]) -> str:
    """Return a mean accuracy and its standard deviation, such as "66.2 ± 3.1 %"; a dash if a seed has none."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return human("fraction", None)
    mean = fmean(known)
    return human_spread(mean, stdev(known) if len(known) > 1 else nan, scale("fraction", mean))


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
    what = f"Accuracy is {averaged_said([min(scenario.evaluation.settle, most)])}{over}."
    yield f"{what} {samples_said(means, samples, several=seeds > 1)}".rstrip()
    if scenario.target_accuracy is not None:
        target = f"{scenario.target_accuracy:.0%}"
        yield f"The time to {target} is that of the first of two evaluations in a row that reach it."

"""Whether the tables and the summary of a run say what its ledgers say."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from analysis.goal import Target
from analysis.reading import RunError, first_line
from analysis.settled import SETTLE, Evaluation, held_from, settled_accuracy
from analysis.tasks import CLASSIFICATION, perplexity
from simulator.accounting.ledger import Ledger
from simulator.accounting.tiers import edge_traffic
from simulator.accounting.usage import active_energy
from simulator.accounting.waste import UNFINISHED, lost_updates, mean_staleness, total
from simulator.experiments.run.costs import COLUMNS, cost_rows, has_costs, to_target
from simulator.experiments.run.csv_tables import Table
from simulator.experiments.run.personal import PERSONAL
from simulator.experiments.run.round_costs import round_costs
from simulator.experiments.run.server_tables import (
    critical_path_table,
    queues_table,
    segments_table,
    server_summary,
    waits_table,
)
from simulator.experiments.run.tables import breakdown_table, rounds_table, waste_table
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.verify.check import same, shown
from simulator.settings.csv_cells import unescaped_row

Rows = list[dict[str, str]]

MADE: dict[str, Callable[[TrialResult], Table]] = {
    "rounds.csv": rounds_table,
    "breakdown.csv": breakdown_table,
    "queues.csv": queues_table,
    "waits.csv": waits_table,
    "critical_path.csv": critical_path_table,
    "waste.csv": waste_table,
    "costs.csv": lambda outcome: Table(COLUMNS, cost_rows(outcome) if has_costs(outcome) else []),
}
"""By table of a run, what makes its rows of one trial."""
OPTIONAL = frozenset({"queues.csv", "waits.csv", "critical_path.csv", "waste.csv", "costs.csv"})
"""Tables that a run may lack: it has nothing to say there, or is of an earlier version."""


@dataclass
class Tables:
    """The CSV tables of a run.

    Attributes:
        folder: the folder of the run.
    """

    folder: Path

    def __post_init__(self) -> None:
        self._read: dict[str, Rows | None] = {}

    def rows(self, name: str, told: Mapping[str, Any] | None = None) -> Rows | None:
        """Return the rows of a table, or those of one trial; None if there is no such table.

        Raises:
            RunError: it cannot be read.
        """
        if name not in self._read:
            path = self.folder / name
            self._read[name] = read_rows(path) if path.is_file() else None
        found = self._read[name]
        if found is None or told is None:
            return found
        return [row for row in found if (row.get("label"), row.get("seed")) == (told["label"], str(told["seed"]))]

    def differences(self, name: str, told: Mapping[str, Any], outcome: TrialResult) -> Iterator[str]:
        """Yield where the rows of a trial differ from what its ledger gives."""
        written = self.rows(name, told)
        made = MADE[name](outcome)
        if written is None:
            if made.rows and name not in OPTIONAL:
                yield f"{name}: this file is missing"
            return
        if len(written) != len(made.rows):
            of = f"{told['label']}-{told['seed']}"
            yield f"{name}: has {len(written)} rows of {of}, and by the ledger {len(made.rows)}"
            return
        for place, (row, values) in enumerate(zip(written, made.rows, strict=True)):
            for column, value in zip(made.columns, values, strict=True):
                if column in row and not same(row[column], value):
                    at = f"row {place} of {told['label']}-{told['seed']}: {column}"
                    yield f"{name}: {at} is {shown(row[column])}, and by the ledger {shown(value)}"

    def foreign(self, trials: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """Yield rows of trials that the summary does not have."""
        known = {(trial["label"], str(trial["seed"])) for trial in trials}
        for name in MADE:
            try:
                rows = self.rows(name) or []
            except RunError as error:
                yield str(error)
                continue
            for row in rows:
                if (row.get("label"), row.get("seed")) not in known:
                    yield f"{name}: has a row of {row.get('label')}-{row.get('seed')}, which summary.json lacks"
                    break


def read_rows(path: Path) -> Rows:
    """Return the rows of a CSV file, as they were before they were written.

    Raises:
        RunError: it cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [unescaped_row(row) for row in csv.DictReader(file)]
    except (OSError, ValueError, csv.Error) as error:
        raise RunError(f"{path}: cannot be read: {first_line(error)}") from error


def summary_differences(
    told: Mapping[str, Any], rows: Rows, outcome: TrialResult, scenario: Mapping[str, Any], task: str = CLASSIFICATION
) -> Iterator[str]:
    """Yield where the entry of a trial in ``summary.json`` differs from what its ledger and its scores give.

    Args:
        told: the entry.
        rows: the trial's rows of ``rounds.csv``.
        outcome: the trial, rebuilt.
        scenario: the content of ``scenario.yaml``.
        task: what the models learn, as ``summary.json`` says.
    """
    made = _from_ledger(outcome) | _from_scores(rows, outcome, scenario)
    made["perplexity"] = perplexity(made["final_loss"], task)
    for key, value in made.items():
        if key in told and not same(told[key], value):
            name = f"summary.json: {key} of {told['label']}-{told['seed']}"
            yield f"{name} is {shown(told[key])}, and by the ledger {shown(value)}"


def _from_ledger(outcome: TrialResult) -> dict[str, Any]:
    """Return the keys of a summary that the ledger gives."""
    rounds = rounds_table(outcome)
    last = dict(zip(rounds.columns, rounds.rows[-1], strict=True))
    ledger, lost = outcome.ledger, lost_updates(outcome.ledger)
    updates = sum(row.updates for row in ledger.rounds)
    totals = "bytes_up", "bytes_down", "client_flops", "server_flops", "client_energy_j", "server_energy_j"
    provisioned = outcome.totals.of(lambda kind: (kind.activity, kind.phase) == ("download", "provisioning"))
    return {
        **{name: last[name] for name in totals},
        "rounds": last["round"],
        "sim_time_s": last["sim_time_s"],
        "bytes_provisioning": provisioned.bytes,
        **edge_traffic(ledger),
        "client_active_energy_j": active_energy(outcome.uses, outcome.power),
        "updates": updates,
        "lost_updates": lost.total() - lost[UNFINISHED],
        "unfinished_updates": lost[UNFINISHED],
        "empty_rounds": sum((not row.updates) + row.empty for row in ledger.rounds),
        "mean_staleness": mean_staleness(ledger),
        "energy_per_update_j": last["client_energy_j"] / updates if updates else None,
        **{f"wasted_{name}": value for name, value in total(outcome.waste.values())._asdict().items()},
        **server_summary(outcome),
        **round_costs(outcome),
        "cost_usd": outcome.cost_usd,
        "carbon_kg": outcome.carbon_kg,
    }


def _from_scores(rows: Rows, outcome: TrialResult, scenario: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a summary that the scores in ``rounds.csv`` give."""
    scores = [(point, point.score) for point in outcome.rounds if point.score]
    target = Target.written(scenario)
    evaluation = scenario.get("evaluation")
    settle = evaluation.get("settle", SETTLE) if isinstance(evaluation, Mapping) else SETTLE
    evaluations = [
        Evaluation(float(row["updates"]), float(row["sim_time_s"]), float(row["accuracy"]), float(row["loss"] or "nan"))
        for row in rows
        if row["accuracy"] and row.get("updates")
    ]
    final = scores[-1][1] if scores else None
    reached = (point.sim_time_s for point, score in scores if target is not None and target.reached_by(score))
    personal = final[2:6] if final else (None,) * 4
    return {
        "final_accuracy": final.accuracy if final else None,
        "best_accuracy": max((score.accuracy for _, score in scores), default=None),
        "final_loss": final.loss if final and isfinite(final.loss) else None,
        "time_to_target_s": next(reached, None),
        "settled_accuracy": settled_accuracy(evaluations, settle),
        "time_to_target_held_s": held_from(evaluations, target),
        **dict(zip(PERSONAL, personal, strict=True)),
        **to_target(outcome, target),
    }


def moments(rows: Rows, ledger: Ledger, name: str, end: float) -> Iterator[str]:
    """Yield which rows of ``rounds.csv`` are not at the end of their round; the last is at the end of the trial."""
    ends = {row.round: row.start + row.seconds for row in ledger.rounds} | {0: 0.0}
    for place, row in enumerate(rows):
        number, at = int(row["round"]), float(row["sim_time_s"])
        expected = end if place == len(rows) - 1 else ends.get(number)
        if expected is None:
            yield f"rounds.csv: row {place} of {name} is of round {number}, which the ledger lacks"
        elif abs(at - expected) > 1e-9 * max(1.0, end):
            yield f"rounds.csv: row {place} of {name}: sim_time_s is {at}, and by the ledger {expected}"


def path_differences(stored: Path, outcome: TrialResult) -> Iterator[str]:
    """Yield where the critical paths beside a ledger differ from those that it gives."""
    if not stored.is_file():
        return
    from pyarrow import parquet

    written, made = parquet.read_table(stored).to_pylist(), segments_table(outcome).arrow().to_pylist()
    if len(written) != len(made):
        yield f"{stored.name}: has {len(written)} segments, and by the ledger {len(made)}"
        return
    for place, (row, segment) in enumerate(zip(written, made, strict=True)):
        for column, value in segment.items():
            if column in row and not same(row[column], value):
                yield f"{stored.name}: row {place}: {column} is {shown(row[column])}, and by the ledger {shown(value)}"

"""The tables and files that a run writes into its folder."""

from __future__ import annotations

import json
import platform
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version
from itertools import chain
from math import isfinite
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.goal import Target
from analysis.tasks import perplexity
from simulator.accounting.columns.exact import grouped
from simulator.accounting.tables import Table as Rows
from simulator.accounting.tiers import edge_traffic
from simulator.accounting.usage import active_energy
from simulator.accounting.waste import UNFINISHED, Waste, lost_updates, marked, mean_staleness, total
from simulator.experiments.run.coded_table import Cells, CodedTable
from simulator.experiments.run.costs import COLUMNS, COSTS, cost_rows, has_costs, running_costs, to_target
from simulator.experiments.run.csv_tables import Table, write_csv
from simulator.experiments.run.personal import PERSONAL, participants, personal
from simulator.experiments.run.plugins import plugins_in
from simulator.experiments.run.round_costs import round_costs
from simulator.experiments.run.server_tables import (
    critical_path_table,
    queues_table,
    segments_table,
    server_summary,
    waits_table,
)
from simulator.experiments.run.settled import settled
from simulator.experiments.trial.learned_task import task_of
from simulator.scenario.ignored import not_looked_at
from simulator.settings.disk import written
from simulator.settings.files import write_text

if TYPE_CHECKING:
    import pandas as pd

    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Scenario

Summary = dict[str, Any]
SUMMARY, LEDGER = "summary.json", "ledger"
"""Names in the folder of a run; ``folders`` tells by the first two whether a folder holds one."""
TOTALS = ("bytes_up", "bytes_down", "client_flops", "server_flops", "client_energy_j", "server_energy_j")
PACKAGES = ("torch", "timm", "simpy", "fvcore", "numpy", "pandas", "pillow", "scikit-learn", "pydantic")
"""Packages on whose versions learned figures depend."""


def summarise(outcome: TrialResult, target: Target | float | None, rounds: Table | None = None) -> Summary:
    """Return one trial in SI units: the keys of ``summary.json`` but those that ``summary_of`` joins.

    A new figure is shown only where its key is also named: in ``analysis.measures`` for the table of a run's report, in
    ``analysis.interactive.sweep`` for the page of a sweep, in ``analysis.sweep_figures`` for its figures, and in
    ``run`` of this package for the table that a run prints. ``analysis.quantities`` gives it a name in words, and tells
    its unit by its key; ``analysis.headline`` has what is shown first. A key in ``SUMMARY_COLUMNS`` of
    ``analysis.runs`` is demanded of older folders, too.

    Args:
        outcome: the trial's result.
        target: what is to be reached; a number is an accuracy; None: nothing.
        rounds: the trial's ``rounds_table``, if it was built already.
    """
    scores = [point.score for point in outcome.rounds if point.score]
    final = scores[-1] if scores else None
    wanted = Target.read(target)
    reached = (p.sim_time_s for p in outcome.rounds if p.score and wanted is not None and wanted.reached_by(p.score))
    rounds = rounds or rounds_table(outcome)
    last = dict(zip(rounds.columns, rounds.rows[-1], strict=True))
    updates, energy = _updates(outcome), float(last["client_energy_j"])
    provisioned = outcome.totals.of(lambda kind: (kind.activity, kind.phase) == ("download", "provisioning"))
    return {
        "algorithm": outcome.entry.name,
        "label": outcome.entry.label,
        "seed": outcome.seed,
        "rounds": outcome.rounds[-1].round,
        "final_accuracy": final.accuracy if final else None,
        "best_accuracy": max(score.accuracy for score in scores) if scores else None,
        "final_loss": final.loss if final and isfinite(final.loss) else None,
        "sim_time_s": outcome.rounds[-1].sim_time_s,
        "time_to_target_s": next(reached, None),
        "bytes_up": int(last["bytes_up"]),
        "bytes_down": int(last["bytes_down"]),
        "bytes_provisioning": provisioned.bytes,
        **edge_traffic(outcome.ledger),
        "client_flops": int(last["client_flops"]),
        "server_flops": int(last["server_flops"]),
        "client_energy_j": energy,
        "client_active_energy_j": active_energy(outcome.uses, outcome.power),
        "server_energy_j": float(last["server_energy_j"]),
        "peak_client_memory_bytes": outcome.peak_client_memory_bytes,
        "peak_server_memory_bytes": outcome.peak_server_memory_bytes,
        "devices_too_small": sorted(outcome.without),
        "cuts": _cuts(outcome),
        "trainable_parameters": outcome.trainable_parameters,
        "wall_time_s": outcome.wall_time_s,
        **dict(zip(PERSONAL[:2], personal(final)[:2], strict=True)),
        "standstill": outcome.standstill or None,
        "not_looked_at": not_looked_at(outcome.entry.algorithm, outcome.entry.training),
        **updates,
        "energy_per_update_j": energy / updates["updates"] if updates["updates"] else None,
        **{f"wasted_{name}": value for name, value in total(outcome.waste.values())._asdict().items()},
        **server_summary(outcome),
        **{name: getattr(outcome, name) for name in COSTS},
    }


def summary_of(outcome: TrialResult, scenario: Scenario, rounds: Table | None = None) -> Summary:
    """Return one trial in SI units, with all keys of ``summary.json``.

    Args:
        outcome: the trial's result.
        scenario: its scenario, with the target.
        rounds: the trial's ``rounds_table``, if it was built already.
    """
    target, rounds = Target.of(scenario.target_accuracy, scenario.target_loss), rounds or rounds_table(outcome)
    summary = summarise(outcome, target, rounds) | participants(outcome) | to_target(outcome, target)
    summary["perplexity"] = perplexity(summary["final_loss"], task_of(scenario))
    return summary | settled(outcome, rounds, scenario) | round_costs(outcome)


def _updates(outcome: TrialResult) -> Summary:
    """Return the figures of a summary that count updates: how many were used and lost, and how stale they were."""
    ledger, lost = outcome.ledger, lost_updates(outcome.ledger)
    return {
        "updates": sum(row.updates for row in ledger.rounds),
        "lost_updates": lost.total() - lost[UNFINISHED],
        "unfinished_updates": lost[UNFINISHED],
        "empty_rounds": sum((not row.updates) + row.empty for row in ledger.rounds),
        "mean_staleness": mean_staleness(ledger),
    }


def _cuts(outcome: TrialResult) -> list[dict[str, str | int]]:
    """Return the cut of each device, if a policy chose them."""
    places = getattr(outcome.entry.algorithm, "placement", {})
    return [{"device": device, "head": place.head, "tail": place.tail} for device, place in places.items()]


def rounds_frame(outcome: TrialResult) -> pd.DataFrame:
    """Return ``rounds_table`` as a pandas frame."""
    return rounds_table(outcome).frame()


def rounds_table(outcome: TrialResult) -> Table:
    """Return the accuracy and the running totals after each round, with the columns of ``rounds.csv``."""
    columns: tuple[str, ...] = ("algorithm", "label", "seed", "round", "sim_time_s", "accuracy", "loss")
    trial = outcome.entry.name, outcome.entry.label, outcome.seed
    rows = []
    aggregated: dict[int, int] = defaultdict(int)
    for row in outcome.ledger.rounds:
        aggregated[row.round] += row.updates
    updates = 0
    for point, totals in zip(outcome.rounds, _totals(outcome), strict=True):
        score, updates = point.score, updates + aggregated.pop(point.round, 0)
        overall = (score.accuracy, score.loss) if score else (None, None)
        rows.append((*trial, point.round, point.sim_time_s, *overall, *totals, *personal(score), updates))
    columns = (*columns, *TOTALS, *PERSONAL, "updates")
    if not has_costs(outcome):
        return Table(columns, rows)
    running = zip(rows, running_costs(outcome), strict=True)
    return Table((*columns, *COSTS), [(*row, *spent) for row, spent in running])


def _totals(outcome: TrialResult) -> Iterator[tuple[float, ...]]:
    """Yield the running totals after each round, in the order of ``TOTALS``.

    The last also hold what was spent outside of rounds, and for a later one, whose end the trial did not see. Where a
    budget of time ended the trial, that is a row of its own: the same round a second time, at the end.
    """
    numbers: list[int | None] = [point.round for point in outcome.rounds]
    known, numbers[-1] = set(numbers[:-1]) - {0}, None
    sent = outcome.totals.by(lambda kind: (kind.round if kind.round in known else None, kind.side, kind.activity))
    spent = outcome.totals.by(lambda kind: (kind.round if kind.round in known else None, kind.side))
    running: list[float] = [0] * len(TOTALS)
    for number in numbers:
        increments = (
            *(sent[number, "client", activity].bytes for activity in ("upload", "download")),
            *(spent[number, side].flops for side in ("client", "server")),
            *(spent[number, side].energy_j for side in ("client", "server")),
        )
        running = [before + more for before, more in zip(running, increments, strict=True)]
        yield tuple(running)


def breakdown_frame(outcome: TrialResult) -> pd.DataFrame:
    """Return ``breakdown_table`` as a pandas frame."""
    return breakdown_table(outcome).frame()


def breakdown_table(outcome: TrialResult) -> Table:
    """Return seconds, bytes, FLOPs and joules by side, phase and activity, with the columns of ``breakdown.csv``."""
    parts = outcome.totals.by(lambda kind: (kind.side, kind.phase, kind.activity))
    trial = outcome.entry.name, outcome.entry.label, outcome.seed
    rows = [
        (*trial, *kind, spent.seconds, spent.bytes, spent.flops, spent.energy_j)
        for kind, spent in sorted(parts.items(), key=itemgetter(0))
    ]
    kinds = "algorithm", "label", "seed", "side", "phase", "activity"
    return Table((*kinds, "seconds", "bytes", "flops", "energy_j"), rows)


def waste_table(outcome: TrialResult) -> Table:
    """Return what was spent in vain, with the columns of ``waste.csv``: a row for each reason.

    The file is written only if a trial has such a row.
    """
    trial, lost = (outcome.entry.name, outcome.entry.label, outcome.seed), lost_updates(outcome.ledger)
    reasons = sorted({*lost, *outcome.waste} - {UNFINISHED})
    rows = [(*trial, reason, lost[reason], *outcome.waste.get(reason, Waste())) for reason in reasons]
    return Table(("algorithm", "label", "seed", "reason", "attempts", *Waste._fields), rows)


def clients_table(outcome: TrialResult) -> CodedTable:
    """Return the number of samples of each class on each client, with the columns of ``clients.csv``.

    Classes of which a client has no sample are left out. All algorithms share the partition of a seed.
    """
    counts = outcome.class_counts
    samples, codes = grouped(counts.samples)
    clients = [(outcome.seed, client, device) for client, device in zip(counts.clients, counts.groups, strict=True)]
    return CodedTable(
        ("seed", "client", "device", "class", "class_name", "samples"),
        (
            Cells(clients, counts.client),
            Cells(list(enumerate(counts.names)), counts.number),
            Cells([(number,) for number in samples.tolist()], codes),
        ),
    )


def environment(threads: int, device: str) -> dict[str, Any]:
    """Return what learned figures depend on besides the scenario: this machine, and the versions of ``PACKAGES``."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "threads": threads,
        "torch_device": device,
        "packages": {name: _version(name) for name in PACKAGES},
        "byteorder": sys.byteorder,
    }


_version = cache(version)  # ``version`` reads a file, and a sweep calls it for each of its trials


def write(
    folder: Path, scenario: Scenario, outcomes: Sequence[TrialResult], dry: bool, device: str, ledger: bool = True
) -> list[Summary]:
    """Write everything that a run leaves, except its figures and its report, into an existing folder.

    The value is the summary of each trial.

    Args:
        folder: the folder to write into.
        scenario: the scenario that was run.
        outcomes: the results of its trials; at least one.
        dry: whether the trials were dry runs.
        device: the torch device that computed them: ``meta``, ``cuda`` or ``cpu``.
        ledger: also write the ledger of every trial; timelines and traces need it.
    """
    rounds = [rounds_table(outcome) for outcome in outcomes]
    trials = [summary_of(outcome, scenario, own) for outcome, own in zip(outcomes, rounds, strict=True)]
    head = {"scenario": scenario.name, "version": _version("sfsim"), "dry": dry, "task": task_of(scenario)}
    summary = head | {"trials": trials}
    write_text(folder / SUMMARY, json.dumps(summary, indent=2, allow_nan=False) + "\n")
    write_text(folder / "scenario.yaml", scenario.resolved())
    made_with = environment(scenario.threads, device) | plugins_in(folder, scenario)
    write_text(folder / "environment.json", json.dumps(made_with, indent=2) + "\n")
    by_seed = {outcome.seed: outcome for outcome in outcomes}
    write_csv(folder / "rounds.csv", rounds)
    write_csv(folder / "breakdown.csv", [breakdown_table(outcome) for outcome in outcomes])
    write_csv(folder / "clients.csv", [clients_table(outcome) for outcome in by_seed.values()])
    write_csv(folder / "queues.csv", [queues_table(outcome) for outcome in outcomes])
    write_csv(folder / "waits.csv", [waits_table(outcome) for outcome in outcomes])
    write_csv(folder / "critical_path.csv", [critical_path_table(outcome) for outcome in outcomes])
    wasted = [waste_table(outcome) for outcome in outcomes]
    if any(table.rows for table in wasted):
        write_csv(folder / "waste.csv", wasted)
    if any(has_costs(outcome) for outcome in outcomes):
        write_csv(folder / "costs.csv", [Table(COLUMNS, cost_rows(outcome)) for outcome in outcomes])
    for outcome in outcomes if ledger else ():
        _write_ledger(folder / LEDGER / f"{outcome.entry.label}-{outcome.seed}", outcome)
    return trials


def _write_ledger(folder: Path, outcome: TrialResult) -> None:
    """Write the ledger of a trial into a new folder, as one Parquet file for each table.

    Works and transfers are written as ``waste.marked`` returns them. With them go the critical paths of its rounds.
    """
    with written(folder):
        folder.mkdir(parents=True)
    for name, table in (outcome.ledger.tables() | marked(outcome.ledger)._asdict()).items():
        if name in ("charges", "waits") and not len(table):  # the world has no batteries, or no such waits
            continue
        _write_parquet(folder / f"{name}.parquet", table)
    _write_parquet(folder / "critical_path.parquet", segments_table(outcome))


def _write_parquet(path: Path, table: Rows[Any]) -> None:
    """Write a table as a Parquet file, chunk by chunk."""
    from pyarrow import parquet

    batches = table.batches()
    first = next(batches)
    with written(path), path.open("wb") as file:  # Python's own: Arrow takes no path that is not UTF-8
        with parquet.ParquetWriter(file, first.schema) as writer:
            for batch in chain((first,), batches):
                writer.write_batch(batch)

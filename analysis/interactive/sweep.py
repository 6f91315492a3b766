"""The data from which the page of a sweep draws: a row for each point and label, and the winners at each point."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.axes import Axis, short_names
from analysis.break_even import undecided_at, winners_by_place
from analysis.headline import LOSS, accuracy_of, learned_of, time_of
from analysis.interactive.figure import Look, number
from analysis.measures import SPENT, nonzero, present, uneven
from analysis.quantities import Measure
from analysis.sweeps import DONE, Sweep

if TYPE_CHECKING:
    from pandas.core.groupby import DataFrameGroupBy

MEASURES = (
    *("sim_time_s", "bytes", "client_energy_j", "peak_client_memory_bytes"),
    *("cost_usd", "cost_to_target_usd", "carbon_kg", "carbon_to_target_kg", "final_accuracy", "time_to_target_s"),
    *("personal_accuracy", "personal_accuracy_worst_decile", "bytes_up", "bytes_down", "bytes_provisioning"),
    *("client_flops", "server_flops", "server_energy_j", "peak_server_memory_bytes", "best_accuracy"),
    *("personal_accuracy_participants", "personal_accuracy_participants_worst_decile"),
)
UPDATES = ("updates", "energy_per_update_j")
SERVER = ("server_utilisation", "server_wait_s")
EDGES = ("bytes_edge_up", "bytes_edge_down")
LOSSES = ("lost_updates", "mean_staleness", "wasted_device_seconds", "wasted_bytes", "wasted_flops", "wasted_energy_j")
"""The measures that a page offers after accuracy and the time to the target, most wanted first.

If a sweep has too many points, the last are left out.

Those of updates are offered only where not all trials aggregate the same, those of the server where works waited for
it, those of edges where these sent anything of their own, and those of losses where there are any.
"""

_FEWEST_MEASURES = 6
_MOST_CHARACTERS = 600_000
# If a smaller share of a grid's places has a point, it has more holes than cells.
_FULL_ENOUGH = 0.5


def sweep_data(sweep: Sweep) -> dict[str, Any]:
    """Return all that the page of a sweep draws and lists, as JSON: axes, measures, labels, rows and winners.

    A row is `[point, label, [index on each axis], status, [mean of each measure], [[low, high], ...] or 0, seeds]`,
    where seeds is how many have a value: one number, or one per measure if they differ. `winners` has, for each point
    in the order of `points` and each measure, the labels that win there: nobody by the number of updates, nor by what
    the budget limits. `left_out` is the number of points for which
    there was no room.
    """
    measures = _measures(sweep)
    rows = _rows(sweep, measures)
    size = len(_json(rows))
    if size > _MOST_CHARACTERS and len(measures) > _FEWEST_MEASURES:
        measures = measures[:_FEWEST_MEASURES]
        rows = _rows(sweep, measures)
        size = len(_json(rows))
    points = list(dict.fromkeys(row[0] for row in rows))
    kept = points[: math.floor(len(points) * min(1.0, _MOST_CHARACTERS / size))]
    rows = [row for row in rows if row[0] <= kept[-1]]
    names, spent = short_names([axis.key for axis in sweep.axes]), SPENT.get(sweep.limited)
    return {
        "axes": [_axis(axis, names[axis.key]) for axis in sweep.dimensions],
        "measures": [_measure(what) for what in measures],
        "labels": [{"name": label} | vars(Look.of(place)) for label, place in sweep.places.items()],
        "points": kept,
        "rows": rows,
        "winners": [
            [[] if what.column in (spent, "updates") else won for what, won in zip(measures, by_measure, strict=True)]
            for by_measure in winners_at(sweep, measures, kept)
        ],
        "full": full_enough(sweep),
        "left_out": len(points) - len(kept),
    }


def full_enough(sweep: Sweep) -> bool:
    """Return whether at least half of the grid's places hold a point, and none holds two.

    In a sample, few places may hold one. With axes that move as one, a place may hold two points that differ only in an
    axis that is not drawn.
    """
    points = sweep.summary.drop_duplicates("point")
    keys = [axis.key for axis in sweep.dimensions]
    shared = bool(points.duplicated(keys).any()) if keys else len(points) > 1
    return not shared and len(points) >= _FULL_ENOUGH * math.prod(len(axis.values) for axis in sweep.dimensions)


def _measures(sweep: Sweep) -> list[Measure]:
    known = sweep.summary
    learned = learned_of(known, sweep.task)
    further = ("perplexity", accuracy_of(known)) if learned == LOSS else ()
    wanted = dict.fromkeys((learned, *further, time_of(known), *MEASURES))
    if sweep.goal == "loss":
        wanted[LOSS] = None
    columns = [column for column in wanted if present(known, column)]
    columns += [column for column in UPDATES if uneven(known) and present(known, column)]
    columns += [column for column in SERVER if nonzero(known, "server_wait_s") and present(known, column)]
    columns += [column for column in (*EDGES, *LOSSES) if nonzero(known, column)]
    return [sweep.measure(column) for column in columns]


def _axis(axis: Axis, name: str) -> dict[str, Any]:
    return {
        "key": axis.key,
        "name": name,
        "ticks": list(axis.ticks),
        "positions": [number(value) for value in axis.positions],
        "log": axis.logarithmic,
    }


def _measure(what: Measure) -> dict[str, Any]:
    return {"column": what.column, "name": what.name, "kind": what.kind, "more": what.more_is_better}


def _rows(sweep: Sweep, measures: Sequence[Measure]) -> list[list[Any]]:
    """Return the rows described in `sweep_data`, by point and then by label."""
    grouped = _by_point_and_label(sweep, measures)
    mean, low, high, count = (
        table.to_numpy() for table in (grouped.mean(), grouped.min(), grouped.max(), grouped.count())
    )
    axes = {axis.key: {value: index for index, value in enumerate(axis.values)} for axis in sweep.dimensions}
    labels = {label: index for index, label in enumerate(sweep.labels)}
    values, status = {key: sweep.summary[key].tolist() for key in axes}, sweep.summary["status"].tolist()
    rows: list[list[Any]] = []
    for line, ((point, label), seeds) in enumerate(sweep.seeds_at.items()):
        several = bool((np.nan_to_num(low[line]) < np.nan_to_num(high[line])).any())
        spread = [[number(float(a), 5), number(float(b), 5)] for a, b in zip(low[line], high[line], strict=True)]
        rows.append(
            [
                point,
                labels[label],
                [indices[values[key][seeds[0]]] for key, indices in axes.items()],
                next((status[row] for row in seeds if status[row] != DONE), DONE),
                [number(float(value), 5) for value in mean[line]],
                spread if several else 0,
                [int(seen) for seen in count[line]] if (count[line] < len(seeds)).any() else len(seeds),
            ]
        )
    return sorted(rows, key=lambda row: (row[0], row[1]))


def _by_point_and_label(sweep: Sweep, measures: Sequence[Measure]) -> DataFrameGroupBy:
    """Return the values of the measures, a column each, grouped by point and label: a group's rows are its seeds."""
    values = pd.DataFrame({index: what.values(sweep.summary) for index, what in enumerate(measures)})
    return values.groupby([sweep.summary["point"], sweep.summary["label"]], sort=False)


def winners_at(sweep: Sweep, measures: Sequence[Measure], points: Sequence[int]) -> list[list[list[int]]]:
    """Return the labels that win at each point in each measure, as `analysis.break_even` decides.

    Args:
        sweep: the sweep.
        measures: the measures.
        points: the points.

    Returns:
        For each point and each measure, the indices of the winning labels in the scenario.
    """
    grouped = _by_point_and_label(sweep, measures)
    # The mean of a label that lacks a value for some seed does not compare with the others.
    means = grouped.mean().where(grouped.count().eq(grouped.size(), axis=0))
    labels = {label: index for index, label in enumerate(sweep.labels)}
    undecided = undecided_at(sweep, "point")
    won = []
    for index, what in enumerate(measures):
        points_and_labels = (means.index.get_level_values(level).tolist() for level in (0, 1))
        triples = zip(*points_and_labels, means[index].tolist(), strict=True)
        won.append(winners_by_place(triples, undecided, what.more_is_better))
    return [[[labels[name] for name in by_point.get(point, ())] for by_point in won] for point in points]


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))

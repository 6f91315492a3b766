"""Accuracy against a running cost: the curves behind the PNG figures and the interactive ones."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from analysis.runs import Run
from simulator.settings.humanize import Kind

Against = Literal["time", "bytes", "energy", "rounds", "updates", "money", "carbon"]


class Cost(NamedTuple):
    """A running cost against which accuracy is drawn.

    Attributes:
        columns: the columns of `rounds.csv` that add up to it.
        kind: the kind of quantity, which settles its unit.
        axis: the name of its axis.
    """

    columns: tuple[str, ...]
    kind: Kind
    axis: str


COSTS: dict[Against, Cost] = {
    "time": Cost(("sim_time_s",), "seconds", "simulated time"),
    "bytes": Cost(("bytes_up", "bytes_down"), "bytes", "traffic, up and down"),
    "energy": Cost(("client_energy_j",), "joules", "energy of the devices"),
    "rounds": Cost(("round",), "count", "rounds"),
    "updates": Cost(("updates",), "count", "updates aggregated"),
    "money": Cost(("cost_usd",), "usd", "cost, all payers"),
    "carbon": Cost(("carbon_kg",), "kg", "carbon emissions"),
}


def accuracy_curve(run: Run, label: str, against: Against = "time", column: str = "accuracy") -> pd.DataFrame:
    """Return the accuracy of one label against a running cost, over its seeds.

    Between two evaluations the earlier one holds, so each seed is a staircase. Mean, lowest and highest are taken at
    every step of any seed, over the seeds that have been evaluated by then. A seed that has ended keeps its last value,
    as its model does.

    Args:
        run: the run.
        label: the label of the algorithm entry.
        against: the running cost.
        column: the column of the rounds: `accuracy`, on the whole test set; `personal_accuracy`, the mean over devices,
            each with its own model on its own mix of classes; `personal_accuracy_worst_decile`, the same over the tenth
            of the devices that fare worst; or either with `personal_accuracy_participants` in place of
            `personal_accuracy`, over those of the devices that were in a cohort. Or `loss`, on the whole test set.

    Returns:
        A frame with the columns x (the cost, SI), mean, low, high and seeds (how many), one row per step; empty where
        nothing was evaluated (a dry run).
    """
    rows = run.rounds[(run.rounds["label"] == label) & run.rounds[column].notna()]
    cost = rows[list(COSTS[against].columns)].sum(axis=1)
    # Two evaluations at the same cost: the later one counts.
    stairs = {
        seed: pd.Series(part[column].to_numpy(), index=cost.loc[part.index].to_numpy()).groupby(level=0).last()
        for seed, part in rows.sort_values("round", kind="stable").groupby("seed")
    }
    grid = np.unique(np.concatenate([stair.index.to_numpy() for stair in stairs.values()])) if stairs else np.empty(0)
    values = pd.DataFrame({seed: stair.reindex(grid, method="ffill") for seed, stair in stairs.items()}, index=grid)
    return pd.DataFrame(
        {
            "x": grid,
            "mean": values.mean(axis=1).to_numpy(),
            "low": values.min(axis=1).to_numpy(),
            "high": values.max(axis=1).to_numpy(),
            "seeds": values.notna().sum(axis=1).to_numpy(),
        }
    )


def accuracy_curves(run: Run, against: Against = "time", column: str = "accuracy") -> dict[str, pd.DataFrame]:
    """Return the `accuracy_curve` of every label that was evaluated.

    Args:
        run: the run.
        against: the running cost.
        column: the column of the rounds that holds the accuracy.
    """
    curves = {label: accuracy_curve(run, label, against, column) for label in run.labels}
    return {label: curve for label, curve in curves.items() if not curve.empty}


def with_a_place(curve: pd.DataFrame, logarithmic: bool) -> pd.DataFrame:
    """Return the steps of a curve that can be drawn: a logarithmic axis has no place for a cost of zero."""
    return curve[curve["x"] > 0] if logarithmic else curve

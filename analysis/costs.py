"""What a run costs and emits, by payer, phase and item: means over seeds, and the table of a report."""

from __future__ import annotations

import pandas as pd

from analysis.losses import TextTable
from analysis.measures import present
from analysis.runs import Run
from simulator.settings.humanize import MISSING, Kind, human

PAYERS = {"operator": "operator", "edge": "edge servers", "devices": "owners of devices"}
"""Who pays, in the order of tables and bars: by the name in a table of costs, the name that a reader sees."""
KINDS: dict[str, Kind] = {"usd": "usd", "carbon_kg": "kg"}
"""The columns of a table of costs that are amounts, and their kinds of quantity."""
CAPTION = (
    "Who pays for what, and how much carbon their electricity emits: means over seeds. The operator has the server. "
    "Devices that do not take part draw nothing here."
)


def costs_by(run: Run, *keys: str) -> pd.DataFrame:
    """Return what was paid and emitted, mean over seeds, in the order of the labels and of the payers.

    Args:
        run: the run.
        keys: columns of the run's costs by which to sum, such as "payer" and "phase".

    Returns:
        A frame with the columns label, the keys, usd and carbon_kg; NaN where the run has no prices, or no carbon
        intensities.
    """
    costs = run.costs.assign(usd=pd.to_numeric(run.costs["usd"]), carbon_kg=pd.to_numeric(run.costs["carbon_kg"]))
    sums = costs.groupby(["label", *keys], sort=False)[list(KINDS)].sum(min_count=1).reset_index()
    seeds = sums["label"].map({label: len(run.seeds(label)) for label in run.labels})
    sums[list(KINDS)] = sums[list(KINDS)].div(seeds, axis=0)
    ranks = {"label": run.labels, "payer": list(PAYERS)}
    order = pd.DataFrame(
        {key: sums[key].map(ranks[key].index) if key in ranks else sums[key] for key in ("label", *keys)}
    )
    return sums.loc[order.sort_values(["label", *keys], kind="stable").index].reset_index(drop=True)


def cost_tables(run: Run) -> list[TextTable]:
    """Return the table of what each payer pays for, if there are prices or carbon intensities."""
    if run.costs.empty:
        return []
    there = [column for column in KINDS if present(run.costs, column)]
    heads = ("Algorithm", "Payer", "For", *({"usd": "Cost", "carbon_kg": "Carbon"}[column] for column in there))
    rows = [
        (row["label"], PAYERS[row["payer"]], row["item"], *(_text(column, row[column]) for column in there))
        for row in costs_by(run, "payer", "item").to_dict("records")
    ]
    return [TextTable("costs-table", "Who pays for what", heads, rows, CAPTION)]


def _text(column: str, value: float) -> str:
    """Return an amount in words; a dash for nothing, as for the carbon of what is no electricity."""
    return human(KINDS[column], value) if value else MISSING

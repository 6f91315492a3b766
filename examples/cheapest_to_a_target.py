"""What each trial of a run had cost when it reached the target, at each price list of a sweep, by payer.

sfsim run scenarios/prices.yaml --out runs/prices
python examples/cheapest_to_a_target.py runs/prices scenarios/sweeps/prices.yaml

What is learned does not depend on prices. So the run trains once; here each trial is simulated again up to the round in
which it reached the target, dry, at each of the lists.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd

from analysis import load_run
from simulator import load, run
from simulator.experiments.run.costs import COLUMNS, cost_rows
from simulator.experiments.sweep.settings import load as load_sweep


def costs_to_target(folder: Path, sweep: Path) -> pd.DataFrame:
    """Return what was paid and emitted up to the target, with the columns of costs.csv and the number of the list."""
    trained = load_run(folder)
    if trained.target is None:
        sys.exit(f"{folder}: its scenario has no target")
    rounds = trained.rounds[[trained.target.reached_by(row) for row in trained.rounds.itertuples()]]
    reached = rounds.groupby(["label", "seed"])["round"].min()
    parts = []
    for number, prices in enumerate(load_sweep(sweep).axes["prices"]):
        for (label, seed), until in reached.items():
            changes = [f"prices={json.dumps(prices)}", f"algorithms.{label}.training.rounds={until}"]
            scenario = load(folder / "scenario.yaml", changes)
            entry = next(entry for entry in scenario.algorithms if entry.label == label)
            rows = cost_rows(run(scenario, entry, seed, dry=True))
            parts.append(pd.DataFrame(rows, columns=COLUMNS).assign(list=number))
    return pd.concat(parts)


def main(folder: Path, sweep: Path) -> None:
    costs = costs_to_target(folder, sweep)
    costs.to_csv(folder / "costs_to_target.csv", index=False)
    for keys in ([], ["payer"], ["payer", "item"]):
        by_seed = costs.groupby(["list", *keys, "label", "seed"])[["usd", "carbon_kg"]].sum()
        means = by_seed.groupby(["list", *keys, "label"]).agg(["mean", "std", "count"])
        print(means.to_string(float_format="{:.3g}".format), end="\n\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""What one algorithm of a sweep saves against another, point by point."""

from __future__ import annotations

from dataclasses import replace

from analysis.runs import RunError
from analysis.sweeps import Sweep


def saving(sweep: Sweep, label: str, reference: str, measure: str = "sim_time_s") -> Sweep:
    """The rows of `label`, with a measure `saved`: 1 - its measure / that of `reference`, at the same point and seed.

    Below zero where it takes more. Raises RunError for labels or measures that the sweep has not.

    >>> plot_heat_map(saving(sweep, "pipeline", "in sequence"), "uplink.rate", "rate.fp32", "saved")  # doctest: +SKIP
    """
    for name in (label, reference):
        if name not in sweep.labels:
            raise RunError(f"{sweep.folder}: there is no label {name!r}; there are: {', '.join(sweep.labels)}")
    values = sweep.measure(measure).values(sweep.summary)
    frame = sweep.summary.assign(saved=values.astype(float))
    places = ["point", "seed"]
    against = frame.loc[frame["label"] == reference, [*places, "saved"]].rename(columns={"saved": "against"})
    rows = frame[frame["label"] == label].merge(against, on=places, how="left")
    rows["saved"] = 1 - rows["saved"] / rows["against"]
    return replace(sweep, summary=rows.drop(columns="against"))

"""What one algorithm of a sweep saves against another, point by point."""

from __future__ import annotations

from dataclasses import replace

from analysis.reading import RunError
from analysis.sweeps import Sweep


def saving(sweep: Sweep, label: str, reference: str, measure: str = "sim_time_s") -> Sweep:
    """Return the sweep with the rows of `label` only and a further measure, `saved`: the share that it saves.

    `saved` is 1 - (measure of `label`) / (measure of `reference`) at the same point and seed: below zero where `label`
    takes more.

    Args:
        sweep: the sweep.
        label: the label whose saving is computed.
        reference: the label with which it is compared.
        measure: the column of the summary that is compared, or `bytes`.

    Raises:
        RunError: the sweep has no such label or measure.

    >>> plot_heat_map(saving(sweep, "pipeline", "in sequence"), "uplink.rate", "rate.fp32", "saved")  # doctest: +SKIP
    """
    for name in (label, reference):
        if name not in sweep.labels:
            raise RunError(f"{sweep.folder}: there is no label {name!r}; there are: {', '.join(sweep.labels)}")
    values = sweep.measure(measure).values(sweep.summary)
    frame = sweep.summary.assign(saved=values.astype(float))
    keys = ["point", "seed"]
    against = frame.loc[frame["label"] == reference, [*keys, "saved"]].rename(columns={"saved": "against"})
    rows = frame[frame["label"] == label].merge(against, on=keys, how="left")
    rows["saved"] = 1 - rows["saved"] / rows["against"]
    return replace(sweep, summary=rows.drop(columns="against"))

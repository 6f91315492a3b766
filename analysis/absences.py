"""Who was away, why, how often and how long: what absences are called, and the rows of a small table of a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.runs import Run
from simulator.settings.humanize import human

_NAMES = {"": "away", "battery": "battery empty"}


def named(cause: str) -> str:
    """Return what an absence is called: "away", "battery empty", "outage", by its cause in the ledger.

    Args:
        cause: the cause; empty in runs of earlier versions.
    """
    return _NAMES.get(cause, cause)


def away_rows(name: str, run: Run, label: str) -> Iterator[tuple[str, ...]]:
    """Yield who was away with a label, devices first: a row for each group and cause.

    Args:
        name: the name under which the label is shown.
        run: the run.
        label: its label in the run.

    Yields:
        The name, the group, what the absence is called, how often (mean over seeds), the mean duration, the time of all
        sites of the group together (mean over seeds), and its share of their time.

    Raises:
        RunError: a ledger cannot be read.
    """
    trials = run.summary[run.summary["label"] == label]
    lengths = dict(zip(trials["seed"].astype(int), trials["sim_time_s"], strict=True))
    ledgers = {seed: run.folder / "ledger" / f"{label}-{seed}" for seed in lengths}
    known = {seed: run.absences(label, seed) for seed in lengths if (ledgers[seed] / "absences.parquet").is_file()}
    if all(table.empty for table in known.values()):
        return
    durations: dict[tuple[str, str], dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    whole: dict[tuple[str, str], float] = defaultdict(float)  # by role and group, as durations
    for seed, absences in known.items():
        sites = run.columns(label, seed, "sites", "name", "role", "group").set_index("name")
        for place, number in sites.groupby(["role", "group"], sort=False).size().items():
            whole[place] += lengths[seed] * number  # type: ignore[index]
        inside = _within(absences, lengths[seed])
        away = inside.join(sites, on="site")
        for (role, group, cause), rows in away.groupby(["role", "group", "cause"], sort=False):
            durations[str(role), str(group)][named(str(cause))].append(rows["seconds"].to_numpy())
    for place in sorted(whole, key=lambda place: place[0] != "device"):
        for what, lengths_away in sorted(durations[place].items()):
            total, times = float(sum(map(np.sum, lengths_away))), sum(map(len, lengths_away))
            often, each = human("count", times / len(known)), human("seconds", total / times)
            in_all, share = human("seconds", total / len(known)), human("fraction", total / whole[place])
            yield name, place[1], what, often, each, in_all, share


def _within(absences: pd.DataFrame, end: float) -> pd.DataFrame:
    """Return site, cause and seconds of each absence, as far as it lies before the end of the trial."""
    inside = (absences["start"] + absences["seconds"]).clip(upper=end) - absences["start"]
    return absences[["site", "cause"]].assign(seconds=inside)[inside > 0]

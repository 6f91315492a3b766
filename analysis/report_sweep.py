"""The report of a sweep: all of its points in a table, and what its axes do to each measure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import yaml

from analysis.interactive import timeline, where
from analysis.interactive.pareto import pareto_chart
from analysis.interactive.sweep import sweep_data, winners_at
from analysis.interactive.sweep_places import round_data, where_data
from analysis.pareto import settings_of, spots
from analysis.report_page import Swatch, facts_of, flat, section, write_page
from analysis.runs import read_json, read_yaml
from analysis.sweep_figures import write_sweep_figures
from analysis.sweeps import DONE, Sweep, opened
from simulator.settings.humanize import human

_MOST_FAILURES = 200
_TIE = "a tie"
_MOST_PLACED = 6
"""Of more labels it is not said where each is fastest."""
_ROOM = 1_000_000
"""Characters of data on a page, which with Plotly's 4.9 MB and the rest stays under 6 MB."""
_SINGLE = {"where": ("Where it goes", where.HOW_TO_READ), "round": ("One round", timeline.HOW_TO_READ)}
_ASKED = {"sim_time_s": "Least simulated time", "bytes": "Least traffic", "client_energy_j": "Least device energy"}


def write_sweep_report(sweep: str | Path | Sweep, figures: Sequence[Path] | None = None) -> Path:
    """Write `report.html` into a sweep's folder and return its path; trials that failed are listed with their message.

    `figures` are the pictures that `write_sweep_figures` has just drawn, of which the report tells; without them they
    are drawn anew. Raises RunError.
    """
    sweep = opened(sweep)
    folder = sweep.folder
    pictures = list(figures) if figures is not None else write_sweep_figures(sweep)
    plan = read_yaml(folder / "sweep.yaml")
    data, pareto = sweep_data(sweep), pareto_chart(sweep)
    room = _ROOM - len(json.dumps([data, pareto and pareto.figures]))
    rounds = round_data(sweep, room // 2)
    room -= len(json.dumps(rounds))
    single = {"where": where_data(sweep, room), "round": rounds}
    environment = folder / "environment.json"
    return write_page(
        folder / "report.html",
        "sweep.html.j2",
        [pareto] if pareto else [],
        {"sweep": data | single},
        title=sweep.name,
        dry=sweep.dry,
        version=sweep.version,
        facts=_facts(sweep, plan),
        highlights=sweep_highlights(sweep),
        failures=_failures(sweep),
        most_failures=_MOST_FAILURES,
        swatches=Swatch.all_of(sweep.labels),
        single=[(name, *_SINGLE[name], found["said"]) for name, found in single.items() if found],
        left_out=data["left_out"],
        full=data["full"],
        dimensions=len(sweep.dimensions),
        seeds=int(sweep.summary["seed"].nunique()),
        own=_yaml(
            {key: plan[key] for key in ("name", "axes", "zip", "sample") if key in plan} | {"scenario": "scenario.yaml"}
        ),
        scenario=_yaml(plan.get("scenario", {})),
        environment=list(flat(read_json(environment))) if environment.is_file() else [],
        pictures=[path.name for path in pictures],
    )


def _facts(sweep: Sweep, plan: object) -> list[tuple[str, str]]:
    scenario = section(plan, "scenario") if isinstance(plan, dict) else {}
    swept = {axis.key for axis in sweep.axes}
    trials = _trials(sweep)
    done = int((trials["status"] == DONE).sum())
    facts = [(axis.key, _all(axis.ticks) if len(axis.ticks) < 9 else _ends(axis.ticks)) for axis in sweep.axes]
    own = {"Rounds": "training.rounds", "Devices a round": "training.clients_per_round", "Model": "model.name"}
    facts += [(name, value) for name, value in facts_of(scenario) if own.get(name) not in swept and name != "Seeds"]
    points = sweep.summary["point"].nunique()
    return [*facts, ("Points", f"{points:,}"), ("Trials", f"{done:,} of {len(trials):,} done")]


def _all(ticks: Sequence[str]) -> str:
    return ("; " if any("," in tick for tick in ticks) else ", ").join(ticks)


def _ends(ticks: Sequence[str]) -> str:
    return f"{ticks[0]} to {ticks[-1]} ({len(ticks)} values)"


def sweep_highlights(sweep: Sweep) -> list[tuple[str, str, str]]:
    """The most accurate point, who wins how often at what it costs, and where each label is fastest.

    Each is (what, which label or where, how much).
    """
    found: list[tuple[str, str, str]] = []
    if sweep.summary["final_accuracy"].notna().any():
        best = max(spots(sweep), key=lambda spot: spot.accuracy)
        much = ", ".join(part for part in (human("fraction", best.accuracy), best.settings) if part)
        found.append(("Most accurate at the end", best.label, much))
    labels, status = sweep.labels, sweep.summary["status"].tolist()
    able = Counter(point for (point, _), rows in sweep.seeds_at.items() if any(status[row] == DONE for row in rows))
    contested = [point for point, rivals in able.items() if rivals > 1]
    if not contested:
        return [*found, *_fastest(sweep)]
    winning = winners_at(sweep, [sweep.measure(column) for column in _ASKED], contested)
    for said, won in zip(_ASKED.values(), zip(*winning, strict=True), strict=True):
        counts = Counter(labels[own[0]] if len(own) == 1 else _TIE for own in won if own)
        if counts:
            (first, times), *others = counts.most_common()
            rest = "".join(f"; {label} at {count:,}" for label, count in others[:2])
            found.append((said, first, f"at {times:,} of {len(won):,} points{rest}"))
    return [*found, *_fastest(sweep)]


def _fastest(sweep: Sweep) -> Iterator[tuple[str, str, str]]:
    """Where on the axes each label takes least time, if it makes a difference to it."""
    for label in sweep.labels if len(sweep.labels) <= _MOST_PLACED else ():
        rows = sweep.summary[sweep.summary["label"] == label]
        times = rows.groupby("point")["sim_time_s"].mean().dropna().map("{:.3g}".format)
        best = rows[rows["point"].isin(times.index[times == min(times, key=float, default="")])]
        if place := settings_of(sweep, best) if times.nunique() > 1 else "":
            yield f"{label} is fastest at", place, human("seconds", float(min(times, key=float)))


def _trials(sweep: Sweep) -> pd.DataFrame:
    """A row for each trial, the first of the points that it stands for."""
    rows = sweep.summary
    return rows[~rows["trial"].duplicated() | (rows["trial"] == "")]  # no hash: the point is no scenario at all


def _failures(sweep: Sweep) -> list[tuple[int, str, int, str, str]]:
    """Point, label, seed, status and message of each trial that is not done."""
    trials = _trials(sweep)
    columns = ["point", "label", "seed", "status", "message"]
    lacking = trials.loc[trials["status"] != DONE, columns]
    return [tuple(row) for row in lacking.itertuples(index=False, name=None)]


def _yaml(value: object) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True))

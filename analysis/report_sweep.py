"""The report of a sweep: a table of all its points, and the effect of its axes on each measure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import yaml

from analysis.axes import relative_to
from analysis.headline import ACCURACY, HELD, accuracy_of, accuracy_said, headline_said, held_said, settle_of
from analysis.interactive import timeline, where
from analysis.interactive.pareto import pareto_chart
from analysis.interactive.sweep import sweep_data, winners_at
from analysis.interactive.sweep_places import round_data, where_data
from analysis.limits import SETTING
from analysis.measures import costs_asked, present
from analysis.pareto import settings_of, spots
from analysis.reading import read_json, read_yaml
from analysis.report_page import Swatch, facts_of, flat, section, write_page
from analysis.sweep_figures import write_sweep_figures
from analysis.sweeps import DONE, Sweep, opened
from simulator.settings.humanize import human

SETTLE_KEY = "evaluation.settle"
_MOST_FAILURES = 200
_TIE = "a tie"
_MOST_PLACED = 6
"""With more labels than this, the report does not say where each is fastest."""
_ROOM = 1_000_000
"""The most characters of data on a page: with Plotly's 4.9 MB and the rest it stays under 6 MB."""
_SINGLE = {"where": ("Where it goes", where.HOW_TO_READ), "round": ("One round", timeline.HOW_TO_READ)}


def write_sweep_report(sweep: str | Path | Sweep, figures: Sequence[Path] | None = None) -> Path:
    """Write `report.html` into a sweep's folder and return its path.

    Trials that failed are listed with their messages.

    Args:
        sweep: the sweep, or its folder.
        figures: the PNG files that `write_sweep_figures` has just drawn, which the report lists; by default they are
            drawn now.

    Raises:
        RunError: there is no such sweep, a file of it cannot be read, or Plotly is not installed.
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
        single=[(name, *_SINGLE[name], content["said"]) for name, content in single.items() if content],
        headline=_headline(sweep, plan),
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


def _headline(sweep: Sweep, plan: object) -> list[str]:
    """Return sentences on what the accuracy and the time to the target are."""
    settles = [settle_of(section(plan, "scenario") if isinstance(plan, dict) else {})]
    for axis in sweep.axes:
        if axis.key == SETTLE_KEY:
            (settle,) = settles
            settles = [round(relative_to(settle, text)) for text in axis.texts]
    said = headline_said(sweep.summary, settles)
    return [*said, held_said("The target")] if present(sweep.summary, HELD) else said


def _facts(sweep: Sweep, plan: object) -> list[tuple[str, str]]:
    """Return the axes, the main settings that no axis sets, and how many trials are done."""
    scenario = section(plan, "scenario") if isinstance(plan, dict) else {}
    swept = {axis.key for axis in sweep.axes}
    trials = _trials(sweep)
    done = int((trials["status"] == DONE).sum())
    facts = [(axis.key, _all(axis.ticks) if len(axis.ticks) < 9 else _ends(axis.ticks)) for axis in sweep.axes]
    keys = {"Rounds": "training.rounds", "Devices a round": "training.clients_per_round", "Model": "model.name"}
    hidden = {"Seeds"} | {name for name, key in keys.items() if key in swept}
    if any(key.startswith(SETTING) for key in swept):
        hidden |= {"Rounds", "Budget"}
    facts += [(name, value) for name, value in facts_of(scenario) if name not in hidden]
    points = sweep.summary["point"].nunique()
    return [*facts, ("Points", f"{points:,}"), ("Trials", f"{done:,} of {len(trials):,} done")]


def _all(ticks: Sequence[str]) -> str:
    return ("; " if any("," in tick for tick in ticks) else ", ").join(ticks)


def _ends(ticks: Sequence[str]) -> str:
    return f"{ticks[0]} to {ticks[-1]} ({len(ticks)} values)"


def sweep_highlights(sweep: Sweep) -> list[tuple[str, str, str]]:
    """Return the most accurate point, how often each label comes first or costs least, and where each is fastest.

    Returns:
        Triples: what, which label or where, and how much.
    """
    highlights: list[tuple[str, str, str]] = []
    accuracy = accuracy_of(sweep.summary)
    if present(sweep.summary, accuracy):
        best = max(spots(sweep), key=lambda spot: spot.accuracy)
        groups = sweep.summary.groupby(["point", "label"], sort=False)
        said = accuracy_said(groups.get_group(groups[accuracy].mean().idxmax()))
        value = ", ".join(part for part in (said, best.settings) if part)
        highlights.append((f"Most accurate{'' if accuracy == ACCURACY else ' at the end'}", best.label, value))
    labels, status = sweep.labels, sweep.summary["status"].tolist()
    contenders = Counter(
        point for (point, _), rows in sweep.seeds_at.items() if any(status[row] == DONE for row in rows)
    )
    contested = [point for point, count in contenders.items() if count > 1]
    if not contested:
        return [*highlights, *_fastest(sweep)]
    asked = [("First to hold the target", HELD), *costs_asked(sweep.limited)]
    asked = [(what, column) for what, column in asked if present(sweep.summary, column)]
    by_point = winners_at(sweep, [sweep.measure(column) for _, column in asked], contested)
    for (question, _), won in zip(asked, zip(*by_point, strict=True), strict=True):
        counts = Counter(labels[winners[0]] if len(winners) == 1 else _TIE for winners in won if winners)
        if counts:
            (first, times), *others = counts.most_common()
            rest = "".join(f"; {label} at {count:,}" for label, count in others[:2])
            highlights.append((question, first, f"at {times:,} of {len(won):,} points{rest}"))
    return [*highlights, *_fastest(sweep)]


def _fastest(sweep: Sweep) -> Iterator[tuple[str, str, str]]:
    """Yield where on the axes each label takes least time, for labels whose time varies over the sweep.

    Where the time is the budget, it says nothing.
    """
    for label in sweep.labels if len(sweep.labels) <= _MOST_PLACED and sweep.limited != "seconds" else ():
        rows = sweep.summary[sweep.summary["label"] == label]
        times = rows.groupby("point")["sim_time_s"].mean().dropna().map("{:.3g}".format)
        best = rows[rows["point"].isin(times.index[times == min(times, key=float, default="")])]
        if place := settings_of(sweep, best) if times.nunique() > 1 else "":
            yield f"{label} is fastest at", place, human("seconds", float(min(times, key=float)))


def _trials(sweep: Sweep) -> pd.DataFrame:
    """Return one row per trial: that of the first point to which it belongs."""
    rows = sweep.summary
    return rows[~rows["trial"].duplicated() | (rows["trial"] == "")]  # no hash: the point is no scenario at all


def _failures(sweep: Sweep) -> list[tuple[int, str, int, str, str]]:
    """Return point, label, seed, status and message of each trial that is not done."""
    trials = _trials(sweep)
    columns = ["point", "label", "seed", "status", "message"]
    unfinished = trials.loc[trials["status"] != DONE, columns]
    return [tuple(row) for row in unfinished.itertuples(index=False, name=None)]


def _yaml(value: object) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True))

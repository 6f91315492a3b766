"""The report of a sweep: a table of all its points, and the effect of its axes on each measure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml

from analysis.axes import relative_to
from analysis.headline import HELD, headline_said, held_said, settle_of
from analysis.interactive import timeline, where
from analysis.interactive.pareto import pareto_chart
from analysis.interactive.sweep import sweep_data
from analysis.interactive.sweep_places import round_data, where_data
from analysis.limits import SETTING
from analysis.measures import present
from analysis.reading import read_json, read_yaml
from analysis.report_page import DRAWN, Swatch, described, facts_of, section, write_page
from analysis.sweep_figures import write_sweep_figures
from analysis.sweeps import DONE, Sweep, opened
from analysis.verdict import verdict_of_sweep
from analysis.world_diagram import world_diagram

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
    environment, world = folder / "environment.json", world_diagram(section(plan, "scenario"))
    return write_page(
        folder / "report.html",
        "sweep.html.j2",
        [pareto] if pareto else [],
        {"sweep": data | single},
        title=sweep.name,
        dry=sweep.dry,
        version=sweep.version,
        facts=[fact for fact in _facts(sweep, plan) if not world or fact[0] not in DRAWN],
        verdict=verdict_of_sweep(sweep),
        world=world,
        world_caption=_swept(sweep) if world else "",
        failures=_failures(sweep),
        most_failures=_MOST_FAILURES,
        swatches=Swatch.all_of(sweep.labels, sweep.places),
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
        environment=list(described(read_json(environment))) if environment.is_file() else [],
        pictures=[path.name for path in pictures],
    )


def _headline(sweep: Sweep, plan: object) -> list[str]:
    """Return sentences on what the accuracy and the time to the target are."""
    settles = [settle_of(section(plan, "scenario") if isinstance(plan, dict) else {})]
    for axis in sweep.axes:
        if axis.key == SETTLE_KEY:
            (settle,) = settles
            settles = [round(relative_to(settle, text)) for text in axis.texts]
    said = headline_said(sweep.summary, settles, sweep.task)
    return [*said, held_said("The target", sweep.goal)] if present(sweep.summary, HELD) else said


def _facts(sweep: Sweep, plan: object) -> list[tuple[str, str]]:
    """Return the axes, the main settings that no axis sets, and how many trials are done."""
    scenario = section(plan, "scenario") if isinstance(plan, dict) else {}
    swept = {axis.key for axis in sweep.axes}
    trials = _trials(sweep)
    done = int((trials["status"] == DONE).sum())
    facts = [(axis.key, _all(axis.ticks) if len(axis.ticks) < 9 else _ends(axis.ticks)) for axis in sweep.axes]
    keys = {"Rounds": "training.rounds", "Devices a round": "training.clients_per_round", "Model": "model.name"}
    hidden = {"Seed", "Seeds"} | {name for name, key in keys.items() if key in swept}
    if any(key.startswith(SETTING) for key in swept):
        hidden |= {"Rounds", "Budget"}
    facts += [(name, value) for name, value in facts_of(scenario) if name not in hidden]
    points = sweep.summary["point"].nunique()
    return [*facts, ("Points", f"{points:,}"), ("Trials", f"{done:,} of {len(trials):,} done")]


def _swept(sweep: Sweep) -> str:
    """Return a caption that says which parts of the drawn world the axes change; empty if none."""
    keys = [axis.key for axis in sweep.axes if axis.key.startswith("world.")]
    return f"The world of the base scenario; the sweep changes {' and '.join(keys)}." if keys else ""


def _all(ticks: Sequence[str]) -> str:
    return ("; " if any("," in tick for tick in ticks) else ", ").join(ticks)


def _ends(ticks: Sequence[str]) -> str:
    return f"{ticks[0]} to {ticks[-1]} ({len(ticks)} values)"


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

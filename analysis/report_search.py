"""The report of a search: its front, all its points, and how to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from analysis import style
from analysis.interactive.figure import Chart, Figure, Knob, Look, layout, numbers, plain, ruler
from analysis.quantities import Measure
from analysis.reading import read_json
from analysis.report_page import DRAWN, described, facts_of, section, write_page
from analysis.search_figures import write_search_figures
from analysis.searches import Search, load_search
from analysis.world_diagram import world_diagram

_MOST_ROWS = 1000


def write_search_report(search: str | Path | Search, figures: Sequence[Path] | None = None) -> Path:
    """Write `report.html` into a search's folder and return its path.

    Args:
        search: the search, or its folder.
        figures: the PNG files that `write_search_figures` has just drawn; by default they are drawn now.

    Raises:
        RunError: there is no such search, a file of it cannot be read, or Plotly is not installed.
    """
    search = search if isinstance(search, Search) else load_search(search)
    pictures = list(figures) if figures is not None else write_search_figures(search)
    plan, folder = search.plan, search.folder
    scenario = section(plan, "scenario")
    world, environment = world_diagram(scenario), folder / "environment.json"
    space = {key: plan[key] for key in ("space", "objectives", "constraints", "sampler", "pruning") if plan.get(key)}
    return write_page(
        folder / "report.html",
        "search.html.j2",
        [_chart(search)],
        {},
        title=search.name,
        dry=bool(plan.get("dry")),
        version=str(plan.get("version", "")),
        facts=[fact for fact in _facts(search) if not world or fact[0] not in DRAWN],
        world=world,
        world_caption="The world of the base scenario." if world else "",
        names=[*search.keys.values(), *([] if len(plan.get("algorithm") or ()) < 2 else ["algorithm"])],
        figures=[search.called(name) for name in search.figures],
        front=_rows(search, search.front),
        rows=_rows(search, search.table.head(_MOST_ROWS)),
        more=max(0, len(search.table) - _MOST_ROWS),
        own=_yaml({"name": search.name, "scenario": "scenario.yaml", "trials": plan.get("trials"), **space}),
        scenario=_yaml(scenario),
        environment=list(described(read_json(environment))) if environment.is_file() else [],
        pictures=[path.name for path in pictures],
    )


def _facts(search: Search) -> list[tuple[str, str]]:
    """Return what was searched for, how, and what became of the points."""
    goals = [f"{'most' if each.more_is_better else 'least'} {each.name}" for each in search.objectives]
    statuses = Counter(search.table["status"])
    found = ", ".join(f"{count} {status}" for status, count in statuses.items())
    sampler = str(section(search.plan, "sampler").get("name", ""))
    facts = [("Wanted", ", ".join(goals)), ("Sampler", sampler), ("Points", found)]
    return [*facts, *facts_of(section(search.plan, "scenario"))]


def _rows(search: Search, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table of points, in words."""
    several = len(search.plan.get("algorithm") or ()) > 1
    return [
        {
            "number": int(row["suggestion"]),
            "values": [str(row[key]) for key in search.keys] + [str(row["label"])] * several,
            "figures": search.reached(row),
            "status": str(row["status"]),
            "place": "" if pd.isna(row["front"]) else int(row["front"]),
            "message": "" if pd.isna(row["message"]) else str(row["message"]),
        }
        for row in table.to_dict("records")
    ]


def _chart(search: Search) -> Chart:
    if len(search.objectives) == 1:
        caption = "Each point in the order of the suggestions; the line is the best so far."
        return Chart("found", "The search", caption, {"0": _history(search)})
    pairs = list(combinations(search.objectives, 2))
    figures = {str(index): _front(search, x, y) for index, (x, y) in enumerate(pairs)}
    knobs = (Knob("objectives", tuple(f"{y.name} against {x.name}" for x, y in pairs)),)
    caption = "Large points are beaten by no other in all objectives; the others are faint."
    return Chart("found", "The front", caption, figures, knobs)


def _front(search: Search, x: Measure, y: Measure) -> Figure:
    rulers = [ruler(each.kind, each.name, search.done[each.column]) for each in (x, y)]
    traces = []
    for rows, best in ((search.done.drop(search.front.index), False), (search.front, True)):
        traces.append(
            _points(search, rows, best)
            | {
                "x": numbers(rows[x.column], rulers[0].divisor),
                "y": numbers(rows[y.column], rulers[1].divisor),
                "opacity": 1.0 if best else 0.55,
            }
        )
    return {"data": traces, "layout": layout(430, rulers[0].axis, rulers[1].axis)}


def _history(search: Search) -> Figure:
    (measure,) = search.objectives
    done = search.done
    unit = ruler(measure.kind, measure.name, done[measure.column])
    values = done[measure.column]
    best = values.cummax() if measure.more_is_better else values.cummin()
    order = [int(index) + 1 for index in done.index]
    step = {"type": "scatter", "mode": "lines", "x": order, "y": numbers(best, unit.divisor), "hoverinfo": "skip",
            "line": {"shape": "hv", "color": style.QUIET, "width": 1.3}}  # fmt: skip
    dots = _points(search, done, best=False) | {"x": order, "y": numbers(values, unit.divisor)}
    return {"data": [step, dots], "layout": layout(430, {"title": {"text": "point"}}, unit.axis)}


def _points(search: Search, rows: pd.DataFrame, best: bool) -> dict[str, Any]:
    names = [search.called(name) for name in search.figures]
    return {
        "type": "scatter",
        "mode": "markers",
        "marker": Look.of(0).marker(12 if best else 8),
        "hoverinfo": "text",
        "hovertext": [
            "<br>".join([f"<b>{plain(search.named(row))}</b>", *(f"{name} {text}" for name, text in zip(
                names, search.reached(row), strict=True))])
            for row in rows.to_dict("records")
        ],
    }  # fmt: skip


def _yaml(value: object) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True))

"""Reports: a run, a sweep or several runs side by side, each as one interactive HTML file that opens anywhere."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from analysis.disclosed import disclosed
from analysis.figures import write_figures
from analysis.interactive.curves import accuracy_chart
from analysis.interactive.figure import Chart
from analysis.interactive.labels import labels_chart
from analysis.interactive.pareto import pareto_chart
from analysis.interactive.timeline import rounds_of, timeline_chart
from analysis.interactive.totals import totals_chart
from analysis.interactive.where import where_chart
from analysis.measures import Column, highlights, measure_columns
from analysis.remarks import remarks
from analysis.report_comparison import Comparison, compare
from analysis.report_page import Swatch, facts_of, flat, write_page
from analysis.runs import Run, RunError, load_run
from analysis.versions import versions_told
from simulator.settings.humanize import human

REPORT = "report.html"


@dataclass(frozen=True)
class Table:
    """Measures in groups, as `measure_columns` gives them, for one row a label."""

    labels: list[str]
    columns: list[Column]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The groups' names, and how many columns each spans."""
        return [(name, len(list(own))) for name, own in groupby(column.group for column in self.columns)]

    @property
    def first(self) -> list[bool]:
        """Whether each column is the first of its group."""
        names = [column.group for column in self.columns]
        return [place == 0 or names[place - 1] != name for place, name in enumerate(names)]


def write_report(folder: str | Path, figures: Sequence[Path] | None = None) -> Path:
    """Write `report.html` into a run folder and return its path.

    `figures` are the pictures that `write_figures` has just drawn, of which the report tells; without them they are
    drawn anew. Raises RunError.
    """
    folder = Path(folder)
    if (folder / "points.csv").is_file():
        raise RunError(f"{folder}: not a run folder, it is a sweep's")
    with versions_told(folder):
        run = load_run(folder)
        pictures = list(figures) if figures is not None else write_figures(folder)
        charts = [*_learning(run), where_chart(run), timeline_chart(rounds_of(run)), labels_chart({run.name: run})]
        said, found = _said(run), disclosed(run)
    return write_page(
        run.folder / REPORT,
        "run.html.j2",
        [chart for chart in charts if chart is not None],
        {},
        title=run.name,
        facts=facts_of(dict(run.scenario) | {"seeds": [int(seed) for seed in dict.fromkeys(run.summary["seed"])]}),
        scenarios=[(run.name, run.scenario_text)],
        commands=[f"sfsim run scenario.yaml{' --dry' if run.dry else ''} --out again", "sfsim report ."],
        environment=list(flat(run.environment)),
        pictures=[path.name for path in pictures],
        comparison=None,
        disclosed=found,
        remarks=remarks({label: (run, label) for label in run.labels}),
        **said,
    )


def write_comparison(folders: Sequence[str | Path], out: str | Path = "compare.html") -> Path:
    """Write runs side by side into one file and return its path; labels that collide get their run's name before them.

    Raises RunError: fewer than two runs, one that cannot be read, or runs without a measure in common.
    """
    path = Path(out)
    if len(folders) < 2:
        raise RunError("a comparison takes at least two run folders")
    if path.suffix not in (".html", ".htm") or path.is_dir():
        raise RunError(f"{path}: the name of a comparison ends in .html")
    found = compare(folders)
    run = found.joined
    charts = [*_learning(run), where_chart(run), timeline_chart(found.rounds()), labels_chart(_with_own_data(found))]
    return write_page(
        path,
        "run.html.j2",
        [chart for chart in charts if chart is not None],
        {},
        title=run.name,
        facts=[(title, ", ".join(own.labels)) for title, own in found.runs.items()],
        scenarios=[(title, own.scenario_text) for title, own in found.runs.items()],
        commands=[
            " ".join(
                ["sfsim compare", *(shlex.quote(str(own.folder)) for own in found.runs.values()), "--out again.html"]
            )
        ],
        environment=[],
        pictures=[],
        comparison=found,
        disclosed={},
        remarks=remarks(found.own_labels),
        **_said(run),
    )


def _learning(run: Run) -> list[Chart | None]:
    """What was reached for what; where nothing was reached, what it takes."""
    curves = accuracy_chart(run)
    return [curves, pareto_chart(run)] if curves else [totals_chart(run)]


def _said(run: Run) -> dict[str, Any]:
    """What a page says of a run in words and in its table."""
    return {
        "dry": run.dry,
        "version": run.version,
        "highlights": highlights(run),
        "table": Table(run.labels, measure_columns(run)),
        "swatches": Swatch.all_of(run.labels),
        "most_seeds": max(len(run.seeds(label)) for label in run.labels),
        "target": None if run.target_accuracy is None else human("fraction", run.target_accuracy),
        "wall_time": human("seconds", float(run.summary["wall_time_s"].sum())),
    }


def _with_own_data(found: Comparison) -> dict[str, Run]:
    """Runs by title, without those whose devices hold the same as those of one before."""
    kept: dict[str, Run] = {}
    for title, run in found.runs.items():
        if not any(run.clients.equals(other.clients) for other in kept.values()):
            kept[title] = run
    return kept

"""Reports of a run or of several runs side by side, each as one interactive HTML file that needs nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.budgets import equal_budgets
from analysis.costs import cost_tables
from analysis.disclosed import disclosed, held_data
from analysis.explorer import read_explorer
from analysis.fairness import participation
from analysis.figures import write_figures
from analysis.headline import headline_said, held_said, settle_of
from analysis.interactive.costs import costs_chart
from analysis.interactive.critical_path import path_chart
from analysis.interactive.curves import accuracy_chart
from analysis.interactive.devices import devices_chart
from analysis.interactive.figure import Chart
from analysis.interactive.labels import labels_chart
from analysis.interactive.pareto import pareto_chart
from analysis.interactive.queue import queue_chart
from analysis.interactive.targets import targets_chart
from analysis.interactive.timeline import rounds_of, timeline_chart
from analysis.interactive.totals import totals_chart
from analysis.interactive.where import where_chart
from analysis.losses import loss_tables, losses_said
from analysis.measures import essential_columns, goal_of, measure_columns, rounds_said
from analysis.path_table import path_columns
from analysis.reading import RunError
from analysis.remarks import remarks
from analysis.report_comparison import Comparison, compare
from analysis.report_page import DRAWN, Swatch, described, facts_of, write_page
from analysis.report_tables import Table
from analysis.runs import Run, load_run
from analysis.server import OwnLabels, server_tables
from analysis.targets import targets_of
from analysis.tasks import NEXT_TOKEN
from analysis.verdict import verdict_of_run
from analysis.verdict.ranking import LEVEL
from analysis.versions import versions_told
from analysis.world_diagram import world_diagram
from simulator.settings.humanize import human

REPORT = "report.html"


def write_report(folder: str | Path, figures: Sequence[Path] | None = None, path: Path | None = None) -> Path:
    """Write `report.html` into a run folder and return its path.

    Args:
        folder: the folder of the run.
        figures: the PNG files that `write_figures` has just drawn, which the report lists; by default they are drawn
            now.
        path: the file to write instead, to compare it.

    Raises:
        RunError: there is no such run, a file of it cannot be read, or Plotly is not installed.
    """
    folder = Path(folder)
    if (folder / "points.csv").is_file():
        raise RunError(f"{folder}: not a run folder, it is a sweep's")
    with versions_told(folder):
        run = load_run(folder)
        pictures = list(figures) if figures is not None else write_figures(run)
        own_labels = {label: (run, label) for label in run.labels}
        charts = [*_learning(run), where_chart(run), timeline_chart(rounds_of(run)), labels_chart({run.name: run})]
        charts.insert(-1, devices_chart(own_labels, run.places))
        charts += path_chart(own_labels), queue_chart(own_labels, run.places), costs_chart(run)
        content, disclosures, programs = _content(run, own_labels), disclosed(run), read_explorer(folder)
        world = world_diagram(run.scenario)
    return write_page(
        path or run.folder / REPORT,
        "run.html.j2",
        [chart for chart in charts if chart is not None],
        {"explorer": programs, "level": LEVEL} if programs else {},
        title=run.name,
        facts=[fact for fact in facts_of(_as_run(run)) if not world or fact[0] not in DRAWN],
        world=world,
        scenarios=[(run.name, run.scenario_text)],
        commands=[f"sfsim run scenario.yaml{' --dry' if run.dry else ''} --out again", "sfsim report ."],
        environment=list(described(run.environment)),
        pictures=[path.name for path in pictures],
        comparison=None,
        explorer=programs,
        disclosed=disclosures,
        held_data=held_data,
        predicts_tokens=run.task == NEXT_TOKEN,
        remarks=remarks(own_labels),
        participation=participation(own_labels),
        **content,
    )


def write_comparison(folders: Sequence[str | Path], out: str | Path = "compare.html") -> Path:
    """Write a report of several runs side by side and return its path.

    A label that occurs in several runs has the name of its run behind it: "FL (quickstart)".

    Raises:
        RunError: there are fewer than two runs, one cannot be read, they have no measure in common, `out` is no name of
            an HTML file, or Plotly is not installed.
    """
    path = Path(out)
    if len(folders) < 2:
        raise RunError("a comparison takes at least two run folders")
    if path.suffix not in (".html", ".htm") or path.is_dir():
        raise RunError(f"{path}: the name of a comparison ends in .html")
    comparison = compare(folders)
    run = comparison.joined
    charts = [
        *_learning(run),
        where_chart(run),
        timeline_chart(comparison.rounds()),
        devices_chart(comparison.own_labels, run.places),
        labels_chart(_with_own_data(comparison)),
        path_chart(comparison.own_labels),
        queue_chart(comparison.own_labels, run.places),
        costs_chart(run),
    ]
    return write_page(
        path,
        "run.html.j2",
        [chart for chart in charts if chart is not None],
        {},
        title=run.name,
        facts=[(title, ", ".join(member.labels)) for title, member in comparison.runs.items()],
        world=_shared_world(comparison),
        scenarios=[(title, member.scenario_text) for title, member in comparison.runs.items()],
        commands=[
            " ".join(
                [
                    "sfsim compare",
                    *(shlex.quote(str(member.folder)) for member in comparison.runs.values()),
                    "--out again.html",
                ]
            )
        ],
        environment=[],
        pictures=[],
        comparison=comparison,
        explorer=None,
        disclosed={},
        remarks=remarks(comparison.own_labels),
        participation=participation(comparison.own_labels),
        **_content(run, comparison.own_labels),
    )


def _learning(run: Run) -> list[Chart | None]:
    """Return the charts of accuracy or loss against cost; if none was measured, that of the costs alone."""
    curves = accuracy_chart(run)
    return [curves, pareto_chart(run), targets_chart(run, targets_of(run))] if curves else [totals_chart(run)]


def _as_run(run: Run) -> dict[str, Any]:
    """Return the scenario of a run with the seeds with which it was run."""
    return dict(run.scenario) | {"seeds": [int(seed) for seed in dict.fromkeys(run.summary["seed"])]}


def _shared_world(comparison: Comparison) -> str:
    """Return the diagram of the world of all compared runs; empty if they have different ones."""
    diagrams = {world_diagram(run.scenario) for run in comparison.runs.values()}
    return diagrams.pop() if len(diagrams) == 1 else ""


def _content(run: Run, own_labels: OwnLabels) -> dict[str, Any]:
    """Return what a template shows of a run in words and in its tables.

    Args:
        run: the run, or several joined into one.
        own_labels: by label, the run that it is from and its label there.
    """
    swatches, columns, targets = Swatch.all_of(run.labels, run.places), measure_columns(run), targets_of(run)
    return {
        "dry": run.dry,
        "version": run.version,
        "verdict": verdict_of_run(run, own_labels),
        "table": Table(swatches, essential_columns(columns)),
        "all_measures": Table(swatches, columns),
        "budgets": Table(swatches, equal_budgets(run)),
        "targets": {option: Table(swatches, targets.columns(option)) for option in targets.spent} if targets else {},
        "learned": goal_of(run),
        "held": targets.goal if targets else "accuracy",
        "round_said": rounds_said(run),
        "paths": Table(swatches, path_columns(own_labels)),
        "costs": cost_tables(run),
        "losses": loss_tables(run, own_labels),
        "losses_said": losses_said(own_labels),
        "servers": server_tables(own_labels),
        "swatches": swatches,
        "headline": _headline(run, own_labels),
        "most_seeds": max(len(run.seeds(label)) for label in run.labels),
        "wall_time": human("seconds", float(run.summary["wall_time_s"].sum())),
    }


def _headline(run: Run, own_labels: OwnLabels) -> list[str]:
    """Return sentences on what the first columns of the table are; arguments as for `_content`."""
    said = headline_said(run.summary, {settle_of(own.scenario) for own, _ in own_labels.values()}, run.task)
    if run.target is None or run.dry:
        return said
    return [*said, held_said(f"The target of {run.target.said}", run.target.goal)]


def _with_own_data(comparison: Comparison) -> dict[str, Run]:
    """Return the runs by title, without those whose data are partitioned in the same way as an earlier run's."""
    kept: dict[str, Run] = {}
    for title, run in comparison.runs.items():
        if not any(run.clients.equals(other.clients) for other in kept.values()):
            kept[title] = run
    return kept

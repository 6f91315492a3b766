"""The command `plan`, which compares cuts before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simulator.cli.shared import (
    File,
    Plugin,
    Set,
    app,
    load_scenario,
    place,
    progress_bar,
    refuse,
    show,
    stopped,
    writing,
)

if TYPE_CHECKING:
    from simulator.experiments.plan.cuts import PlannedCut
    from simulator.experiments.plan.rounds import Planner
    from simulator.scenario.scenario import Scenario


@app.command()
def plan(
    file: File,
    axes: Annotated[
        list[str],
        typer.Option(
            "--axis",
            metavar="KEY=VALUES",
            help="Plan at several values of a key, such as training.batch_size=8,32; repeatable, as of sfsim sweep.",
            show_default=False,
        ),
    ] = [],  # noqa: B006
    overrides: Set = [],  # noqa: B006
    plugins: Plugin = [],  # noqa: B006
    out: Annotated[
        Path | None,
        typer.Option(
            help="Also write the table to a file, in SI units.", show_default=False, metavar="FILE.csv", callback=place
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Show, without training, what a round takes at every cut, which cuts fit, and where one overtakes another."""
    if out and not out.parent.is_dir():
        refuse(f"there is no folder {out.parent} to write {out.name} into")
    if out and (out.is_dir() or (out.exists() and not force)):
        refuse(f"{out} is a folder" if out.is_dir() else f"{out} exists: name another file with --out, or say --force")
    scenarios = _at_points(file, overrides, axes) if axes else [({}, load_scenario(file, overrides))]
    from simulator.experiments.plan.table import row_of, write_rows
    from simulator.settings.terminal import say

    rows: list[dict[str, Any]] = []
    try:
        for values, scenario in scenarios:
            if values:
                say(f"[{', '.join(f'{key} = {value}' for key, value in values.items())}]")
            scenario, planner, planned = _planned(scenario)
            rows += [{**values, **row_of(scenario, point)} for point in planned]
            if out:
                with writing():
                    write_rows(out, rows)
            _tell(planner, planned)
            print(end="\n" * bool(values))
    except KeyboardInterrupt:
        stopped()


def _at_points(file: Path, overrides: list[str], axes: list[str]) -> list[tuple[dict[str, str], Scenario]]:
    """Return the scenario at each point of the axes, with the values of its axes as they are written."""
    from simulator.experiments.sweep.points import base, scenarios, written
    from simulator.experiments.sweep.settings import load

    sweep = load(file, axes)
    found = scenarios(sweep, base(sweep, overrides))
    return [({key: written(value) for key, value in values.items()}, scenario) for values, scenario in found]


def _planned(scenario: Scenario) -> tuple[Scenario, Planner, list[PlannedCut]]:
    """Return a scenario with fixed cohorts, its planner, and all cuts planned."""
    from simulator.experiments.plan.cuts import points
    from simulator.experiments.plan.rounds import Planner
    from simulator.experiments.trial.dry import scenario_with_fixed_cohorts, unbilled
    from simulator.experiments.trial.validate import check

    scenario, lines = scenario_with_fixed_cohorts(unbilled(scenario))
    check(scenario, dry=True)
    print(*lines, sep="\n", end="\n" * bool(lines))
    planner = Planner(scenario)
    with progress_bar("cuts") as progress:
        return scenario, planner, points(planner, progress)


def _tell(planner: Planner, planned: list[PlannedCut]) -> None:
    """Print a plan: its verdict, its table, and where one cut overtakes another."""
    from rich.console import Console

    from simulator.experiments.plan.answers import answers
    from simulator.experiments.plan.table import PlanTable
    from simulator.experiments.plan.verdict import verdict_of_plan
    from simulator.experiments.run.verdict import tell_verdict
    from simulator.settings.terminal import say

    tell_verdict(verdict_of_plan(planned), Console(emoji=False))
    show(PlanTable(planner, planned))
    with progress_bar("break-even") as progress:
        findings = answers(planner, planned, progress)
    if account := list(planner.account()):
        findings["How were rounds found?"] = account
    for question, sentences in findings.items():
        print(f"\n{question}")
        for sentence in sentences:
            say(sentence, indent=2)

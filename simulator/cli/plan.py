"""The command `plan`, which compares cuts before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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


@app.command()
def plan(
    file: File,
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
    scenario = load_scenario(file, overrides)
    from rich.console import Console

    from simulator.experiments.plan.answers import answers
    from simulator.experiments.plan.cuts import points
    from simulator.experiments.plan.rounds import Planner
    from simulator.experiments.plan.table import PlanTable, write_csv
    from simulator.experiments.plan.verdict import verdict_of_plan
    from simulator.experiments.run.verdict import tell_verdict
    from simulator.experiments.trial.dry import scenario_with_fixed_cohorts, unbilled
    from simulator.experiments.trial.validate import check
    from simulator.settings.terminal import say

    scenario, lines = scenario_with_fixed_cohorts(unbilled(scenario))
    check(scenario, dry=True)
    print(*lines, sep="\n", end="\n" * bool(lines))
    planner = Planner(scenario)
    try:
        with progress_bar("cuts") as progress:
            planned = points(planner, progress)
        if out:
            with writing():
                write_csv(out, scenario, planned)
        tell_verdict(verdict_of_plan(planned), Console(emoji=False))
        show(PlanTable(planner, planned))
        with progress_bar("break-even") as progress:
            findings = answers(planner, planned, progress)
    except KeyboardInterrupt:
        stopped()
    if account := list(planner.account()):
        findings["How were rounds found?"] = account
    for question, sentences in findings.items():
        print(f"\n{question}")
        for sentence in sentences:
            say(sentence, indent=2)

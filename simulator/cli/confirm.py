"""Before a run that takes long, or much memory: what it will take, and a question on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.shared import refuse, stopped

if TYPE_CHECKING:
    from simulator.experiments.trial.estimate import Estimate
    from simulator.scenario.scenario import Scenario

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before a run that takes long or much memory.")]
LOOKED_AT = 5
"""At most so many points of a sweep are looked at, evenly chosen."""


def confirm_run(scenario: Scenario, dry: bool, yes: bool, jobs: int | None = None) -> int | None:
    """Say what a run will take if that is much, and ask on a terminal whether to go on.

    Where nobody can be asked, it goes on, but for what cannot be meant: a month, or more memory than there is.

    Args:
        scenario: what to run.
        dry: whether it is simulated without training.
        yes: go on, whatever it takes.
        jobs: how many trials run at once; None: as many as cores and memory allow.

    Returns:
        How many are to run at once, for which there is memory by the estimate; None: nothing speaks against the usual.
    """
    from simulator.experiments.trial.estimate import estimate

    found = estimate(scenario, dry, jobs)
    _confirm(found, yes)
    return found.at_once if found else jobs


def confirm_sweep(
    file: Path, overrides: Sequence[str], axes: Sequence[str], dry: bool, yes: bool, workers: int | None = None
) -> int | None:
    """Do the same for a sweep, as if none of its trials were done yet.

    Args:
        file, overrides, axes: as for ``run_sweep``.
        dry: whether its trials are simulated without training.
        yes: go on, whatever it takes.
        workers: how many trials run at once; None: as many as cores and memory allow.

    Returns:
        As ``confirm_run``.
    """
    from simulator.experiments.sweep import points, settings
    from simulator.experiments.trial.estimate import estimate_sweep
    from simulator.settings.errors import ScenarioError

    sweep = settings.load(file, axes)
    base = points.base(sweep, overrides)
    count = sweep.sample.points if sweep.sample else sweep.grid_points
    chosen = []
    assert base._source is not None
    for values in islice(points.points(sweep), 0, None, max(1, -(-count // LOOKED_AT))):
        try:
            chosen.append(points.resolved(base._source, values))
        except ScenarioError:  # the sweep says so itself
            continue
    found = estimate_sweep(chosen, count, dry, workers) if chosen else None
    _confirm(found, yes)
    return found.at_once if found else workers


def told_if_long(scenario: Scenario) -> str:
    """Return what a dry run of a scenario will take, in words, if that is much; else an empty text."""
    from simulator.experiments.trial.estimate import estimate

    dry_run = estimate(scenario, dry=True)
    return dry_run.takes if dry_run is not None and dry_run.is_long else ""


def _confirm(estimate: Estimate | None, yes: bool) -> None:
    if estimate is None or not estimate.is_long:
        return
    said = f"this {estimate.takes}"
    if not yes and sys.stdin.isatty() and sys.stdout.isatty():
        print(f"Note: {said}")
        if not typer.confirm("Go on?"):
            stopped()
    elif not yes and estimate.is_out_of_reach:
        refuse(f"{said}; with --yes it is run all the same")
    else:
        print(f"Note: {said}", flush=True)

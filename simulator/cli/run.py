"""The commands that check and simulate scenarios: `run`, `validate`, `sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.shared import File, Plugin, Set, app, load_scenario, refuse, stopped

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario


@app.command()
def run(
    file: File,
    dry: Annotated[bool, typer.Option("--dry", help="Simulate without training: everything but accuracy.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The run folder.", show_default="runs/<scenario>-<n>", metavar="DIR")
    ] = None,
    overrides: Set = [],  # noqa: B006  (typer wants a list)
    plugins: Plugin = [],  # noqa: B006
    force: Annotated[bool, typer.Option("--force", help="Replace the run folder if there is one.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of trials at once.", show_default="as cores, threads and memory allow", metavar="N"
        ),
    ] = None,
) -> None:
    """Run every algorithm of a scenario, print a table, and leave a run folder with figures and a report."""
    if force and resume:
        refuse("--force starts anew and --resume goes on: say one of them")
    scenario = load_scenario(file, overrides)
    from simulator.experiments.run.folders import CompleteError, FolderTakenError
    from simulator.experiments.run.run import run_scenario

    try:
        _tell(scenario)
        run_scenario(scenario, dry=dry, out=out, force=force, resume=resume, jobs=jobs)
    except CompleteError as error:
        print(error)
    except FolderTakenError as error:
        refuse(str(error))
    except OSError as error:
        if not error.filename:
            raise
        refuse(f"the run folder cannot be written: {error.strerror}: {error.filename}")
    except KeyboardInterrupt as stop:  # caught here, for typer would end without a message
        stopped(str(stop))


@app.command()
def validate(file: File, overrides: Set = [], plugins: Plugin = []) -> None:  # noqa: B006
    """Check a scenario, down to its cuts, shards and memory, all points of a sweep, or a search, without running it."""
    from simulator.settings.sources import Source

    kind = Source(file).kind
    if kind == "sweep":
        from simulator.experiments.sweep.run import validate_sweep

        print(validate_sweep(file, overrides))
        return
    if kind == "search":
        from simulator.experiments.search.run import validate_search

        print(validate_search(file, overrides))
        return
    scenario = load_scenario(file, overrides)
    from simulator.experiments.trial.memory_check import devices_left_out
    from simulator.experiments.trial.validate import check

    check(scenario)
    devices_left_out(scenario, print)
    trials = len(scenario.algorithms) * len(scenario.seeds)
    labels = ", ".join(entry.label for entry in scenario.algorithms)
    print(f"{file} is a valid scenario: {trials} trials ({labels}) on {scenario.world.clients} devices")
    _tell(scenario)


@app.command()
def sweep(
    file: Annotated[Path, typer.Argument(help="A sweep, or with --axis a scenario; YAML.", show_default=False)],
    axes: Annotated[
        list[str],
        typer.Option(
            "--axis",
            metavar="KEY=VALUES",
            help="Vary a key, such as training.rounds=5,10 or 'world.server.slots={times: [1, 2]}'; repeatable. Keys "
            "joined by commas take each value together.",
            show_default=False,
        ),
    ] = [],  # noqa: B006
    dry: Annotated[bool, typer.Option("--dry", help="Simulate without training: everything but accuracy.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The sweep's folder.", show_default="runs/<name>", metavar="DIR")
    ] = None,
    overrides: Set = [],  # noqa: B006
    plugins: Plugin = [],  # noqa: B006
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Number of worker processes.", show_default="as cores and threads allow", metavar="N"),
    ] = None,
    keep_going: Annotated[
        bool,
        typer.Option("--keep-going", help="Skip invalid points; exit without an error if trials fail."),
    ] = False,
    ledger: Annotated[
        bool, typer.Option("--ledger/--no-ledger", help="Keep the ledger of every trial; timelines and traces need it.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Use a folder that holds something else.")] = False,
) -> None:
    """Run a scenario at many points, on all cores and only the missing trials; after an interruption, run it again."""
    from simulator.experiments.sweep.settings import load

    load(file, axes)  # report mistakes in the file before the slow imports
    from simulator.experiments.sweep.run import run_sweep

    try:
        run_sweep(
            file,
            overrides,
            axes=axes,
            dry=dry,
            out=out,
            workers=workers,
            keep_going=keep_going,
            ledger=ledger,
            force=force,
        )
    except OSError as error:
        if not error.filename:
            raise
        refuse(f"the sweep's folder cannot be written: {error.strerror}: {error.filename}")
    except KeyboardInterrupt as stop:
        stopped(str(stop))


def _tell(scenario: Scenario) -> None:
    """Print what a user should know before anything is run."""
    from itertools import chain

    from simulator.calibration.calibrate import unknown
    from simulator.experiments.trial.validate import notices

    for line in chain(notices(scenario), unknown(scenario)):
        print(line)

"""The commands that check and simulate scenarios: `run`, `validate`, `sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli.confirm import Yes, confirm_run, confirm_sweep, told_if_long
from simulator.cli.executors import Address, ExecutorName
from simulator.cli.shared import File, Plugin, Set, app, load_scenario, place, refuse, stopped, writing
from simulator.cli.track import Track, send

if TYPE_CHECKING:
    from simulator.experiments.executors.base import Executor
    from simulator.scenario.scenario import Scenario


@app.command()
def run(
    file: File,
    dry: Annotated[bool, typer.Option("--dry", help="Simulate without training: everything but accuracy.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="The run folder.", show_default="runs/<scenario>-<n>", metavar="DIR", callback=place),
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
    executor: ExecutorName = "local",
    address: Address = None,
    trackers: Track = [],  # noqa: B006
    yes: Yes = False,
) -> None:
    """Run every algorithm of a scenario, print a table, and leave a run folder with figures and a report."""
    if force and resume:
        refuse("--force starts anew and --resume goes on: say one of them")
    scenario = load_scenario(file, overrides)
    from simulator.experiments.run.folders import CompleteError, FolderTakenError
    from simulator.experiments.run.run import run_scenario

    try:
        _tell(scenario, dry)
        if executor == "local" and not resume:  # else it is another machine's, or begun already
            jobs = confirm_run(scenario, dry, yes, jobs)
        there = None if (executor, address) == ("local", None) else _executor(scenario, dry, executor, jobs, address)
        with writing("the run folder"):
            out = run_scenario(scenario, dry=dry, out=out, force=force, resume=resume, jobs=jobs, executor=there)
        send(out, trackers)
    except CompleteError as error:
        print(error)
    except FolderTakenError as error:
        refuse(str(error))
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
    if long := told_if_long(scenario):
        print(f"Note: whether it fits into the memory of its devices was not looked at, for to run it dry {long}")
    else:
        devices_left_out(scenario, print, early=True)
    trials = len(scenario.algorithms) * len(scenario.seeds)
    labels = ", ".join(entry.label for entry in scenario.algorithms)
    how_many = f"{trials} trial{'s' * (trials > 1)} ({labels}) on {scenario.world.clients:,} devices"
    print(f"{file} is a valid scenario: {how_many}")
    _tell(scenario, dry=True)  # no text is read: a tokenizer may have to be downloaded


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
        Path | None,
        typer.Option(help="The sweep's folder.", show_default="runs/<name>", metavar="DIR", callback=place),
    ] = None,
    overrides: Set = [],  # noqa: B006
    plugins: Plugin = [],  # noqa: B006
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of worker processes.", show_default="as cores, threads and memory allow", metavar="N"
        ),
    ] = None,
    executor: ExecutorName = "local",
    address: Address = None,
    keep_going: Annotated[
        bool,
        typer.Option("--keep-going", help="Skip invalid points; exit without an error if trials fail."),
    ] = False,
    ledger: Annotated[
        bool, typer.Option("--ledger/--no-ledger", help="Keep the ledger of every trial; timelines and traces need it.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Use a folder that holds something else.")] = False,
    trackers: Track = [],  # noqa: B006
    yes: Yes = False,
) -> None:
    """Run a scenario at many points, on all cores and only the missing trials; after an interruption, run it again."""
    from simulator.experiments.sweep.settings import load

    load(file, axes)  # report mistakes in the file before the slow imports
    from simulator.experiments.sweep.run import run_sweep

    try:
        if executor == "local":
            workers = confirm_sweep(file, overrides, axes, dry, yes, workers)
        with writing("the sweep's folder"):
            folder = run_sweep(
                file,
                overrides,
                axes=axes,
                dry=dry,
                out=out,
                workers=workers,
                executor=executor,
                address=address,
                keep_going=keep_going,
                ledger=ledger,
                force=force,
            )
        send(folder, trackers)
    except KeyboardInterrupt as stop:
        stopped(str(stop))


def _executor(scenario: Scenario, dry: bool, name: str, jobs: int | None, address: str | None) -> Executor | None:
    """Return the executor of a name for the trials of a scenario; None if it is this machine's."""
    from simulator.experiments.executors.choose import chosen
    from simulator.experiments.trial.model import torch_device

    gpus = torch_device(scenario, dry) == "cuda"
    return chosen(name, workers=jobs, threads=scenario.threads, address=address, gpus=gpus)


def _tell(scenario: Scenario, dry: bool = False) -> None:
    """Print what a user should know before anything is run."""
    from itertools import chain

    from simulator.calibration.calibrate import unknown
    from simulator.experiments.trial.validate import notices

    for line in chain(notices(scenario, dry), unknown(scenario)):
        print(line)

"""The command `search`, which looks for the best points of a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.executors import Address, ExecutorName
from simulator.cli.shared import Plugin, Set, app, place, stopped, writing


@app.command()
def search(
    file: Annotated[Path, typer.Argument(help="A search; YAML.", show_default=False)],
    dry: Annotated[bool, typer.Option("--dry", help="Simulate without training: everything but accuracy.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="The search's folder.", show_default="runs/<name>", metavar="DIR", callback=place),
    ] = None,
    overrides: Set = [],  # noqa: B006
    plugins: Plugin = [],  # noqa: B006
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of worker processes; with 1, the same seed gives the same suggestions.",
            show_default="1 with --dry, otherwise as cores, threads and memory allow",
            metavar="N",
        ),
    ] = None,
    executor: ExecutorName = "local",
    address: Address = None,
    ledger: Annotated[
        bool, typer.Option("--ledger/--no-ledger", help="Keep the ledger of every trial; timelines and traces need it.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Use a folder that holds something else.")] = False,
) -> None:
    """Search a scenario for the points that are best in one figure, or in several; run it again to go on."""
    from simulator.experiments.search.settings import load

    load(file)  # report mistakes in the file before the slow imports
    from simulator.experiments.search.run import run_search

    try:
        with writing("the search's folder"):
            run_search(
                file,
                overrides,
                dry=dry,
                out=out,
                workers=workers,
                executor=executor,
                address=address,
                ledger=ledger,
                force=force,
            )
    except KeyboardInterrupt as stop:
        stopped(str(stop))

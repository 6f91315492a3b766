"""The command `fidelity`, which puts predictions beside measured seconds."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.shared import app, place, progress_bar, refuse, show, stopped, writing


@app.command()
def fidelity(
    rows: Annotated[
        Path | None,
        typer.Argument(
            help="Measured rows, a CSV file with the columns device, model, task, train, batch_size, "
            "image_size_or_length, precision, seconds or images_per_s, source; those of the package if none is named.",
            show_default=False,
            metavar="[ROWS.csv]",
        ),
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="Devices of your own, in the format of the catalogue.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Also write fidelity.csv, fidelity.png and fidelity.md into a folder.",
            show_default=False,
            callback=place,
        ),
    ] = None,
    fit: Annotated[bool, typer.Option("--fit", help="Show the rate and bandwidth that fit the rows best.")] = False,
) -> None:
    """Show how well seconds are predicted: every measured row, its prediction, the error, and how far to trust it.

    Exits with status 1 if the rows that are held out are off by more than the bounds, all together or on one device.
    """
    if out and out.exists() and not out.is_dir():
        refuse(f"{out} is a file: name a folder with --out")
    if out and fit:
        refuse("--fit only shows figures: leave out --out")
    from simulator.scenario.hardware import joined

    with joined(str(catalogue)) if catalogue else nullcontext():
        from simulator.experiments.evidence.fidelity import compare, passed
        from simulator.experiments.evidence.fidelity_tables import fits, tables, write
        from simulator.experiments.evidence.rows import read_rows

        found = read_rows(rows)
        try:
            if fit:
                if not any(row.fitted for row in found):
                    refuse("no row is marked as fitted: write fitted into its column used")
                show(fits(found))
                return
            with progress_bar("rows") as progress:
                compared = compare(found, progress)
            show(tables(compared))
        except KeyboardInterrupt:
            stopped()
        if out:
            with writing():
                write(out, compared)
        if not passed(compared):
            raise SystemExit(1)

"""Commands on finished runs: `report` redraws a folder, `compare` puts runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.shared import app, place, refuse, tell_version, writing


@app.command()
def report(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run, sweep or search.", show_default=False)
    ],
) -> None:
    """Redraw the figures and the report of a run, a sweep or a search, from its folder alone."""
    from analysis import RunError, write_report, write_search_report, write_sweep_report
    from simulator.experiments.run.manifest import MANIFEST, ManifestError, read_manifest, write_manifest

    kinds = {"points.csv": write_sweep_report, "suggestions.csv": write_search_report}
    try:
        if (folder / MANIFEST).is_file():
            read_manifest(folder)  # a damaged one is told before anything is drawn
        with writing("the report"):
            written = next((write for name, write in kinds.items() if (folder / name).is_file()), write_report)(folder)
            write_manifest(folder, only=("report.html", "figures"))
    except (RunError, ManifestError) as error:
        refuse(str(error))
    tell_version(folder)
    print(f"Report: {written}")


@app.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The page to write.", metavar="FILE", callback=place)] = Path(
        "compare.html"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace the page if there is one.")] = False,
) -> None:
    """Put runs side by side on one page, and say how they differ."""
    if out.is_file() and not force:
        refuse(f"{out} exists: name another file with --out, or say --force")
    from rich.console import Console

    from analysis import RunError, write_comparison
    from analysis.report_comparison import compare as compared
    from analysis.verdict import verdict_of_run
    from simulator.experiments.run.verdict import tell_verdict

    try:
        with writing():
            written = write_comparison(folders, out)
        comparison = compared(folders)
        verdict = verdict_of_run(comparison.joined, comparison.own_labels)
    except RunError as error:
        refuse(str(error))
    for folder in folders:
        tell_version(folder)
    tell_verdict(verdict, Console(emoji=False))
    print(f"Comparison: {written}")

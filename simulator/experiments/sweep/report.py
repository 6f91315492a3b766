"""What a sweep ends with: its figures and its page, and on the console its verdict and its table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from simulator.experiments.run.consoles import status
from simulator.experiments.run.verdict import tell_verdict
from simulator.experiments.sweep.table import print_table
from simulator.settings.disk import told

if TYPE_CHECKING:
    from rich.console import Console

    from analysis import Sweep
    from analysis.goal import Target

REPORT = "report.html"


def tell_results(folder: Path, target: Target | None, console: Console) -> None:
    """Draw the report of a sweep, and print its verdict, where the report is, and the table.

    Args:
        folder: the sweep's folder.
        target: what is to be reached; None without a target.
        console: where it is printed.
    """
    from analysis.verdict import verdict_of_sweep

    with status(console, "Figures and report"):
        text, swept = _report(folder)
    if swept is not None:
        tell_verdict(verdict_of_sweep(swept), console)
    console.print(text, soft_wrap=True, highlight=False, markup=False)
    if swept is not None:
        print_table(console, swept, target, str(folder / REPORT))


def _report(folder: Path) -> tuple[str, Sweep | None]:
    """Write figures and report unless they exist; return where the report is, and the sweep.

    A report that cannot be drawn is no failure of the sweep: the text then says why there is none, without a sweep.
    """
    from analysis import RunError, load_sweep, write_sweep_figures, write_sweep_report

    try:
        sweep = load_sweep(folder)
        if not (folder / REPORT).exists():
            write_sweep_report(sweep, write_sweep_figures(sweep))
        return f"Report: {folder / REPORT}", sweep
    except (RunError, OSError) as error:
        why = told(error) if isinstance(error, OSError) else error
        return f"There is no report: {why}. Try again with: sfsim report {folder}", None

"""All figures of a run as PNG files."""

from __future__ import annotations

from pathlib import Path

from analysis import style
from analysis.curves import (
    plot_accuracy_vs_bytes,
    plot_accuracy_vs_carbon,
    plot_accuracy_vs_cost,
    plot_accuracy_vs_energy,
    plot_accuracy_vs_time,
    plot_personal_accuracy_vs_time,
    shows_personal_accuracy,
)
from analysis.labels import plot_label_histogram
from analysis.measures import present
from analysis.runs import load_run
from analysis.timeline import plot_round_timeline
from analysis.where import plot_where_it_goes


def write_figures(folder: str | Path) -> list[Path]:
    """Draw all figures of a run into its `figures/`, and return their paths, always in the same order.

    Raises:
        RunError: there is no such run, or a file of it cannot be read.
    """
    run = load_run(folder)
    figures = {
        "accuracy_vs_time": plot_accuracy_vs_time(run),
        "accuracy_vs_bytes": plot_accuracy_vs_bytes(run),
        "accuracy_vs_energy": plot_accuracy_vs_energy(run),
        "where_it_goes": plot_where_it_goes(run)[0],
        "round_timeline": plot_round_timeline(run)[0],
    }
    if present(run.rounds, "cost_usd"):
        figures["accuracy_vs_cost"] = plot_accuracy_vs_cost(run)
    if present(run.rounds, "carbon_kg"):
        figures["accuracy_vs_carbon"] = plot_accuracy_vs_carbon(run)
    if shows_personal_accuracy(run):
        figures["personal_accuracy_vs_time"] = plot_personal_accuracy_vs_time(run)
    if not run.clients.empty:
        figures["label_histogram"] = plot_label_histogram(run)[0]
    return [
        style.save(style.figure_of(ax).figure, run.folder / "figures" / f"{name}.png") for name, ax in figures.items()
    ]

"""All figures of a run as PNG files."""

from __future__ import annotations

from pathlib import Path

from analysis import style
from analysis.accuracy import Against
from analysis.curves import (
    plot_accuracy_vs_bytes,
    plot_accuracy_vs_carbon,
    plot_accuracy_vs_cost,
    plot_accuracy_vs_energy,
    plot_accuracy_vs_time,
    plot_loss,
    plot_personal_accuracy_vs_time,
    shows_personal_accuracy,
)
from analysis.devices import crowd_of, plot_devices
from analysis.labels import plot_label_histogram
from analysis.measures import by_loss, present
from analysis.runs import Run, load_run
from analysis.timeline import plot_round_timeline
from analysis.where import plot_where_it_goes


def write_figures(folder: str | Path | Run) -> list[Path]:
    """Draw all figures of a run into its `figures/`, and return their paths, always in the same order.

    Args:
        folder: the folder of the run, or the run itself.

    Raises:
        RunError: there is no such run, or a file of it cannot be read.
    """
    run = folder if isinstance(folder, Run) else load_run(folder)
    costs = _costs(run) if by_loss(run) else {}
    figures = {f"loss_vs_{name}": plot_loss(run, against) for name, against in costs.items()} | {
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
    if crowd_of({label: (run, label) for label in run.labels}):
        figures["devices_by_group"] = plot_devices(run)[0]
    if not run.clients.empty:
        figures["label_histogram"] = plot_label_histogram(run)[0]
    return [
        style.save(style.figure_of(ax).figure, run.folder / "figures" / f"{name}.png") for name, ax in figures.items()
    ]


def _costs(run: Run) -> dict[str, Against]:
    """Return against which costs the loss of a run is drawn, by the ends of the figures' names."""
    billed: tuple[tuple[str, Against, str], ...] = (("cost", "money", "cost_usd"), ("carbon", "carbon", "carbon_kg"))
    costs: dict[str, Against] = {"time": "time", "bytes": "bytes", "energy": "energy"}
    return costs | {name: against for name, against, column in billed if present(run.rounds, column)}

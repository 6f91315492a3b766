"""Turn run and sweep folders into data frames, figures and reports.

The package reads files only: of the simulator it imports nothing but helpers for units and files.

>>> from analysis import load_run, plot_accuracy_vs_time
>>> run = load_run("runs/quickstart-1")                         # doctest: +SKIP
>>> plot_accuracy_vs_time(run).figure.savefig("accuracy.png")   # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.accuracy import accuracy_curve
    from analysis.against import saving
    from analysis.break_even import plot_break_even, winner_map
    from analysis.curves import (
        plot_accuracy,
        plot_accuracy_vs_bytes,
        plot_accuracy_vs_carbon,
        plot_accuracy_vs_cost,
        plot_accuracy_vs_energy,
        plot_accuracy_vs_time,
        plot_loss,
        plot_personal_accuracy_vs_time,
    )
    from analysis.figures import write_figures
    from analysis.heat_maps import plot_heat_map, plot_heat_maps
    from analysis.labels import label_histogram, plot_label_histogram
    from analysis.over_axis import plot_over_axis
    from analysis.pareto import pareto_front, plot_pareto
    from analysis.reading import RunError
    from analysis.report import write_comparison, write_report
    from analysis.report_search import write_search_report
    from analysis.report_sweep import write_sweep_report
    from analysis.runs import Run, load_run
    from analysis.search_figures import write_search_figures
    from analysis.searches import Search, load_search
    from analysis.sweep_figures import write_sweep_figures
    from analysis.sweeps import Sweep, load_sweep
    from analysis.timeline import plot_round_timeline
    from analysis.trace import write_trace
    from analysis.where import device_shares, plot_where_it_goes

# A module is imported when one of its names is first used: importing this package alone loads no pandas or matplotlib.
_HOMES = {
    "runs": ("Run", "RunError", "load_run"),
    "accuracy": ("accuracy_curve",),
    "curves": (
        *("plot_accuracy", "plot_accuracy_vs_bytes", "plot_accuracy_vs_energy", "plot_accuracy_vs_time"),
        *("plot_accuracy_vs_carbon", "plot_accuracy_vs_cost"),
        *("plot_loss", "plot_personal_accuracy_vs_time"),
    ),
    "labels": ("label_histogram", "plot_label_histogram"),
    "where": ("device_shares", "plot_where_it_goes"),
    "timeline": ("plot_round_timeline",),
    "figures": ("write_figures",),
    "report": ("write_comparison", "write_report"),
    "report_sweep": ("write_sweep_report",),
    "report_search": ("write_search_report",),
    "search_figures": ("write_search_figures",),
    "searches": ("Search", "load_search"),
    "sweeps": ("Sweep", "load_sweep"),
    "over_axis": ("plot_over_axis",),
    "heat_maps": ("plot_heat_map", "plot_heat_maps"),
    "break_even": ("plot_break_even", "winner_map"),
    "pareto": ("pareto_front", "plot_pareto"),
    "sweep_figures": ("write_sweep_figures",),
    "against": ("saving",),
    "trace": ("write_trace",),
}

__all__ = [
    "Run",
    "RunError",
    "Search",
    "Sweep",
    "accuracy_curve",
    "device_shares",
    "label_histogram",
    "load_run",
    "load_search",
    "load_sweep",
    "pareto_front",
    "plot_accuracy",
    "plot_accuracy_vs_bytes",
    "plot_accuracy_vs_carbon",
    "plot_accuracy_vs_cost",
    "plot_accuracy_vs_energy",
    "plot_accuracy_vs_time",
    "plot_break_even",
    "plot_heat_map",
    "plot_heat_maps",
    "plot_label_histogram",
    "plot_loss",
    "plot_over_axis",
    "plot_pareto",
    "plot_personal_accuracy_vs_time",
    "plot_round_timeline",
    "plot_where_it_goes",
    "saving",
    "winner_map",
    "write_comparison",
    "write_figures",
    "write_report",
    "write_search_figures",
    "write_search_report",
    "write_sweep_figures",
    "write_sweep_report",
    "write_trace",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"analysis.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

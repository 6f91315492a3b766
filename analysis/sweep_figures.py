"""All figures of a sweep as PNG files; its axes and measures settle which ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matplotlib.axes import Axes

from analysis import style
from analysis.axes import Axis
from analysis.break_even import plot_break_even
from analysis.headline import LOSS, accuracy_of, learned_of, time_of
from analysis.heat_maps import plot_heat_maps
from analysis.measures import present
from analysis.over_axis import plot_over_axis
from analysis.pareto import plot_pareto
from analysis.sweeps import Sweep, opened

MEASURES = (
    *("sim_time_s", "bytes", "client_energy_j"),
    *("cost_usd", "cost_to_target_usd", "carbon_kg", "carbon_to_target_kg"),
)
"""What is drawn after accuracy and the time to the target."""
COSTS = ("sim_time_s", "bytes", "client_energy_j")
BILLED = ("cost_usd", "carbon_kg")
"""The costs that only scenarios with prices or carbon intensities have."""
# If a smaller share of a grid's places has a point, a map has more holes than cells.
_FULL_ENOUGH = 0.5


def write_sweep_figures(sweep: str | Path | Sweep) -> list[Path]:
    """Draw the figures of a sweep into its `figures/`, and return their paths, always in the same order.

    With one axis, each measure is drawn over it. With two, each measure has a heat map and a break-even map. With more,
    the same is drawn over the first two (those with numbers first), the others held at their middle values, as the
    captions say. If accuracy was measured, it is drawn against each cost as well.

    Args:
        sweep: the sweep, or its folder.

    Raises:
        RunError: there is no such sweep, or a file of it cannot be read.
    """
    sweep = opened(sweep)
    return [
        style.save(style.figure_of(ax).figure, sweep.folder / "figures" / f"{name}.png") for name, ax in _drawn(sweep)
    ]


def _drawn(sweep: Sweep) -> Iterator[tuple[str, Axes]]:
    """Draw each figure, and yield its name and its axes."""
    learned = learned_of(sweep.summary, sweep.task)
    further = ("perplexity", accuracy_of(sweep.summary)) if learned == LOSS else ()
    known = [name for name in (learned, *further, time_of(sweep.summary), *MEASURES) if present(sweep.summary, name)]
    measures = [name for name in known if sweep.measure(name).values(sweep.summary).notna().any()]
    dimensions = sorted(sweep.dimensions, key=lambda axis: not axis.numeric)
    if len(dimensions) == 1:
        for measure in measures:
            yield f"over_axis_{measure}", plot_over_axis(sweep, dimensions[0].key, measure)
    elif len(dimensions) > 1:
        x, y, *others = dimensions
        part = sweep.at({axis.key: axis.values[len(axis.values) // 2] for axis in others}) if others else sweep
        for measure in measures if _full(part, x, y) else []:
            yield f"heat_map_{measure}", plot_heat_maps(part, x.key, y.key, measure)[0]
            if len(part.labels) > 1:
                yield f"break_even_{measure}", plot_break_even(part, x.key, y.key, measure)
    if learned in measures:
        for cost in (*COSTS, *(name for name in BILLED if name in measures)):
            yield f"pareto_{cost}", plot_pareto(sweep, cost)


def _full(sweep: Sweep, x: Axis, y: Axis) -> bool:
    """Return whether at least half of the grid's cells hold a point: in a sample, few may."""
    places = sweep.summary[[x.key, y.key]].drop_duplicates()
    return len(places) >= _FULL_ENOUGH * len(x.values) * len(y.values)

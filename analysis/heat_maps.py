"""A measure over two axes of a sweep: one cell a point, one panel a label, the same colours for all."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis import style
from analysis.axes import Axis
from analysis.grids import dress_grid, grid_of, grid_size, nothing_said, seeds_said
from analysis.quantities import Measure
from analysis.runs import RunError
from analysis.scales import log_locator, spans_wide
from analysis.sweeps import Sweep
from simulator.settings.humanize import Scale, common_scale, human

# Made for colour-blind readers; its lightness rises all the way, so it reads in grey too.
COLOURS = colormaps["cividis"]
_FONTS = (9.0, 8.0, 7.0, 6.0)
_MOST_COLUMNS = 3


def plot_heat_map(
    sweep: Sweep, x: str, y: str, measure: str = "sim_time_s", label: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a measure of one label over two axes, mean over seeds; values are written where they fit their cells.

    `label` may be left out where there is only one. Raises RunError for names that the sweep has not, and where
    several points are at one place.
    """
    if label is None and len(sweep.labels) > 1:
        raise RunError(f"{sweep.folder}: name the label to draw: {', '.join(sweep.labels)}")
    shown = sweep.labels[0] if label is None else label
    if shown not in sweep.labels:
        raise RunError(f"{sweep.folder}: there is no label {shown!r}; there are: {', '.join(sweep.labels)}")
    (drawn,) = _draw(sweep, x, y, measure, [shown], None if ax is None else [ax])
    return drawn


def plot_heat_maps(sweep: Sweep, x: str, y: str, measure: str = "sim_time_s") -> list[Axes]:
    """Draw a measure over two axes for each label, side by side in the same colours; returns their axes."""
    return _draw(sweep, x, y, measure, sweep.labels, None)


def _draw(sweep: Sweep, x: str, y: str, measure: str, labels: list[str], axes: list[Axes] | None) -> list[Axes]:
    across, up, what = sweep.axis(x), sweep.axis(y), sweep.measure(measure)
    means = sweep.means([across.key, up.key], measure)
    grids = [grid_of(means[means["label"] == label], across, up, "mean") for label in labels]
    partial = [grid_of(means[means["label"] == label], across, up, "lacking") for label in labels]
    present = np.concatenate([grid[np.isfinite(grid)] for grid in grids])
    axes = axes or _panels(len(labels), across, up)
    name = what.name[0].upper() + what.name[1:]
    marked = any(bool(((lacking > 0) & np.isfinite(grid)).any()) for grid, lacking in zip(grids, partial, strict=True))
    said = seeds_said(sweep) + ("; * of fewer seeds" if marked else "")
    for place, (ax, label) in enumerate(zip(axes, labels, strict=True)):
        title = f"{name}, {style.shortened(label)}" if len(labels) == 1 else style.shortened(label)
        dress_grid(ax, title, said if place == 0 else "", across, up)
        if len(labels) > 1:
            _label_outer(ax, place, len(labels))
    if not len(present):
        for ax in axes:
            style.say(ax, nothing_said(sweep, what))
        return axes
    # In one unit where all read well in it, in SI where they lie too far apart for that.
    unit = common_scale(what.kind, present)
    shown = present / unit.divisor if unit else present
    norm = _norm(shown, what)
    grids = [grid / unit.divisor if unit else grid for grid in grids]
    images = [ax.imshow(grid, cmap=COLOURS, norm=norm, origin="lower", aspect="auto", interpolation="nearest", zorder=1)
              for ax, grid in zip(axes, grids, strict=True)]  # fmt: skip
    _colour_bar(axes, images[0], what, unit, float(shown.max() / shown.min()) if isinstance(norm, LogNorm) else 1.0)
    tell = functools.partial(_told, what, unit)
    notes = [
        _write_cells(ax, grid, lacking, tell, norm) for ax, grid, lacking in zip(axes, grids, partial, strict=True)
    ]
    _fit(axes, notes, across, up)
    return axes


def _columns(count: int) -> int:
    """As many panels side by side as fill all rows best."""
    return math.ceil(count / math.ceil(count / _MOST_COLUMNS))


def _panels(count: int, x: Axis, y: Axis) -> list[Axes]:
    width, height = grid_size(x, y)
    columns = _columns(count)
    rows = math.ceil(count / columns)
    figure = style.new_figure(min(columns * width + 2.2, 15.0), rows * (height + 0.6) + 0.9)
    every = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for spare in every[count:]:
        spare.set_axis_off()
    return every[:count]


def _label_outer(ax: Axes, place: int, count: int) -> None:
    """Keep the ticks and names of axes at the left and below, where no panel follows."""
    if place + _columns(count) < count:
        ax.set_xlabel("")
        ax.tick_params(axis="x", labelbottom=False)
    if place % _columns(count):
        ax.set_ylabel("")
        ax.tick_params(axis="y", labelleft=False)


def _norm(values: np.ndarray, what: Measure) -> Normalize:
    low, high = float(values.min()), float(values.max())
    if low == high:  # any colour will do, but not the darkest, on which the eye looks for a reason
        return Normalize(low - 1, high + 1)
    wide = what.kind != "fraction" and spans_wide(values)
    return LogNorm(low, high) if wide else Normalize(low, high)


def _told(what: Measure, unit: Scale | None, value: float) -> str:
    """A value as drawn: in the common unit, which is said elsewhere, or with its own."""
    return Scale(1.0, "").text(value) if unit else human(what.kind, value)


def _colour_bar(axes: list[Axes], image: AxesImage, what: Measure, unit: Scale | None, ratio: float) -> None:
    bar = style.figure_of(axes[0]).colorbar(image, ax=axes if len(axes) > 1 else axes[0], pad=0.02, aspect=30)
    bar.ax.tick_params(labelsize=8)
    if isinstance(image.norm, LogNorm):
        bar.ax.yaxis.set_major_locator(log_locator("count" if unit else what.kind, ratio))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _told(what, unit, value)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.outline.set_visible(False)
    bar.set_label(f"{what.name} ({unit.unit})" if unit and unit.unit else what.name, fontsize=9)


def _write_cells(
    ax: Axes, grid: np.ndarray, lacking: np.ndarray, tell: Callable[[float], str], norm: Normalize
) -> list[Text]:
    notes = []
    for (row, column), value in np.ndenumerate(grid):
        if not np.isfinite(value):
            continue
        red, green, blue, _ = COLOURS(norm(value))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        note = ax.text(column, row, tell(value) + ("*" if lacking[row, column] else ""), ha="center", va="center",
                       color="white" if dark else style.INK, parse_math=False, gid="cell")  # fmt: skip
        note.set_in_layout(False)
        notes.append(note)
    return notes


@style.any_script()
def _fit(axes: Sequence[Axes], notes: Sequence[list[Text]], x: Axis, y: Axis) -> None:
    """Give all cells' texts the largest size at which each fits its cell; where none does, take them away."""
    style.figure_of(axes[0]).figure.draw_without_rendering()  # only now does the layout say how large the cells are
    for font in _FONTS:
        if all(_fits(ax, each, font, x, y) for ax, each in zip(axes, notes, strict=True)):
            return
    for note in itertools.chain.from_iterable(notes):
        note.remove()


def _fits(ax: Axes, notes: list[Text], font: float, x: Axis, y: Axis) -> bool:
    frame = ax.get_window_extent()
    width, height = 0.94 * frame.width / len(x.values), 0.94 * frame.height / len(y.values)
    for note in notes:
        note.set_fontsize(font)
    boxes = [note.get_window_extent() for note in notes]
    return all(box.width <= width and box.height <= height for box in boxes)

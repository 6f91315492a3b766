"""Heat maps of a measure over two axes of a sweep: a cell per point, a panel per label, one colour scale for all."""

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
from analysis.reading import RunError
from analysis.scales import log_locator, spans_wide
from analysis.sweeps import Sweep
from simulator.settings.humanize import Scale, common_scale, human

# Made for colour-blind readers; its lightness rises all the way, so that it reads in grey too.
COLOURS = colormaps["cividis"]
_FONTS = (9.0, 8.0, 7.0, 6.0)
_MOST_COLUMNS = 3


def plot_heat_map(
    sweep: Sweep, x: str, y: str, measure: str = "sim_time_s", label: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a measure of one label over two axes, by its means over seeds; values are written if they fit their cells.

    Args:
        sweep: the sweep.
        x: the key of the horizontal axis, or its shortest unique end.
        y: the same of the vertical axis.
        measure: the column of the summary to draw, or `bytes`.
        label: the label to draw; it may be left out where there is only one.
        ax: the axes to draw on; by default those of a new figure.

    Raises:
        RunError: the sweep has no such axis, measure or label, or has several points at one place.
    """
    if label is None and len(sweep.labels) > 1:
        raise RunError(f"{sweep.folder}: name the label to draw: {', '.join(sweep.labels)}")
    shown = sweep.labels[0] if label is None else label
    if shown not in sweep.labels:
        raise RunError(f"{sweep.folder}: there is no label {shown!r}; there are: {', '.join(sweep.labels)}")
    (drawn,) = _draw(sweep, x, y, measure, [shown], None if ax is None else [ax])
    return drawn


def plot_heat_maps(sweep: Sweep, x: str, y: str, measure: str = "sim_time_s") -> list[Axes]:
    """Draw a measure over two axes for each label, side by side on one colour scale, and return the panels' axes.

    Args:
        sweep: the sweep.
        x: the key of the horizontal axis, or its shortest unique end.
        y: the same of the vertical axis.
        measure: the column of the summary to draw, or `bytes`.

    Raises:
        RunError: the sweep has no such axis or measure, or has several points at one place.
    """
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
    caption = seeds_said(sweep) + ("; * of fewer seeds" if marked else "")
    for index, (ax, label) in enumerate(zip(axes, labels, strict=True)):
        title = f"{name}, {style.shortened(label)}" if len(labels) == 1 else style.shortened(label)
        dress_grid(ax, title, caption if index == 0 else "", across, up)
        if len(labels) > 1:
            _label_outer(ax, index, len(labels))
    if not len(present):
        for ax in axes:
            style.say(ax, nothing_said(sweep, what))
        return axes
    # One unit if all values read well in it; SI if they lie too far apart for that.
    unit = common_scale(what.kind, present)
    shown = present / unit.divisor if unit else present
    norm = _norm(shown, what)
    grids = [grid / unit.divisor if unit else grid for grid in grids]
    images = [ax.imshow(grid, cmap=COLOURS, norm=norm, origin="lower", aspect="auto", interpolation="nearest", zorder=1)
              for ax, grid in zip(axes, grids, strict=True)]  # fmt: skip
    _colour_bar(axes, images[0], what, unit, float(shown.max() / shown.min()) if isinstance(norm, LogNorm) else 1.0)
    text_of = functools.partial(_text_of, what, unit)
    notes = [
        _write_cells(ax, grid, lacking, text_of, norm) for ax, grid, lacking in zip(axes, grids, partial, strict=True)
    ]
    _fit(axes, notes, across, up)
    return axes


def _columns(count: int) -> int:
    """Return how many panels stand side by side, so that the rows are as evenly filled as possible."""
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


def _label_outer(ax: Axes, index: int, count: int) -> None:
    """Remove tick labels and axis names between panels: they stay on the outer panels at the left and below."""
    if index + _columns(count) < count:
        ax.set_xlabel("")
        ax.tick_params(axis="x", labelbottom=False)
    if index % _columns(count):
        ax.set_ylabel("")
        ax.tick_params(axis="y", labelleft=False)


def _norm(values: np.ndarray, what: Measure) -> Normalize:
    low, high = float(values.min()), float(values.max())
    if low == high:  # a colour from the middle: at an end of the scale it would look remarkable
        return Normalize(low - 1, high + 1)
    wide = what.kind != "fraction" and spans_wide(values)
    return LogNorm(low, high) if wide else Normalize(low, high)


def _text_of(what: Measure, unit: Scale | None, value: float) -> str:
    """Return a value as text: in the common unit, which the colour bar names, or with a unit of its own."""
    return Scale(1.0, "").text(value) if unit else human(what.kind, value)


def _colour_bar(axes: list[Axes], image: AxesImage, what: Measure, unit: Scale | None, ratio: float) -> None:
    bar = style.figure_of(axes[0]).colorbar(image, ax=axes if len(axes) > 1 else axes[0], pad=0.02, aspect=30)
    bar.ax.tick_params(labelsize=8)
    if isinstance(image.norm, LogNorm):
        bar.ax.yaxis.set_major_locator(log_locator("count" if unit else what.kind, ratio))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _text_of(what, unit, value)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.outline.set_visible(False)
    bar.set_label(f"{what.name} ({unit.unit})" if unit and unit.unit else what.name, fontsize=9)


def _write_cells(
    ax: Axes, grid: np.ndarray, lacking: np.ndarray, text_of: Callable[[float], str], norm: Normalize
) -> list[Text]:
    """Write each value into its cell, with a star if it lacks a seed, and return the texts."""
    notes = []
    for (row, column), value in np.ndenumerate(grid):
        if not np.isfinite(value):
            continue
        red, green, blue, _ = COLOURS(norm(value))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        note = ax.text(column, row, text_of(value) + ("*" if lacking[row, column] else ""), ha="center", va="center",
                       color="white" if dark else style.INK, parse_math=False, gid="cell")  # fmt: skip
        note.set_in_layout(False)
        notes.append(note)
    return notes


@style.any_script()
def _fit(axes: Sequence[Axes], notes: Sequence[list[Text]], x: Axis, y: Axis) -> None:
    """Give all texts the largest font size at which each fits its cell; remove them if there is none."""
    style.figure_of(axes[0]).figure.draw_without_rendering()  # the layout settles the size of the cells only here
    for font in _FONTS:
        if all(_fits(ax, own_notes, font, x, y) for ax, own_notes in zip(axes, notes, strict=True)):
            return
    for note in itertools.chain.from_iterable(notes):
        note.remove()


def _fits(ax: Axes, notes: list[Text], font: float, x: Axis, y: Axis) -> bool:
    """Set the font size of a panel's texts, and return whether each then fits its cell."""
    frame = ax.get_window_extent()
    width, height = 0.94 * frame.width / len(x.values), 0.94 * frame.height / len(y.values)
    for note in notes:
        note.set_fontsize(font)
    boxes = [note.get_window_extent() for note in notes]
    return all(box.width <= width and box.height <= height for box in boxes)

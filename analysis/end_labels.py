"""Names at the ends of lines, so that a reader need not look back and forth between legend and lines."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from analysis import style

_GAP = 6.0  # points between a line's end and its name
_FONT = 9.0

# More lines than this get a legend instead: names at their ends would cover the lines.
MOST_END_LABELS = 8


@dataclass(frozen=True)
class EndLabel:
    """The name of a line, to be written at its end.

    Attributes:
        text: the name.
        x: where the line ends, in data coordinates.
        y: the same.
        colour: the colour of the name.
    """

    text: str
    x: float
    y: float
    colour: str


@style.any_script()
def place_end_labels(ax: Axes, labels: Sequence[EndLabel]) -> list[Annotation]:
    """Write each name to the right of its line's end, moved up or down so that no names overlap.

    The x axis is lengthened until all names fit. A name that moves far gets a thin leader to its line.

    Returns:
        The annotations, in the order of the labels.
    """
    notes = [_annotate(ax, label) for label in labels]
    _make_room(ax, labels, notes)
    frame = ax.get_window_extent()
    step = 0.5 * max((note.get_window_extent().height for note in notes), default=1.0)
    in_points = 72.0 / style.figure_of(ax).get_dpi()
    curves = _curve_pixels(ax)
    # Text that is there already, such as that of the target, must not be covered either.
    taken = [text.get_window_extent() for text in ax.texts if text not in notes]
    for label, note in sorted(zip(labels, notes, strict=True), key=lambda pair: -pair[0].y):
        box = note.get_window_extent().padded(1.5 / in_points)  # with the white rim
        shift = min(
            (steps * step for steps in sorted(range(-40, 41), key=abs)),
            key=lambda shift: _badness(box.translated(0, shift), abs(shift) / step, taken, curves, frame),
        )
        taken.append(box.translated(0, shift))
        note.set_position((_GAP, shift * in_points))
        if abs(shift) > 1.5 * step:
            _lead(ax, (label.x, label.y), (_GAP - 1, shift * in_points), label.colour)
    return notes


def name_curves(ax: Axes, labels: Sequence[EndLabel], names: Sequence[str]) -> None:
    """Name the curves of some axes at their ends or, if there are too many, in a legend.

    Args:
        ax: the axes, whose curves have the gid "curve".
        labels: a label for the end of each curve.
        names: the names for a legend, in the order of the curves.
    """
    if len(labels) > MOST_END_LABELS:
        handles = [line for line in ax.get_lines() if line.get_gid() == "curve"]
        ax.legend(handles, names, fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    else:
        place_end_labels(ax, labels)


def _annotate(ax: Axes, label: EndLabel) -> Annotation:
    note = ax.annotate(
        label.text,
        xy=(label.x, label.y),
        xytext=(_GAP, 0),
        textcoords="offset points",
        va="center",
        ha="left",
        fontsize=_FONT,
        fontweight="bold",
        color=label.colour,
        zorder=5,
        annotation_clip=False,
        parse_math=False,
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
    )
    note.set_in_layout(False)
    return note


def _lead(ax: Axes, end: tuple[float, float], offset: tuple[float, float], colour: str) -> None:
    """Draw a thin leader from the end of a line (data coordinates) to its name, `offset` points away."""
    leader = ax.annotate(
        "",
        xy=end,
        xytext=offset,
        textcoords="offset points",
        arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "alpha": 0.7, "shrinkA": 0, "shrinkB": 2},
        annotation_clip=False,
        zorder=2,
    )
    leader.set_in_layout(False)


def _make_room(ax: Axes, labels: Sequence[EndLabel], notes: Sequence[Annotation]) -> None:
    """Lengthen the x axis, linear or logarithmic, until each name ends inside the frame."""
    figure = style.figure_of(ax)
    figure.figure.draw_without_rendering()  # the layout settles the width of the axes only here
    width = ax.get_window_extent().width
    forward, back = ax.transScale.transform, ax.transScale.inverted().transform
    left, right = (float(forward((x, 1.0))[0]) for x in ax.get_xlim())
    for label, note in zip(labels, notes, strict=True):
        needed = note.get_window_extent().width + (_GAP + 4) * figure.get_dpi() / 72.0
        share = min(needed / width, 0.6)
        end = float(forward((label.x, 1.0))[0])
        right = max(right, left + (end - left) / (1 - share))
    ax.set_xlim(right=float(back((right, 1.0))[0]))


def _curve_pixels(ax: Axes) -> np.ndarray:
    """Return points (pixels, [N, 2]) along all curves and the target, so dense that none passes under a name unseen."""
    pieces = [np.empty((0, 2))]
    for line in ax.get_lines():
        if line.get_gid() not in ("curve", "target"):
            continue
        path = line.get_path().transformed(line.get_transform())
        vertices = np.asarray(path.vertices, dtype=float)
        for start, stop in itertools.pairwise(vertices):
            if not np.isfinite((start, stop)).all():  # a gap in the line
                continue
            count = max(2, int(np.hypot(*(stop - start)) // 4))
            pieces.append(np.linspace(start, stop, count))
    return np.concatenate(pieces)


def _badness(box: Bbox, moved: float, taken: Sequence[Bbox], curves: np.ndarray, frame: Bbox) -> float:
    """Return a penalty for writing a name at some place.

    Covering another name or leaving the frame is as good as excluded, covering a curve is poor, and distance from the
    line counts a little.

    Args:
        box: the extent of the name, in pixels.
        moved: by how much it is moved, in steps.
        taken: the extents of the texts that are already there.
        curves: points along the curves, in pixels, [N, 2].
        frame: the extent of the axes.
    """
    covered = sum(1 for other in taken if box.overlaps(other))
    outside = max(0.0, box.y1 - frame.y1) + max(0.0, frame.y0 - box.y0)
    inside = (curves[:, 0] > box.x0) & (curves[:, 0] < box.x1) & (curves[:, 1] > box.y0) & (curves[:, 1] < box.y1)
    return 1000.0 * covered + 100.0 * outside + 1.5 * min(int(inside.sum()), 8) + moved

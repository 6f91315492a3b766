"""The common style of all figures: colours, line styles, the frame of an axis, and how a figure is saved."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch

from analysis.places import LINES
from simulator.settings.disk import written
from simulator.settings.files import atomically

DPI = 150
_NOTEBOOK_DPI = 100
INK, QUIET, GRID = "#222222", "#666666", "#e4e4e4"

_DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")

# After Paul Tol's palettes, softer than the colours of lines, so that a phase is never mistaken for a label. Phases
# that follow each other in a bar also differ in lightness, so that they can be told apart in grey.
WAITING, IDLE = "waiting", "idle power"
_PHASES = {
    "provisioning": "#BBCC33",
    "model exchange": "#4477AA",
    "local loss": "#EEDD88",
    "pruning": "#CC6677",
    "training": "#66BBA5",
    "split training": "#F0A070",
    "aggregation": "#882255",
    WAITING: "#E6E6E6",
    IDLE: "#C4C4C4",
}
_FURTHER_PHASES = ("#99DDFF", "#AAAA00", "#C0956B", "#6688AA", "#DD99CC", "#88AA77")


def line_colour(place: int) -> str:
    """Return the colour of the label at this place."""
    return LINES[place % len(LINES)]


def line_style(place: int) -> dict[str, object]:
    """Return the Line2D settings of the label at this place: colour, dashes and marker, so as to read in grey too."""
    # The dashes shift by one whenever the colours start again, so that no two of the first forty lines are equal.
    dashes = _DASHES[(place + place // len(LINES)) % len(_DASHES)]
    return {"color": line_colour(place), "linestyle": dashes, "marker": _MARKERS[place % len(_MARKERS)]}


def phase_order(phases: Iterable[str]) -> list[str]:
    """Return the phases in the order in which figures stack them: as in a round, then others, then waiting and idle."""
    present = dict.fromkeys(phases)
    last = [name for name in (WAITING, IDLE) if name in present]
    known = [name for name in _PHASES if name in present and name not in last]
    return known + sorted(name for name in present if name not in _PHASES) + last


def phase_colours(phases: Iterable[str]) -> dict[str, str]:
    """Return a colour for each phase; the usual phases have the same one in every figure of every run."""
    order = phase_order(phases)
    further = [name for name in order if name not in _PHASES]
    spare = {name: _FURTHER_PHASES[index % len(_FURTHER_PHASES)] for index, name in enumerate(further)}
    return {name: _PHASES.get(name) or spare[name] for name in order}


def darker(colour: str, amount: float = 0.25) -> str:
    """Return a colour moved towards black, by a fraction: text needs more contrast than a line does."""
    red, green, blue = (channel * (1 - amount) for channel in to_rgb(colour))
    return to_hex((red, green, blue))


def paler(colour: str, amount: float = 0.65) -> str:
    """Return a colour moved towards white, by a fraction."""
    red, green, blue = (1 - (1 - channel) * (1 - amount) for channel in to_rgb(colour))
    return to_hex((red, green, blue))


def shortened(label: str, longest: int = 28) -> str:
    """Return a label of at most so many characters, cut in the middle: variants of an algorithm differ at the end."""
    if len(label) <= longest:
        return label
    tail = (longest - 1) // 2
    return f"{label[: longest - 1 - tail]}…{label[-tail:]}"


def shortened_apart(labels: Sequence[str], longest: int = 28) -> list[str]:
    """Return labels as `shortened` cuts them, but all of them longer if two would read the same."""
    while True:
        short = [shortened(label, longest) for label in labels]
        if len(set(short)) == len(set(labels)):
            return short
        longest += 2


class ShownFigure(Figure):
    """A figure that a notebook shows as a picture, although pyplot does not know it."""

    def _repr_png_(self) -> bytes:
        """Return the figure as a PNG file, as IPython asks for it."""
        picture = io.BytesIO()
        with any_script():
            self.savefig(picture, format="png", dpi=_NOTEBOOK_DPI)
        return picture.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """Return a figure of this size in inches, made without pyplot: no global state, no backend, nothing to close."""
    return ShownFigure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")


def figure_of(ax: Axes) -> Figure | SubFigure:
    """Return the figure or subfigure to which some axes belong."""
    figure = ax.get_figure()
    assert figure is not None, "an Axes without a figure cannot be drawn on"
    return figure


def dress(ax: Axes, title: str = "", grid: str = "both", caption: str = "") -> None:
    """Draw the common frame: a title at the left, a grey caption below it, two spines, a grid behind the data.

    Args:
        ax: the axes.
        title: the title.
        grid: the axes that have grid lines: "x", "y" or "both".
        caption: the caption; long lines are wrapped.
    """
    lines = _wrapped(ax, caption)
    if title:
        pad = 8.0 + 11.0 * len(lines) if lines else None
        ax.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, parse_math=False, pad=pad)
    if caption:
        note = ax.annotate(
            "\n".join(lines),
            xy=(0.0, 1.0),
            xycoords="axes fraction",
            xytext=(0, 5),
            textcoords="offset points",
            fontsize=8,
            color=QUIET,
            parse_math=False,
            gid="caption",
        )
        note.set_in_layout(False)  # the title's padding leaves room for it, and a long caption must not shrink the axes
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color("#999999")
    ax.tick_params(colors=INK, labelsize=9, length=3)
    ax.grid(visible=True, axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    ax.set_axisbelow(True)


def _wrapped(ax: Axes, caption: str) -> list[str]:
    """Return the lines of a caption, none much longer than the axes are wide, as far as known before the layout."""
    inches = ax.get_position().width * figure_of(ax).figure.get_figwidth()
    return [part for line in caption.splitlines() for part in textwrap.wrap(line, max(20, int(inches * 17)))]


def shared_legend(ax: Axes, handles: list[Patch], columns: int) -> None:
    """Draw one legend for all axes of a figure, below them.

    Args:
        ax: some axes of the figure.
        handles: the entries of the legend; without any there is no legend.
        columns: the most columns.
    """
    if not handles:
        return
    figure = figure_of(ax)
    # Only a constrained layout makes room outside the axes; a caller's own figure may have another.
    outside = isinstance(figure.figure.get_layout_engine(), ConstrainedLayoutEngine)
    location: Literal["outside lower center", "lower center"]
    location = "outside lower center" if outside else "lower center"
    figure.legend(handles=handles, loc=location, ncols=min(columns, len(handles)), fontsize=8.5, frameon=False)


@contextmanager
def any_script() -> Iterator[None]:
    """Suppress the warnings about glyphs that the font lacks: such text is boxes in a PNG, but fine in the report."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Glyph.*missing from.*", category=UserWarning)
        yield


def say(ax: Axes, sentence: str) -> None:
    """Write a sentence in the middle of axes that have no data."""
    ax.text(
        0.5, 0.5, sentence, transform=ax.transAxes, ha="center", va="center", fontsize=12, color=QUIET, style="italic"
    )


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as a PNG that appears only when it is complete; return its path. Equal data give equal bytes."""
    with written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    engine = figure.get_layout_engine()
    with any_script():
        if engine is not None:  # laid out here: Matplotlib would draw the whole figure for it, and then once more
            engine.execute(figure)
            figure.set_layout_engine("none")
        try:
            atomically(
                path, lambda partial: figure.savefig(partial, format="png", dpi=DPI, metadata={"Software": None})
            )
        finally:
            if engine is not None:
                figure.set_layout_engine(engine)
    return path

"""The table with which a sweep ends: a row for each point, a column for each algorithm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, isnan
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.tasks import worded
from simulator.settings.humanize import MISSING, Scale, common_scale, human, scale
from simulator.settings.terminal import print_on

if TYPE_CHECKING:
    from analysis import Sweep
    from analysis.goal import Target
    from analysis.quantities import Measure

MOST_POINTS = 20
"""Of more points only some are shown."""
BEST = 10
"""How many points are shown of too many: those that are the fastest."""
_GAP = 2
"""The characters between two columns."""
_HEADING = 16
"""A heading is broken into lines where it is longer than this and than what stands below it."""


def print_table(console: Console, sweep: Sweep, target: Target | None, everywhere: str) -> None:
    """Print what each algorithm reaches at each point: its settled accuracy and its time, means over the seeds.

    Of models that predict the next token, the loss at the end stands in place of accuracy.

    The time is that from which the target holds; of a dry run, without a target, or where nothing holds it, it
    is the makespan. The fastest algorithm of a point is bold on a terminal. Algorithms for which a line has no room
    follow in further tables.

    Args:
        console: where the table is printed.
        sweep: the sweep, as it was read from its folder.
        target: the target of the base scenario, or None.
        everywhere: where all points are found if the table has only the best.
    """
    results = _Results.of(sweep, target)
    console.print(results.title, soft_wrap=True, highlight=False)
    for labels in results.blocks(console.width):
        print_on(console, results.table(labels))
    if results.shown < results.points:
        console.print(
            f"These are the {results.shown} of {results.points} points with the shortest times, each by its fastest "
            f"algorithm; all are in {everywhere}",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )


@dataclass(frozen=True)
class _Cell:
    """What an algorithm reaches at a point; NaN where there is no value.

    Attributes:
        learned: the settled accuracy, a fraction, or the loss.
        error: what is smaller for a better model: the loss, or the accuracy with its sign turned.
        seconds: the time to the target, or the makespan.
        status: what stands in place of both; empty if the trials are done.
    """

    learned: float
    error: float
    seconds: float
    status: str = ""

    @property
    def rank(self) -> tuple[float, float]:
        """What is smaller for a better result: the time, then the error."""
        seconds = inf if isnan(self.seconds) or self.status else self.seconds
        return seconds, inf if isnan(self.error) else self.error


@dataclass(frozen=True)
class _Results:
    """The figures of a sweep's table.

    Attributes:
        sweep: the sweep.
        until: how a sentence about the time ends: " to hold 70 % accuracy", or empty for the makespan.
        lacking: what the title says where no algorithm holds the target.
        trained: whether there are accuracies.
        learned: the measure of what was learned.
        cells: the figures by point and label, of the points that are shown, in their order.
        points: how many points there are in all.
    """

    sweep: Sweep
    until: str
    lacking: str
    trained: bool
    learned: Measure
    cells: dict[int, dict[str, _Cell]]
    points: int

    @classmethod
    def of(cls, sweep: Sweep, target: Target | None) -> _Results:
        """Return the figures of all points, or of the best if there are many."""
        from analysis.headline import HELD, learned_of

        summary, learned = sweep.summary, sweep.measure(learned_of(sweep.summary, sweep.task))
        trained = bool(summary[learned.column].notna().any())
        held = HELD in summary and bool(summary[HELD].notna().any())
        until = lacking = ""
        if trained and target is not None:
            goal = target.said if target.goal == "loss" else worded(f"{target.said} accuracy", sweep.task)
            until, lacking = (f" to hold {goal}", "") if held else ("", f"; nothing held {goal}")
        cells: dict[int, dict[str, _Cell]] = {}
        columns = (summary[name].tolist() for name in (learned.column, HELD if until else "sim_time_s", "status"))
        figures = list(zip(*columns, strict=True))
        for (point, label), rows in sweep.seeds_at.items():
            values, seconds, statuses = zip(*(figures[row] for row in rows), strict=True)
            wrong = next((status for status in statuses if status != "done"), "")
            value, sign = _mean(values), -1 if learned.more_is_better else 1
            cells.setdefault(point, {})[label] = _Cell(value, sign * value, _mean(seconds), wrong)
        points = len(cells)
        if points > MOST_POINTS:
            best = sorted(cells, key=lambda point: min(cell.rank for cell in cells[point].values()))[:BEST]
            cells = {point: cells[point] for point in best}
        return cls(sweep, until, lacking, trained, learned, cells, points)

    @property
    def shown(self) -> int:
        """How many points are shown."""
        return len(self.cells)

    @property
    def title(self) -> str:
        """What the figures are."""
        time = f"time{self.until}" if self.until else "simulated time"
        seeds = self.sweep.summary["seed"].nunique()
        means = f", means over {seeds} seeds" if seeds > 1 else ""
        said = f"{f'{self.learned.name} and ' if self.trained else ''}{time}{means}{self.lacking}"
        return f"{said[0].upper()}{said[1:]}"

    @cached_property
    def axes(self) -> list[tuple[str, dict[int, str]]]:
        """The columns of the axes: the heading of each, and its value at each point. Those that are alike share one."""
        from analysis.axes import short_names
        from analysis.sweeps import TEXT

        sweep = self.sweep
        names = short_names([axis.key for axis in sweep.axes])
        rows = {point: rows[0] for (point, _), rows in sweep.seeds_at.items()}
        columns: dict[tuple[str, ...], list[str]] = {}
        for axis in [axis for axis in sweep.axes if len(axis.values) > 1] or sweep.axes:
            ticks = dict(zip(axis.texts, axis.ticks, strict=True))
            texts = sweep.summary[axis.key + TEXT].tolist()
            values = tuple(ticks.get(texts[rows[point]], texts[rows[point]]) for point in self.cells)
            columns.setdefault(values, []).append(_broken(names[axis.key], max(map(len, values))))
        return [("\n".join(names), dict(zip(self.cells, values, strict=True))) for values, names in columns.items()]

    @cached_property
    def texts(self) -> dict[int, dict[str, str]]:
        """The figures in words, by point and label, all of them equally long."""
        unit = _unit([cell.seconds for row in self.cells.values() for cell in row.values()])

        def time(seconds: float) -> str:
            return unit.text(seconds) if unit and not isnan(seconds) else human("seconds", seconds)

        parts = {
            (point, label): (human(self.learned.kind, cell.learned), time(cell.seconds))
            for point, row in self.cells.items()
            for label, cell in row.items()
        }
        wide, long = (max(len(pair[part]) for pair in parts.values()) for part in (0, 1))
        return {
            point: {label: cell.status or self._joined(*parts[point, label], wide, long) for label, cell in row.items()}
            for point, row in self.cells.items()
        }

    def _joined(self, learned: str, time: str, wide: int, long: int) -> str:
        return f"{learned:>{wide}}  {time:>{long}}" if self.trained else time

    def blocks(self, width: int) -> Iterator[list[str]]:
        """Yield the labels that a table of this many characters has room for, until all have been."""
        axes = _GAP + sum(_width(heading, values.values()) + _GAP for heading, values in self.axes)
        block, used = list[str](), axes
        for label in self.sweep.labels:
            own = _width(_broken(label, self._figure), [" " * self._figure]) + _GAP
            if block and used + own - _GAP > width:
                yield block
                block, used = [], axes
            block, used = [*block, label], used + own
        yield block

    @cached_property
    def _figure(self) -> int:
        """The characters of the longest figure."""
        return max(len(text) for row in self.texts.values() for text in row.values())

    def table(self, labels: Sequence[str]) -> Table:
        """Return the table of some algorithms."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for heading, _ in self.axes:
            table.add_column(Text(heading), overflow="fold")
        for label in labels:
            table.add_column(Text(_broken(label, self._figure)), justify="right", no_wrap=True)
        for point, cells in self.cells.items():
            fastest = min(cell.rank for cell in cells.values())
            figures = (
                Text(self.texts[point].get(label, MISSING), "bold" if own and own.rank == fastest else "")
                for label in labels
                for own in [cells.get(label)]
            )
            table.add_row(*(Text(values[point]) for _, values in self.axes), *figures)
        return table


def _unit(seconds: Iterable[float]) -> Scale | None:
    """Return one unit for all times: that of the shortest, unless the longest would be 1,000 of it; else None."""
    known = [value for value in seconds if value > 0]  # not NaN
    unit = scale("seconds", min(known, default=0.0))
    return unit if max(known, default=0.0) < 1000 * unit.divisor else common_scale("seconds", known)


def _mean(values: Sequence[float]) -> float:
    """Return the mean over seeds; NaN if one of them has no value."""
    return sum(values) / len(values)


def _width(heading: str, values: Iterable[str]) -> int:
    """Return the characters of a column."""
    return max(map(len, [*heading.split("\n"), *values]))


def _broken(heading: str, room: int) -> str:
    """Return a heading in lines of this room, or a little more: a dotted key is broken at its dots."""
    room = max(room, _HEADING)
    if len(heading) <= room:
        return heading
    lines = [""]
    parts = [f"{part}." for part in heading.split(".")]
    parts[-1] = parts[-1][:-1]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) > room:
            lines.append("")
        lines[-1] += part
    return "\n".join(line[start : start + room] for line in lines for start in range(0, len(line), room))

"""A plan as a table to read, and as a CSV file in SI units."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from simulator.experiments.plan.cuts import SERVER, Group, PlannedCut, groups
from simulator.experiments.plan.rounds import Planner
from simulator.settings.csv_cells import escaped_row
from simulator.settings.files import atomically
from simulator.settings.humanize import human
from simulator.settings.terminal import Fitted
from simulator.settings.wording import listed

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario

WIDE = 10_000
"""A terminal width, in characters, at which every table has room."""
OWN, FASTEST, TOO_MUCH = "*", ">", "!"
"""Marks: after a head, before the duration of a round, and after bytes of memory."""


class PlanTable:
    """The table of all planned cuts, with a section for each algorithm.

    The fastest cut and those that do not fit are marked. Each group of devices has a column for its memory if the
    terminal is wide enough; otherwise they share one.

    Attributes:
        planner: the planner of the scenario.
        points: the planned cuts, in the order of the rows.
        best: for each algorithm with more than one cut, its fastest cut that fits.
        groups: the groups of devices.
    """

    def __init__(self, planner: Planner, points: Sequence[PlannedCut]) -> None:
        self.planner, self.points, self.best = planner, points, _best(points)
        self.groups = groups(planner.scenario)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        apart = self.table(apart=True)
        width = Measurement.get(console, options.update(width=WIDE), apart).maximum
        yield apart if width <= options.max_width else Fitted(self.table(apart=False), keys=3)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self.table(apart=True))

    def table(self, apart: bool) -> Table:
        """Build the table; with ``apart``, each group of devices has a memory column of its own."""
        table = Table(
            title=f"{self.planner.scenario.name}: one round of every cut",
            title_justify="left",
            caption=self.caption(),
            caption_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            collapse_padding=True,
        )
        table.add_column("")
        for heading in ("head", "tail", "round", "first", "up", "down", "device\nwork", "server\nwork", "energy"):
            table.add_column(heading, justify="right", no_wrap=True)
        for heading in (*(map(_heading, self.groups) if apart else ["device\nmemory"]), "server\nmemory"):
            table.add_column(heading, justify="right", no_wrap=True)
        for number, point in enumerate(self.points):
            repeats = number > 0 and self.points[number - 1].label == point.label
            last = number + 1 == len(self.points) or self.points[number + 1].label != point.label
            cells = self._cells(point, [[group] for group in self.groups] if apart else [self.groups])
            label = "" if repeats else escape(point.label)
            table.add_row(label, *cells, end_section=last, style=None if point.fits else "dim")
        return table

    def _cells(self, point: PlannedCut, columns: Sequence[Sequence[Group]]) -> Iterator[str]:
        costs = point.round
        yield "" if point.head is None else f"{point.head}{OWN if point.own else ''}"
        yield "" if point.tail is None else str(point.tail)
        seconds = human("seconds", costs.seconds)
        yield f"[bold green]{FASTEST}{seconds}[/]" if self.best.get(point.label) is point else seconds
        yield human("seconds", point.first_seconds)
        yield from (human("bytes", value) for value in (costs.bytes_up, costs.bytes_down))
        for flops in (costs.client_flops, costs.server_flops):
            yield human("flops", flops).removesuffix("FLOP").strip()
        yield human("joules", costs.client_energy_j)
        for sites in [*([group.name for group in column] for column in columns), [SERVER]]:
            needed = human("bytes", max(point.memory[site] for site in sites))
            yield f"[red]{needed}{TOO_MUCH}[/]" if any(site in point.lacking for site in sites) else needed

    def caption(self) -> str:
        """Explain the columns and the marks, and name the cohort if all algorithms have the same one."""
        points = self.points
        cohort = "each algorithm's first cohort"
        if len({point.cohort for point in points}) == 1:
            counts = Counter(name.rpartition("-")[0] for name in points[0].cohort)
            cohort = listed(f"{count} {name}" for name, count in counts.items())
        sentences = [
            f"The first round of seed {self.planner.seed}: {escape(cohort)}. Bytes, device work (FLOP) and energy are "
            "sums over these. round: frozen weights are there already; first: they are sent, unless preinstalled. "
            "Memory is that of the group's device with most samples, or the server's, at its fullest."
        ]
        if self.planner.varies:
            sentences.append("Links have their nominal rates all the time: signals are left out.")
        if self.planner.asynchronous:
            relaying = ", and edges only relay" if self.planner.scenario.world.edges else ""
            sentences.append(f"Rounds are synchronous, whatever the driver{relaying}.")
        if any(point.own and point.head is not None for point in points):
            sentences.append(f"{OWN}: the cut that the file says, or that its policy chooses for devices.")
        if self.best:
            sentences.append(f"{FASTEST}: an algorithm's fastest cut that fits.")
        if too_small := {name for point in points for name in point.lacking}:
            server = self.planner.scenario.world.server
            memory = {group.name: group.memory for group in self.groups} | {SERVER: server.memory}
            sizes = (f"{name} {human('bytes', memory[name])}" for name in memory if name in too_small)
            sentences.append(f"{TOO_MUCH}: more than there is: {escape(listed(sizes))}.")
        return " ".join(sentences)


def write_csv(path: Path, scenario: Scenario, points: Sequence[PlannedCut]) -> None:
    """Write one row for each planned cut, in SI units, with a memory column for each group of devices.

    Args:
        path: the file to write.
        scenario: the scenario that was planned.
        points: at least one planned cut.

    Raises:
        CannotWriteError: the file cannot be written; it is as it was.
    """
    write_rows(path, [row_of(scenario, point) for point in points])


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of plans, some of which may lack columns that others have.

    Args:
        path: the file to write.
        rows: the rows, by column.

    Raises:
        CannotWriteError: the file cannot be written; it is as it was.
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))

    def write(partial: Path) -> None:
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(escaped_row(columns))
            writer.writerows(escaped_row(row.get(column) for column in columns) for row in rows)

    atomically(path, write)


def row_of(scenario: Scenario, point: PlannedCut) -> dict[str, Any]:
    """Return the row of a planned cut, in SI units, by column."""
    costs = point.round
    return {
        "algorithm": point.entry.name,
        "label": point.label,
        "head": point.head,
        "tail": point.tail,
        "own_cut": point.own,
        "devices": point.devices or None,
        "round_s": costs.seconds,
        "first_round_s": point.first_seconds,
        "bytes_up": costs.bytes_up,
        "bytes_down": costs.bytes_down,
        "bytes_provisioning": point.bytes_provisioning,
        "client_flops": costs.client_flops,
        "server_flops": costs.server_flops,
        "client_energy_j": costs.client_energy_j,
        "peak_server_memory_bytes": point.memory[SERVER],
        **{f"peak_memory_bytes {group.name}": point.memory[group.name] for group in groups(scenario)},
        "fits": point.fits,
        "too_small": "; ".join(point.lacking),
    }


def _best(points: Sequence[PlannedCut]) -> dict[str, PlannedCut]:
    """Return the fastest cut that fits, for each algorithm with more than one cut."""
    cuts = Counter(point.label for point in points)
    best: dict[str, PlannedCut] = {}
    for point in points:
        if cuts[point.label] > 1 and point.fits:
            faster = best.get(point.label)
            if not faster or point.round.seconds < faster.round.seconds:
                best[point.label] = point
    return best


def _heading(group: Group) -> str:
    """Return a narrow heading for a memory column, with the group's name broken at its hyphens."""
    return "\n".join([*map(escape, wrap(group.name, 10)), f"of {human('bytes', group.memory)}"])

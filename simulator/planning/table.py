"""A plan as a table to read, and as rows in SI units."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from rich import box
from rich.markup import escape
from rich.table import Table

from analysis.humanize import human
from simulator.planning.points import SERVER, Group, Point, groups
from simulator.planning.rounds import Planner
from simulator.wording import listed

if TYPE_CHECKING:
    from simulator.scenario import Scenario

GROUPS_SHOWN = 3
"""So many groups of devices have a column of their own for memory; more of them share one."""


def table(planner: Planner, points: Sequence[Point]) -> Table:
    """All points, a section for each algorithm, with marks for the fastest cut and for those that do not fit."""
    world = groups(planner.scenario)
    apart = len(world) <= GROUPS_SHOWN
    shown = Table(
        title=f"{planner.scenario.name}: one round of every cut",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for heading in ("", "head", "tail", "round", "first", "up", "down", "device\nwork", "server\nwork", "energy"):
        shown.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for heading in (*(map(_heading, world) if apart else ["device\nmemory"]), "server\nmemory"):
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("")
    best = _best(points)
    for number, point in enumerate(points):
        again = number > 0 and points[number - 1].label == point.label
        last = number + 1 == len(points) or points[number + 1].label != point.label
        took = point.round
        memory = [point.memory[group.name] for group in world]
        shown.add_row(
            "" if again else escape(point.label),
            *("" if blocks is None else str(blocks) for blocks in (point.head, point.tail)),
            *(human("seconds", value) for value in (took.seconds, point.first_seconds)),
            *(human("bytes", value) for value in (took.bytes_up, took.bytes_down)),
            *(human("flops", value) for value in (took.client_flops, took.server_flops)),
            human("joules", took.client_energy_j),
            *(human("bytes", value) for value in (*(memory if apart else [max(memory)]), point.memory[SERVER])),
            _remark(point, best),
            end_section=last,
            style=None if point.fits else "dim",
        )
    shown.caption = _caption(planner, points)
    return shown


def write_csv(path: Path, scenario: Scenario, points: Sequence[Point]) -> None:
    """All points in SI units, a row each; memory of each group of devices in a column of its own."""
    rows = [_row(scenario, point) for point in points]
    with path.open("w", newline="", encoding="utf-8") as file:
        written = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        written.writeheader()
        written.writerows(rows)


def _row(scenario: Scenario, point: Point) -> dict[str, Any]:
    took = point.round
    return {
        "algorithm": point.entry.name,
        "label": point.label,
        "head": point.head,
        "tail": point.tail,
        "own_cut": point.own,
        "round_s": took.seconds,
        "first_round_s": point.first_seconds,
        "bytes_up": took.bytes_up,
        "bytes_down": took.bytes_down,
        "bytes_provisioning": point.bytes_provisioning,
        "client_flops": took.client_flops,
        "server_flops": took.server_flops,
        "client_energy_j": took.client_energy_j,
        "peak_server_memory_bytes": point.memory[SERVER],
        **{f"peak_memory_bytes {group.name}": point.memory[group.name] for group in groups(scenario)},
        "fits": point.fits,
        "too_small": "; ".join(point.lacking),
    }


def _best(points: Sequence[Point]) -> dict[str, Point]:
    """Of each algorithm with more than one cut, the fastest of those that fit."""
    cuts = Counter(point.label for point in points)
    best: dict[str, Point] = {}
    for point in points:
        if cuts[point.label] > 1 and point.fits:
            faster = best.get(point.label)
            if not faster or point.round.seconds < faster.round.seconds:
                best[point.label] = point
    return best


def _remark(point: Point, best: dict[str, Point]) -> str:
    said = []
    if best.get(point.label) is point:
        said.append("[bold green]fastest[/]")
    if point.own and point.head is not None:
        said.append("[cyan]in the file[/]")
    said += [f"[red]{escape(name)} lacks {human('bytes', lacking)}[/]" for name, lacking in point.lacking.items()]
    return ", ".join(said)


def _heading(group: Group) -> str:
    """Narrow: a name is broken at its hyphens."""
    return "\n".join([*map(escape, wrap(group.name, 10)), f"of {human('bytes', group.memory)}"])


def _caption(planner: Planner, points: Sequence[Point]) -> str:
    """What the columns are; and whose round it is, where all algorithms have the same cohort."""
    of = "each algorithm's first cohort"
    if len({point.cohort for point in points}) == 1:
        counts = Counter(name.rpartition("-")[0] for name in points[0].cohort)
        of = listed(f"{count} {name}" for name, count in counts.items())
    return (
        f"The first round of seed {planner.seed}: {escape(of)}. Bytes, device work and energy are sums over these. "
        "round: frozen weights are there already; first: they are sent, unless preinstalled. Memory is that of the "
        "group's device with most samples, or the server's, at its fullest."
    )

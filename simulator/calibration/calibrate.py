"""Measure this machine: what a scenario's stages take on it becomes a device that scenarios can name."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from simulator.accounting.seconds import Table, interpolated
from simulator.calibration.machine import copied_per_s, memory_bytes, processor
from simulator.calibration.timing import Laps, Timed
from simulator.experiments.trial.build import structure, torch_device
from simulator.settings.files import atomically
from simulator.settings.humanize import human
from simulator.settings.units import MEMORY, MEMORY_BANDWIDTH, RATE

if TYPE_CHECKING:
    from simulator.accounting.costs import Piece
    from simulator.scenario.scenario import Entry, Scenario

Progress = Callable[[int, int], Any]
"""Told how many rounds of timing are done, and of how many."""
DIGITS = 4
"""Of measured figures, that are written."""


@dataclass(frozen=True)
class Machine:
    """What was measured, in SI units, when and with what.

    Attributes:
        flops_per_s: at which whole models are trained, in their largest batches: for what is not in the table.
        memory: bytes; None where the operating system does not say.
        table: seconds of each piece of work, by samples.
    """

    flops_per_s: float
    memory_bandwidth: float
    memory: int | None
    table: Table
    environment: str
    date: str = field(default_factory=lambda: datetime.date.today().isoformat())


def calibrate(scenario: Scenario, repeats: int, progress: Progress = lambda done, of: None) -> Machine:
    """Time the stages of a scenario's model as each of its algorithms trains them, with its threads and its device.

    Batches are timed at 1, 2, 4, ... samples and at the scenario's size; what is in between is interpolated.

    Args:
        scenario: one that ``check`` has found sound.
        repeats: how often all is timed, after a first time to warm up; medians count.
    """
    torch.set_num_threads(scenario.threads)
    device, laps = torch_device(scenario, dry=False), Laps()
    jobs = list(timed(scenario, device))
    turns, whole = len(jobs) * (1 + repeats), [piece for job in jobs for piece in job.whole()]
    done = count(1)
    while jobs:  # one after the other is there no longer: its weights may be large
        job = jobs.pop()
        for turn in range(1 + repeats):
            job.round(laps if turn else Laps())
            progress(next(done), turns)
    return machine(scenario, laps, whole, f"{repeats} repeats")


def timed(scenario: Scenario, device: str) -> Iterator[Timed]:
    """What has to be timed for the algorithms of a scenario; what one has in common with those before is left out."""
    known = set[tuple[str, int]]()
    for entry in scenario.algorithms:
        model = structure(scenario, entry)
        model.remember = False
        sizes = sizes_up_to(entry.training.batch_size)
        job = Timed(model, entry.training.optimizer, scenario.model.image_size, sizes, device)
        pieces = {(piece.what, piece.samples) for piece in job.pieces()}
        if not pieces <= known:
            known |= pieces
            yield job


def sizes_up_to(most: int) -> list[int]:
    """Powers of two below ``most``, and ``most``, for batches of which the last is smaller by any number."""
    return [2**power for power in range(most.bit_length()) if 2**power < most] + [most]


def machine(scenario: Scenario, laps: Laps, whole: Sequence[Piece], how: str) -> Machine:
    """This machine, with what was timed.

    Args:
        whole: passes through whole models, by which its rate is told.
        how: it was timed, in words.
    """
    device = torch_device(scenario, dry=False)
    threads = f"{scenario.threads} thread{'s' * (scenario.threads > 1)}, " if device == "cpu" else ""
    environment = f"{processor(device)}, {threads}torch {torch.__version__}, {platform.system()}"
    table = {
        what: tuple((samples, _rounded(seconds)) for samples, seconds in rows) for what, rows in laps.table().items()
    }
    seconds = sum(interpolated(table[piece.what], piece.samples) for piece in whole)
    return Machine(
        _rounded(sum(piece.flops for piece in whole) / seconds),
        _rounded(copied_per_s(device)),
        memory_bytes(device),
        table,
        f"sfsim calibrate on {environment}; scenario {scenario.name}, {how}",
    )


def written(name: str, found: Machine, watts: dict[str, str] | None = None) -> str:
    """A file of devices with this machine in it.

    Args:
        name: of the device.
        watts: by state, as a scenario would write them; what is not said here, a scenario must say.
    """
    by = {"mark": "measured", "date": found.date, "source": found.environment}
    figures: dict[str, Any] = {
        "rate": {"fp32": {"value": RATE.format(found.flops_per_s), **by}},
        "utilisation": {"value": 1, **by},
        "memory_bandwidth": {"value": MEMORY_BANDWIDTH.format(found.memory_bandwidth), **by},
    }
    if found.memory:
        figures["memory"] = {"value": MEMORY.format(found.memory), **by, "source": "the operating system"}
    if watts:
        figures["power"] = {
            state: {"value": power, "source": "given to sfsim calibrate"} for state, power in watts.items()
        }
    lines = [
        "# Measured by sfsim calibrate. A scenario uses it by its name:",
        f"#   world: {{catalogue: this file, devices: [{{name: {name}, count: 4}}], ...}}",
        "# Power is not measured. The table has the seconds that each stage of the scenario's model takes, by samples;",
        "# what is in it counts, and rate and memory_bandwidth are for everything else.",
        "devices:",
        f"  {json.dumps(name)}:",
        *(f"    {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in figures.items()),
        "    table:",
        *(f"      {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in by.items()),
        "      value:",
        *(f"        {what}: {json.dumps(rows)}" for what, rows in found.table.items()),
    ]
    return "\n".join(lines) + "\n"


def save(path: Path, text: str) -> None:
    """Write a file at once or not at all."""
    atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def summary(found: Machine, path: Path, name: str, knows_power: bool) -> str:
    """What was measured and how to use it, in words."""
    memory = f", {human('bytes', found.memory)} of memory" if found.memory else ""
    lacking = [] if found.memory else ["memory"]
    lacking += [] if knows_power else ["power"]
    asked = f"; {name} must be given its {' and '.join(lacking)} there" if lacking else ""
    return (
        f"{path} has {name}: {RATE.format(found.flops_per_s)}, {MEMORY_BANDWIDTH.format(found.memory_bandwidth)}"
        f"{memory}, and the seconds of {len(found.table)} pieces of work.\n"
        f"A scenario uses it with world: {{catalogue: {path}, devices: [{{name: {name}, ...}}]}}{asked}."
    )


def unknown(scenario: Scenario) -> Iterator[str]:
    """What a user should know of tables that do not have what their machines will compute; a line for each."""
    sites = {group.name: group.table for group in (*scenario.world.devices, scenario.world.server) if group.table}
    for entry in scenario.algorithms if sites else ():
        names = _pieces(scenario, entry)
        for site, table in sites.items():
            lacking = sum(what not in table for what in names)
            if lacking:
                how_much = "none" if lacking == len(names) else f"{len(names) - lacking} of {len(names)}"
                yield (
                    f"The table of {site} has {how_much} of the pieces of work of {entry.label}: for the rest, seconds "
                    "come from its rate and memory_bandwidth (sfsim calibrate makes a table for a scenario)"
                )


def _pieces(scenario: Scenario, entry: Entry) -> set[str]:
    """What training the whole model is made of; a part of it is made of some of that."""
    model, side, rule = structure(scenario, entry), scenario.model.image_size, entry.training.optimizer
    pieces = model.sizes(model.whole, (entry.training.batch_size, 3, side, side)).pieces
    steps = model.steps(model.whole, rule).values()
    return {piece.what for piece in (*pieces.forward, *pieces.backward, *steps)}


def _rounded(figure: float) -> float:
    return float(f"{figure:.{DIGITS}g}")

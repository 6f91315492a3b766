"""Time a scenario's model on this machine, and write the result as a device that scenarios can name."""

from __future__ import annotations

import datetime
import json
import math
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from simulator.accounting.seconds import Table, interpolated
from simulator.calibration.machine import copied_per_s, memory_bytes, processor
from simulator.calibration.timing import Laps, Timed, sizes_up_to
from simulator.experiments.trial.build import structure
from simulator.experiments.trial.model import build_model, torch_device
from simulator.experiments.trial.partition import mean_samples
from simulator.settings.files import atomically
from simulator.settings.humanize import human
from simulator.settings.units import MEMORY, MEMORY_BANDWIDTH, RATE

if TYPE_CHECKING:
    from simulator.accounting.costs import Piece
    from simulator.scenario.scenario import Entry, Scenario

Progress = Callable[[int, int], Any]
"""Called with the number of timing rounds that are done, and with their total."""
DIGITS = 4
"""Significant digits of the measured figures in the file."""


@dataclass(frozen=True)
class Machine:
    """A measured machine, in SI units, with the date and the environment of the measurement.

    Attributes:
        flops_per_s: FLOP/s reached while whole models are trained with their largest batches. It is used for work that
            the table does not have.
        memory_bandwidth: bytes/s read and written while a large tensor is copied.
        memory: bytes; None where the operating system does not tell.
        table: for each piece of work, its seconds by number of samples.
        environment: processor, threads, versions, scenario and number of repeats, in words.
        date: the day of the measurement, in ISO format.
        copies: whether convolutions copy their operands first, as they do on processors.
    """

    flops_per_s: float
    memory_bandwidth: float
    memory: int | None
    table: Table
    environment: str
    date: str = field(default_factory=lambda: datetime.date.today().isoformat())
    copies: bool = False


def calibrate(scenario: Scenario, repeats: int, progress: Progress = lambda done, of: None) -> Machine:
    """Time the stages of a scenario's model as each of its algorithms trains them, with its threads and its device.

    Batches of 1, 2, 4, ... samples and of the scenario's batch size are timed; times in between are interpolated.

    Args:
        scenario: a scenario that has passed ``check``.
        repeats: how often everything is timed, after one warm-up round that does not count. Medians are kept.
        progress: called after each round of timing.
    """
    torch.set_num_threads(scenario.threads)
    device, laps = torch_device(scenario, dry=False), Laps()
    jobs = list(timed(scenario, device))
    turns, whole = len(jobs) * (1 + repeats), [piece for job in jobs for piece in job.whole()]
    done = count(1)
    while jobs:  # a finished job is dropped at once: its weights may be large
        job = jobs.pop()
        for turn in range(1 + repeats):
            job.round(laps if turn else Laps())
            progress(next(done), turns)
    return machine(scenario, laps, whole, f"{repeats} repeats")


def timed(scenario: Scenario, device: str) -> Iterator[Timed]:
    """Yield what has to be timed for a scenario; an algorithm is skipped if those before it cover all its pieces."""
    known = set[tuple[str, int]]()
    for entry in scenario.algorithms:
        model = structure(scenario, entry)
        model.remember = False
        sizes = sizes_up_to(entry.training.batch_size)
        steps, cohort = _steps(scenario, entry), entry.training.clients_per_round
        modality = build_model(scenario, seed=0, dry=True).modality
        job = Timed(model, entry.training.optimizer, modality, sizes, device, cohort, steps)
        pieces = {(piece.what, piece.samples) for piece in job.pieces()}
        if not pieces <= known:
            known |= pieces
            yield job


def _steps(scenario: Scenario, entry: Entry) -> int:
    """Return the steps that a device with an average share of the samples takes in a round."""
    return entry.training.local_epochs * math.ceil(mean_samples(scenario) / entry.training.batch_size)


def machine(scenario: Scenario, laps: Laps, whole: Sequence[Piece], how: str) -> Machine:
    """Describe this machine by what was timed.

    Args:
        scenario: the scenario whose model was timed.
        laps: the observed times.
        whole: the pieces of passes through whole models. The machine's rate is their FLOPs over their seconds.
        how: how the times were taken, in words, such as "15 repeats".
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
        copies=device == "cpu",
    )


def written(name: str, found: Machine, watts: dict[str, str] | None = None) -> str:
    """Return the text of a YAML file of devices with this machine in it.

    Args:
        name: the name of the device.
        found: the measured machine.
        watts: power by state ("idle", "compute"), written as in a scenario, such as "3 W". What is not given here must
            be given by the scenarios that use the device.
    """
    by = {"mark": "measured", "date": found.date, "source": found.environment}
    figures: dict[str, Any] = {
        "rate": {"fp32": {"value": RATE.format(found.flops_per_s), **by}},
        "utilisation": {"value": 1, **by},
        "memory_bandwidth": {"value": MEMORY_BANDWIDTH.format(found.memory_bandwidth), **by},
    }
    if found.copies:
        figures["copies"] = {"value": True, **by, "source": "it is a processor"}
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
    """Write a text file atomically: the whole text or nothing."""
    atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def summary(found: Machine, path: Path, name: str, knows_power: bool) -> str:
    """Say in words what was measured and how a scenario uses it.

    Args:
        found: the measured machine.
        path: the file it was written to.
        name: the name of the device in that file.
        knows_power: whether the file states the device's power.
    """
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
    """Yield a line for each table that lacks pieces of work which an algorithm of the scenario may need."""
    sites = {group.name: group.table for group in (*scenario.world.devices, scenario.world.server) if group.table}
    for entry in scenario.algorithms if sites else ():
        names = _pieces(scenario, entry)
        for site, table in sites.items():
            lacking = sum(what not in table for what in names)
            if lacking:
                covered = "none" if lacking == len(names) else f"{len(names) - lacking} of {len(names)}"
                yield (
                    f"The table of {site} has {covered} of the pieces of work of {entry.label}: for the rest, seconds "
                    "come from its rate and memory_bandwidth (sfsim calibrate makes a table for a scenario)"
                )


def _pieces(scenario: Scenario, entry: Entry) -> set[str]:
    """Return the names of the pieces that training the whole model consists of; any part of it needs some of these."""
    model, shape = structure(scenario, entry), build_model(scenario, seed=0, dry=True).modality.shape
    sizes = model.sizes(model.whole, (entry.training.batch_size, *shape))
    loss = model.objective.loss_cost(sizes.shape).made_of
    steps = model.steps(model.whole, entry.training.optimizer).values()
    return {piece.what for piece in (*sizes.pieces.forward, *sizes.pieces.backward, *loss, *steps)}


def _rounded(figure: float) -> float:
    return float(f"{figure:.{DIGITS}g}")

"""How well a table as ``sfsim calibrate`` makes it predicts the seconds that real works take on this machine.

A trial is run for real, and the machine is calibrated between its works: what slows one slows both. Then the same trial
is simulated on the device that the table describes, dry, which gives the same figures. Nothing is remembered of frozen
stages, else works would do less than a device is charged for.

Seconds are those that the thread computes: the wall clock also counts what other programs do. A work counts with the
median of the same work of all clients and rounds, as the table has the medians of pieces. Plain sums are printed, too.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch

from simulator.accounting.costs import Cost
from simulator.calibration import timing
from simulator.calibration.calibrate import Machine, machine, save, timed, written
from simulator.calibration.timing import Laps, Timed
from simulator.experiments.trial import build, trial
from simulator.learning.task import Task
from simulator.scenario.scenario import Scenario, load
from simulator.world.queue import Job
from tests.bench import report

SCENARIO = Path(__file__).with_name("overhead.yaml")
ENTRIES = {
    "FL": "{name: fedavg, label: FL}",
    "SFL": "{name: splitfed, label: SFL, head: 1, tail: 1}",
    "SFPrompt": "{name: sfprompt, label: SFPrompt, head: 1, tail: 1}",
}
ASKED = ("FL", "SFL")
TURNS = 48
"""Of calibration, during one trial: of every two, one is of the largest batch, which most works have."""
NAME = "this-machine"
Seconds = dict[str, float]
"""By what works are called."""


class Taken(NamedTuple):
    """The seconds that works took.

    Attributes:
        alike: those in which the thread computed, of each work; by its name, its cost, and how many like it its client
            has had in the round: a first step takes other seconds than those that follow.
        wall: those of each work on the wall.
    """

    alike: dict[tuple[str, Cost, int], list[float]]
    wall: list[float]

    def typical(self) -> Seconds:
        """Return the seconds by the names of works, where each counts with the median of those alike."""
        seconds: Seconds = defaultdict(float)
        for (name, *_), observed in self.alike.items():
            seconds[name] += len(observed) * statistics.median(observed)
        return seconds


@contextmanager
def watched(between: Callable[[], object], every: int) -> Iterator[Taken]:
    """The seconds that works take; something else is done between some."""
    taken, do, had = Taken(defaultdict(list), []), Job.do, Counter[Any]()

    def watch(job: Job, observer: Callable[[str, Any], None] | None = None) -> None:
        began, own = time.perf_counter(), time.thread_time()
        do(job, observer)
        own, wall = time.thread_time() - own, time.perf_counter() - began
        kind = job.work.name, job.cost
        taken.alike[*kind, had[kind, job.client, job.round]].append(own)
        taken.wall.append(wall)
        had[kind, job.client, job.round] += 1
        if len(taken.wall) % every == 0:
            between()

    with mock.patch.object(Job, "do", watch):
        yield taken


def simulated(scenario: Scenario) -> tuple[Seconds, int]:
    """The seconds that works take in a simulation, and how many there are."""
    seconds: Seconds = defaultdict(float)
    works = trial.run(scenario, scenario.algorithms[0], scenario.seeds[0], dry=True).ledger.works
    for row in works:
        seconds[row.work] += row.seconds
    return seconds, len(works)


def _computed(device: str) -> float:
    return time.thread_time()


def measured(scenario: Scenario) -> tuple[Machine, Taken]:
    """This machine, calibrated while it runs a trial, and the seconds of its works."""
    laps, jobs = Laps(), list(timed(scenario, "cpu"))
    whole = [piece for job in jobs for piece in job.whole()]

    turns = [(job, size) for job in jobs for other in job.sizes[:-1] for size in (job.sizes[-1], other)]

    def calibrate(job: Timed, size: int, into: Laps = laps) -> None:
        sizes, job.sizes = job.sizes, [size]
        job.round(into)
        job.sizes = sizes

    coming = cycle(turns)
    every = max(1, simulated(scenario)[1] // TURNS)
    with (
        mock.patch.object(timing, "now", _computed),
        mock.patch.object(build, "Task", partial(Task, remember=False)),
        watched(lambda: calibrate(*next(coming)), every) as taken,
    ):
        for job, size in dict.fromkeys(turns):  # to warm up
            calibrate(job, size, Laps())
        trial.run(scenario, scenario.algorithms[0], scenario.seeds[0])
    return machine(scenario, laps, whole, "a benchmark"), taken


def main(labels: list[str]) -> None:
    torch.set_num_threads(1)
    for label in labels or ASKED:
        change = f"algorithms=[{ENTRIES[label]}]"
        found, taken = measured(load(SCENARIO, [change]))
        device = f"name: {NAME}, power: {{idle: 0 W, compute: 0 W}}"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "machine.yaml"
            save(file, written(NAME, found))
            there = f"devices: [{{count: 20, {device}}}], server: {{{device}}}"
            predicted, works = simulated(load(SCENARIO, [change, f"world={{catalogue: {file}, {there}}}"]))
        actual = taken.typical()
        total = sum(actual.values())
        report(
            "calibration_error",
            abs(sum(predicted.values()) / total - 1),
            algorithm=label,
            signed=sum(predicted.values()) / total - 1,
            predicted_s=sum(predicted.values()),
            measured_s=total,
            thread_s=sum(map(sum, taken.alike.values())),
            wall_s=sum(taken.wall),
            works=works,
            by_work={
                work: {
                    "measured_s": seconds,
                    "share": seconds / total,
                    "error": predicted[work] / seconds - 1,
                    "of_total": (predicted[work] - seconds) / total,
                }
                for work, seconds in actual.items()
            },
        )


if __name__ == "__main__":
    main(sys.argv[1:])

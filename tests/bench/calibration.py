"""How well a table as ``sfsim calibrate`` makes it predicts the seconds that real works take on this machine.

A trial is run for real, and the machine is calibrated between its works. Both are measured in the seconds that their
thread computes, because on a machine that does other things the wall clock counts those, too, and a median of few
rounds never meets as much of them as a sum over all works. Then the same trial is simulated on the device that the
table describes, dry, which gives the same figures. Nothing is remembered of frozen stages, else works would do less
than a device is charged for.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from simulator.calibration import timing
from simulator.calibration.calibrate import Machine, machine, save, timed, written
from simulator.calibration.timing import Laps
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
ROUNDS = 8
"""Of calibration, during one trial."""
NAME = "this-machine"
Seconds = dict[str, float]
"""By what works are called."""


@contextmanager
def watched(between: Callable[[], object], every: int) -> Iterator[tuple[Seconds, Seconds]]:
    """The seconds that works take, on the wall and computing in this thread; something else is done between some."""
    wall: Seconds = defaultdict(float)
    thread: Seconds = defaultdict(float)
    do, done = Job.do, 0

    def watch(job: Job, observer: Callable[[str, Any], None] | None = None) -> None:
        nonlocal done
        began, own = time.perf_counter(), time.thread_time()
        do(job, observer)
        thread[job.work.name] += time.thread_time() - own
        wall[job.work.name] += time.perf_counter() - began
        done += 1
        if done % every == 0:
            between()

    with mock.patch.object(Job, "do", watch):
        yield wall, thread


def simulated(scenario: Scenario) -> tuple[Seconds, int]:
    """The seconds that works take in a simulation, and how many there are."""
    seconds: Seconds = defaultdict(float)
    works = trial.run(scenario, scenario.algorithms[0], scenario.seeds[0], dry=True).ledger.works
    for row in works:
        seconds[row.work] += row.seconds
    return seconds, len(works)


def measured(scenario: Scenario) -> tuple[Machine, Seconds, Seconds]:
    """This machine, calibrated while it runs a trial, and the seconds of its works: on the wall, and of the thread."""
    laps, jobs = Laps(), list(timed(scenario, "cpu"))
    whole = [piece for job in jobs for piece in job.whole()]

    def calibrate(into: Laps = laps) -> None:
        for job in jobs:
            job.round(into)

    with (
        mock.patch.object(timing, "now", lambda device: time.thread_time()),
        mock.patch.object(build, "Task", partial(Task, remember=False)),
        watched(calibrate, simulated(scenario)[1] // ROUNDS) as (wall, thread),
    ):
        calibrate(Laps())  # to warm up
        trial.run(scenario, scenario.algorithms[0], scenario.seeds[0])
    return machine(scenario, laps, whole, "a benchmark"), wall, thread


def main(labels: list[str]) -> None:
    torch.set_num_threads(1)
    for label in labels or ASKED:
        change = f"algorithms=[{ENTRIES[label]}]"
        found, wall, thread = measured(load(SCENARIO, [change]))
        device = f"name: {NAME}, power: {{idle: 0 W, compute: 0 W}}"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "machine.yaml"
            save(file, written(NAME, found))
            there = f"devices: [{{count: 20, {device}}}], server: {{{device}}}"
            predicted, works = simulated(load(SCENARIO, [change, f"world={{catalogue: {file}, {there}}}"]))
        total = sum(thread.values())
        report(
            "calibration_error",
            abs(sum(predicted.values()) / total - 1),
            algorithm=label,
            signed=sum(predicted.values()) / total - 1,
            predicted_s=sum(predicted.values()),
            measured_s=total,
            wall_s=sum(wall.values()),
            works=works,
            by_work={
                work: {
                    "measured_s": seconds,
                    "share": seconds / total,
                    "error": predicted[work] / seconds - 1,
                    "of_total": (predicted[work] - seconds) / total,
                }
                for work, seconds in thread.items()
            },
        )


if __name__ == "__main__":
    main(sys.argv[1:])

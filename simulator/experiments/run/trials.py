"""Run the trials of a run, one after another or side by side, and show how far each of them is."""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from analysis.tasks import CLASSIFICATION, NEXT_TOKEN
from simulator.accounting.spill import spilling_into
from simulator.experiments.executors.sequential import Sequential
from simulator.experiments.executors.worker_memory import lean
from simulator.experiments.run.consoles import bars, shows_bars
from simulator.experiments.run.digest import Digest
from simulator.experiments.trial.checkpoint import Checkpoints
from simulator.experiments.trial.learned_task import task_of
from simulator.experiments.trial.memory_check import Tell, dry_run_that_fits
from simulator.experiments.trial.stowed import Stowed
from simulator.experiments.trial.trial import run as run_trial
from simulator.settings.disk import CannotWriteError
from simulator.settings.errors import ScenarioError
from simulator.settings.garbage import uncollected
from simulator.settings.humanize import human
from simulator.settings.plugin_files import own_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from simulator.experiments.executors.base import Executor
    from simulator.experiments.run.folders import RunFolder
    from simulator.experiments.trial.result import RoundResult
    from simulator.scenario.scenario import Entry, Scenario

BETWEEN_LOOKS = 0.25
"""Seconds between two looks at how far the trials in other processes are, and at which these say it."""
PROGRESS = "progress"


@dataclass(frozen=True)
class Job:
    """A trial that is to be run.

    Attributes:
        key: its hash.
        scenario: the scenario of the run.
        index: which of its algorithms.
        seed: which of its seeds.
        dry: whether it is simulated without training.
        without: names of devices that are too small and never chosen.
    """

    key: str
    scenario: Scenario
    index: int
    seed: int
    dry: bool
    without: frozenset[str] = frozenset()

    @property
    def entry(self) -> Entry:
        """Its algorithm."""
        return self.scenario.algorithms[self.index]

    @property
    def name(self) -> str:
        """Its name where progress is shown."""
        label = self.entry.label
        return label if len(self.scenario.seeds) == 1 else f"{label}, seed {self.seed}"

    @property
    def steps(self) -> int:
        """The steps of its bar: rounds, or per cent of its budget."""
        return self.entry.training.rounds if self.entry.training.budget is None else 100


@dataclass(frozen=True)
class Finished:
    """What comes back of a trial.

    Attributes:
        key: its hash.
        digest: what is said of it; None if it failed.
        told: lines that the user should read.
        problem: why it failed, in words.
        traceback: more on an error that is nobody's mistake but ours.
    """

    key: str
    digest: Digest | None
    told: list[str] = field(default_factory=list)
    problem: str = ""
    traceback: str = ""


class Shows(Protocol):
    """Shows how far a trial is."""

    def __call__(self, job: Job, done: float, state: str) -> None:
        """Take note: a share of the whole trial is done, and its state in words."""


@dataclass(frozen=True)
class RunJob:
    """Runs a trial and writes its result; in other processes, problems come back as values.

    Attributes:
        folder: the folder of the run.
        device: the torch device.
        shows: shows how far it is.
        tell: called with each line that the user should read; None: they come back with the result.
        raises: whether an error is raised, rather than returned.
    """

    folder: RunFolder
    device: str
    shows: Shows
    tell: Tell | None = None
    raises: bool = False

    @property
    def root(self) -> Path:
        """The folder of the run."""
        return self.folder.folder

    def at(self, root: Path) -> RunJob:
        """Return the same function, which writes its results in another folder."""
        folder = replace(self.folder, folder=root)
        shows = Pulses(folder.work / PROGRESS) if isinstance(self.shows, Pulses) else self.shows
        return replace(self, folder=folder, shows=shows)

    def folder_of(self, job: Job) -> Path:
        """Return the folder of a trial."""
        return self.folder.parts.folder / job.key

    def lost(self, job: Job, problem: str) -> Finished:
        """Return what stands for a trial that was given up."""
        return Finished(job.key, None, problem=f"{job.name}: {problem}")

    def __call__(self, job: Job) -> Finished:
        told: list[str] = []
        try:
            return Finished(job.key, self._digest(job, self.tell or told.append), told)
        except Exception as error:
            if self.raises or isinstance(error, CannotWriteError):
                raise
            if own := str(error) if isinstance(error, ScenarioError) else own_lines(error):
                return Finished(job.key, None, told, own)
            return Finished(job.key, None, told, f"{type(error).__name__}: {error}", traceback.format_exc())

    def _digest(self, job: Job, tell: Tell) -> Digest:
        scenario, place = job.scenario, self.folder.checkpoint(job.key)
        checkpoints = Checkpoints(place, scenario.checkpoint, job.key, lambda line: tell(f"{job.name}: {line}"))

        def progress(point: RoundResult) -> None:
            if checkpoints.resumed and not point.round:
                tell(f"{job.name} goes on after round {checkpoints.resumed}")
            self.shows(job, point.done, state_of(point, task_of(scenario)))

        def simulated(job: Job) -> Stowed:
            if job.dry:
                return Stowed(dry_run_that_fits(scenario, job.entry, job.seed, progress, tell))
            return Stowed(
                run_trial(
                    scenario, job.entry, job.seed, progress=progress, without=job.without, checkpoints=checkpoints
                )
            )

        with spilling_into(self.folder.work):
            stowed = lean(simulated, job)  # a large world is gone before its tables are made
            with uncollected():
                outcome = stowed.taken_out()
                digest = self.folder.parts.keep(job.key, scenario, outcome, job.dry, self.device)
        if not job.dry:
            checkpoints.remove()
        return digest


def state_of(point: RoundResult, task: str = CLASSIFICATION) -> str:
    """Return in words how far a trial is.

    Args:
        point: its state.
        task: what its models learn.
    """
    state = f"simulated {human('seconds', point.sim_time_s)}"
    if point.score and task == NEXT_TOKEN:
        return f"{state}, loss {point.score.loss:.3f}"
    return f"{state}, accuracy {point.score.accuracy:.3f}" if point.score else state


def run_jobs(
    jobs: Sequence[Job],
    folder: RunFolder,
    executor: Executor,
    device: str,
    console: Console,
    tell: Tell,
    finished: Callable[[Finished], None],
) -> None:
    """Run trials, and show how far they are.

    Args:
        jobs: the trials.
        folder: the folder of the run.
        executor: where they are computed.
        device: their torch device.
        console: where progress is shown.
        tell: called with each line that the user should read.
        finished: called with each trial that is done.

    Raises:
        ScenarioError: a trial cannot be run as it is; in other processes, the others are run all the same.
        RuntimeError: a trial failed in another process.
    """
    by_key, failed = {job.key: job for job in jobs}, None
    with bars(console, state=True) as progress:
        table = _Bars(progress, jobs)
        pulses = Pulses(folder.work / PROGRESS)
        here = isinstance(executor, Sequential)
        function = RunJob(folder, device, table.show if here else pulses, tell if here else None, raises=here)
        results = executor.map(function, jobs)
        with pulses.watched(by_key, table.show), closing(results):  # closing stops the trials that still run
            for done in results:
                job = by_key[done.key]
                for line in done.told:
                    tell(line)
                if done.digest is None:
                    failed = failed or done  # the others are not given up for it
                    continue
                finished(done)
                table.finish(job)
                if not shows_bars(console):  # in a log the bars would be drawn only at the end, so print each trial
                    wall = human("seconds", done.digest.summary["wall_time_s"])
                    console.print(f"{job.name}: {said_of(done.digest)}, ran for {wall}", markup=False)
    if failed is not None and failed.traceback:
        raise RuntimeError(f"{by_key[failed.key].name}: {failed.problem}\n{failed.traceback}")
    if failed is not None:
        raise ScenarioError(failed.problem)


def said_of(digest: Digest) -> str:
    """Return in words how a trial ended."""
    summary = digest.summary
    state = f"simulated {human('seconds', summary['sim_time_s'])}"
    if summary.get("perplexity") is not None:
        return f"{state}, loss {summary['final_loss']:.3f}"
    return state if summary["final_accuracy"] is None else f"{state}, accuracy {summary['final_accuracy']:.3f}"


class _Bars:
    """A bar for each trial; it appears when the trial begins."""

    def __init__(self, progress: Progress, jobs: Sequence[Job]) -> None:
        self._progress, self._finished = progress, set[str]()
        self._bars = {job.key: progress.add_task(job.name, total=job.steps, state="", visible=False) for job in jobs}

    def show(self, job: Job, done: float, state: str) -> None:
        if job.key not in self._finished:
            completed = min(job.steps, int(job.steps * done))
            self._progress.update(self._bars[job.key], completed=completed, state=state, visible=True)

    def finish(self, job: Job) -> None:
        self._finished.add(job.key)
        self._progress.update(self._bars[job.key], completed=job.steps, visible=True)


@dataclass(frozen=True)
class Pulses:
    """How far trials in other processes are, in a file for each of them that they write now and then.

    Nothing depends on them: where the folder cannot be written or is not shared, bars move only when trials are done.

    Attributes:
        folder: where the files are.
    """

    folder: Path

    def __call__(self, job: Job, done: float, state: str) -> None:
        place = self.folder / f"{job.key}.json"
        with suppress(OSError):
            if done < 1 and time.time() - place.stat().st_mtime < BETWEEN_LOOKS:
                return
        with suppress(OSError):
            self.folder.mkdir(exist_ok=True)
            place.write_text(json.dumps([done, state]), encoding="utf-8")

    @contextmanager
    def watched(self, jobs: dict[str, Job], show: Shows) -> Iterator[None]:
        """Show what the files say for as long as this context lasts.

        Args:
            jobs: the trials by their hashes.
            show: shows how far one is.
        """
        over = threading.Event()

        def look() -> None:
            while not over.wait(BETWEEN_LOOKS):
                for place in self.folder.glob("*.json"):
                    with suppress(OSError, ValueError, KeyError):  # it is being written
                        show(jobs[place.stem], *json.loads(place.read_text(encoding="utf-8")))

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

"""Run a sweep: what is missing of it, with progress, and whatever becomes of it the folder says how it stands."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from simulator.experiments.sweep import points, settings
from simulator.experiments.sweep.executors import Executor, Joblib, Sequential
from simulator.experiments.sweep.points import Plan, Trial, named
from simulator.experiments.sweep.store import POINTS, Store
from simulator.experiments.trial.build import torch_device
from simulator.experiments.trial.memory_check import dry_run_that_fits
from simulator.experiments.trial.trial import run
from simulator.settings.errors import ScenarioError
from simulator.settings.humanize import human

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult

REPORT = "report.html"
SHOWN = 10
"""Problems are told up to this many; the rest is in the table of points."""
EVERY = 10.0
"""Seconds from one line of progress to the next where there is no terminal, and from one table of points."""


@dataclass(frozen=True)
class Done:
    """What became of a trial."""

    hash: str
    problem: str | None = None


@dataclass(frozen=True)
class Run:
    """Runs a trial and keeps what it leaves."""

    store: Store
    device: str
    ledger: bool

    def __call__(self, trial: Trial) -> Done:
        try:
            self.store.keep(trial, outcome_of(trial), self.device, self.ledger)
        except ScenarioError as error:
            self.store.fail(trial.hash, str(error))
            return Done(trial.hash, str(error))
        except Exception as error:  # a defect, or no memory: the other trials need not suffer for it
            problem = f"{type(error).__name__}: {error}"
            self.store.fail(trial.hash, problem, traceback=traceback.format_exc())
            return Done(trial.hash, problem)
        return Done(trial.hash)


def outcome_of(trial: Trial) -> TrialResult:
    """Run a trial as a run would: first dry, by which is known who has memory enough.

    Raises:
        ScenarioError: as ``dry_run_that_fits``.
    """
    scenario, entry, seed = trial.scenario, trial.scenario.algorithms[0], trial.scenario.seeds[0]
    without = frozenset[str]()
    if not entry.algorithm.needs_values:
        outcome = dry_run_that_fits(scenario, entry, seed)
        if trial.dry:
            return outcome
        without = outcome.without
    return run(scenario, entry, seed, trial.dry, without=without)


def run_sweep(
    file: Path,
    overrides: Sequence[str] = (),
    *,
    dry: bool = False,
    out: Path | None = None,
    workers: int | None = None,
    keep_going: bool = False,
    ledger: bool = True,
    force: bool = False,
    console: Console | None = None,
) -> Path:
    """Run what is missing of a sweep; the value is its folder.

    Args:
        file: of the sweep.
        overrides: of its base scenario, each "KEY=VALUE".
        workers: processes; one runs trials in this process. As many as there are cores for, by the scenario's threads,
            if nothing is said; one where a GPU trains.
        keep_going: in spite of points that are no scenario; and that a trial fails is no error in the end.
        ledger: keep every trial's; without it there are no timelines and no traces.
        force: use the folder of another sweep.

    Raises:
        ScenarioError: the sweep cannot be run, or a trial failed.
        KeyboardInterrupt: it was stopped; the message, once trials were run, says where those that are done are.
    """
    console = console or Console(width=None if sys.stdout.isatty() else 100)
    sweep = settings.load(file)
    base = points.base(sweep, overrides)
    with console.status("Is every point a scenario?"):
        plan = points.plan(sweep, base, dry)
    told = _told(plan)
    if told and not keep_going:
        raise _refusal(plan, told, "; with --keep-going the others are run")
    store, device = Store(out or Path("runs") / sweep.name), torch_device(base, dry)
    with store.opened(sweep, base, dry, device, force):
        before = store.points
        for key, problem in plan.problems.items():
            if isinstance(key, str) and not store.done(key):
                store.fail(key, problem)
        missing = [trial for key, trial in plan.trials.items() if not store.done(key, ledger)]
        store.write_points(plan, sweep.keys)
        if missing or store.points != before:
            (store.folder / REPORT).unlink(missing_ok=True)  # it is of other points
        try:
            at_once = _workers(missing, device, workers, 1 if dry else _threads(missing))
            watch = Watch(console, at_once, lambda: store.write_points(plan, sweep.keys))
            results = _executor(missing, at_once).map(Run(store, device, ledger), missing)
            failed = _run(results, len(missing), watch)
        except BrokenProcessPool:
            raise ScenarioError(
                f"a worker was ended from outside, perhaps for want of memory: try fewer --workers. {_again(store)}"
            ) from None
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_again(store)) from None
        finally:
            store.write_points(plan, sweep.keys)
    said = _grouped((named(plan.first[key], trial=True), problem) for key, problem in failed.items())
    for line in _some([*told, *said]):
        console.print(f"Failed: {line}", soft_wrap=True, highlight=False)
    done, now = len(plan.trials) - len(failed), len(missing) - len(failed)
    console.print(f"{done} of {plan.count} trials are done, {now} of them now: {store.folder / POINTS}", soft_wrap=True)
    with console.status("Figures and report"):
        report = _report(store.folder)
    console.print(report, soft_wrap=True, highlight=False)
    if failed and not keep_going:
        raise ScenarioError(f"{len(failed)} of {plan.count} trials failed: the same command tries them again")
    return store.folder


def validate_sweep(file: Path, overrides: Sequence[str] = ()) -> str:
    """What is said of a sweep that can be run, of its memory nothing.

    Raises:
        ScenarioError: it cannot, or some of its points.
    """
    sweep = settings.load(file)
    plan = points.plan(sweep, points.base(sweep, overrides), dry=False)
    if told := _told(plan):
        raise _refusal(plan, told)
    labels = ", ".join(dict.fromkeys(row.label for row in plan.rows))
    return f"{file} is a valid sweep: {len({row.point for row in plan.rows})} points, {plan.count} trials ({labels})"


def _report(folder: Path) -> str:
    """Draw figures and report, if there is none, and say what is in it and where it is; a sweep that cannot be drawn is
    done all the same."""
    from analysis import RunError, load_sweep, sweep_highlights, write_sweep_figures, write_sweep_report

    try:
        sweep = load_sweep(folder)
        said = [f"{what}: {who}, {much}" for what, who, much in sweep_highlights(sweep)]
        if not (folder / REPORT).exists():
            write_sweep_report(sweep, write_sweep_figures(sweep))
        return "\n".join([*said, f"Report: {folder / REPORT}"])
    except RunError as error:
        return f"There is no report: {error}"


def _run(results: Generator[Done, None, None], of: int, watch: Watch) -> dict[str, str]:
    """Take the results as they come; what is wrong with those that failed, by hash."""
    with closing(results):  # which ends what still runs
        return {done.hash: done.problem for done in watch(results, of) if done.problem}


@dataclass(frozen=True)
class Watch:
    """Passes results on, and shows how far it is: a bar on a terminal, a line now and then elsewhere, the table."""

    console: Console
    workers: int
    write_points: Callable[[], None]

    def __call__(self, results: Iterable[Done], of: int) -> Iterator[Done]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        quiet = not self.console.is_terminal
        shown = Progress(*columns, TextColumn("{task.fields[state]}"), console=self.console, disable=quiet)
        began = last = 0.0
        failed = 0
        if quiet and of:
            self.console.print(f"{of} trials to run, {min(self.workers, of)} at once")
        with shown as progress:
            bar = progress.add_task("trials", total=of, state=f"{min(self.workers, of)} running")
            for number, done in enumerate(results, 1):
                failed += done.problem is not None
                state = f"{min(self.workers, of - number)} running, {failed or 'none'} failed"
                progress.update(bar, completed=number, state=state)
                now = time.monotonic()
                if number == 1:
                    began = last = now  # workers take their time to start, once
                elif now - last > EVERY:
                    last = now
                    self.write_points()
                    left = human("seconds", (now - began) / (number - 1) * (of - number))
                    if quiet:
                        self.console.print(f"{number} of {of} trials, {state}, about {left} left")
                yield done


def _workers(missing: Sequence[Trial], device: str, wanted: int | None, threads: int) -> int:
    """How many trials run at once, if each keeps so many cores busy: a dry one, which computes no tensor, keeps one."""
    if wanted is None:
        from joblib import cpu_count

        wanted = 1 if device == "cuda" else max(1, cpu_count() // threads)
    return min(wanted, len(missing))


def _executor(missing: Sequence[Trial], workers: int) -> Executor:
    return Joblib(workers, _threads(missing)) if workers > 1 else Sequential()


def _threads(trials: Sequence[Trial]) -> int:
    return max((trial.scenario.threads for trial in trials), default=1)


def _told(plan: Plan) -> list[str]:
    """What is wrong with points and trials that cannot be."""
    return _grouped((named(row, trial=bool(row.trial)), plan.problem(row) or "") for row in _refused(plan))


def _refusal(plan: Plan, told: Sequence[str], but: str = "") -> ScenarioError:
    what = f"{plan.count - len(plan.trials)} of {plan.count} trials cannot be{but}:"
    return ScenarioError("\n".join([what, *_some(told)]))


def _refused(plan: Plan) -> list[points.Row]:
    """A row for each point that is no scenario, and for each trial that cannot be."""
    found: dict[str | int, points.Row] = {}
    for row in plan.rows:
        if plan.problem(row):
            found.setdefault(row.trial or row.point, row)
    return list(found.values())


def _grouped(problems: Iterable[tuple[str, str]]) -> list[str]:
    """A line for each problem: the first that has it, how many more, and what it is."""
    having: dict[str, list[str]] = {}
    for who, problem in problems:
        having.setdefault(problem, []).append(who)
    more = {problem: f" (and {len(who) - 1} more)" if len(who) > 1 else "" for problem, who in having.items()}
    return [f"{who[0]}{more[problem]}: {problem}" for problem, who in having.items()]


def _some(lines: Sequence[str]) -> list[str]:
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], f"and {more} more"] if more > 0 else list(lines)


def _again(store: Store) -> str:
    return f"What is done is kept in {store.folder}: the same command goes on"

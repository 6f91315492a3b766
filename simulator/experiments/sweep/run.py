"""Run the missing trials of a sweep and show progress; its folder always tells which trials are done."""

from __future__ import annotations

import traceback
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from analysis.goal import Target
from simulator.accounting.spill import spilling_into
from simulator.experiments.executors.choose import chosen
from simulator.experiments.executors.local import executor_for, workers_that_fit
from simulator.experiments.run.consoles import standard_console, status
from simulator.experiments.sweep import points, problems, settings
from simulator.experiments.sweep.points import Trial, named
from simulator.experiments.sweep.report import REPORT, tell_results
from simulator.experiments.sweep.store import POINTS, Store
from simulator.experiments.sweep.watch import Done, Watch
from simulator.experiments.trial.checkpoint import Checkpoints
from simulator.experiments.trial.memory_check import dry_run_that_fits
from simulator.experiments.trial.model import cut_off, strange_tokenizer, torch_device
from simulator.experiments.trial.trial import run
from simulator.settings.disk import CannotWriteError
from simulator.settings.errors import ScenarioError
from simulator.settings.plugin_files import own_lines

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult
    from simulator.scenario.scenario import Scenario


@dataclass(frozen=True)
class Run:
    """Runs a trial and stores its result, or why it failed.

    Attributes:
        store: the folder of the sweep.
        device: the torch device of the trials.
        ledger: whether the ledgers are stored, too.
    """

    store: Store
    device: str
    ledger: bool

    @property
    def root(self) -> Path:
        """The folder of the sweep."""
        return self.store.folder

    def at(self, root: Path) -> Run:
        """Return the same function, which stores its results in another folder."""
        return replace(self, store=Store(root))

    def folder_of(self, trial: Trial) -> Path:
        """Return the folder of a trial."""
        return self.store.trials / trial.hash

    def lost(self, trial: Trial, problem: str) -> Done:
        """Store why a trial was given up, unless it has been done all the same."""
        if not (done := self.store.done(trial.hash, self.ledger)):
            self.store.fail(trial.hash, problem)
        return Done(trial.hash, None if done else problem)

    def __call__(self, trial: Trial) -> Done:
        checkpoints = Checkpoints(self.store.checkpoint(trial.hash), trial.scenario.checkpoint, trial.hash)
        try:
            with spilling_into(self.store.folder):
                self.store.keep(trial, outcome_of(trial, checkpoints), self.device, self.ledger)
            checkpoints.remove()
        except ScenarioError as error:
            checkpoints.remove()  # the trial would end there again; after any other end it goes on from it
            self.store.fail(trial.hash, str(error))
            return Done(trial.hash, str(error))
        except CannotWriteError:  # nor could others be: the sweep ends
            raise
        except Exception as error:  # a defect, or too little memory: the other trials must still run
            problem = own_lines(error) or f"{type(error).__name__}: {error}"
            self.store.fail(trial.hash, problem, traceback=traceback.format_exc())
            return Done(trial.hash, problem)
        return Done(trial.hash)


def outcome_of(trial: Trial, checkpoints: Checkpoints | None = None) -> TrialResult:
    """Run a trial as ``sfsim run`` would: first dry, to find the devices with enough memory, then for real.

    Args:
        trial: the trial.
        checkpoints: where a real one writes down how far it is, and from where it goes on; None: nowhere.

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
    return run(scenario, entry, seed, trial.dry, without=without, checkpoints=None if trial.dry else checkpoints)


def run_sweep(
    file: Path,
    overrides: Sequence[str] = (),
    *,
    axes: Sequence[str] = (),
    dry: bool = False,
    out: Path | None = None,
    workers: int | None = None,
    executor: str = "local",
    address: str | None = None,
    keep_going: bool = False,
    ledger: bool = True,
    force: bool = False,
    console: Console | None = None,
) -> Path:
    """Run the missing trials of a sweep, and return its folder.

    Args:
        file: the sweep file; with ``axes``, it may be a scenario.
        overrides: overrides of the base scenario, each "KEY=VALUE".
        axes: axes that are added to those of the file or replace them, each "KEY=VALUES".
        dry: simulate without training.
        out: the sweep's folder; None: ``runs/<name>``.
        workers: the number of processes; with one, trials run in this process. None: one on a GPU, otherwise as many as
            the cores allow with the scenario's number of threads in each. On a cluster None is as many as it has room
            for.
        executor: where trials are run: "local", "ray" or "slurm".
        address: which Ray or Slurm that is, as for ``chosen``.
        keep_going: skip points that are not valid scenarios, and do not raise if trials fail.
        ledger: store the ledger of every trial; timelines and traces need it.
        force: use a folder that holds another sweep or something else.
        console: where progress is printed; None: standard output.

    Raises:
        ScenarioError: the sweep cannot be run, or a trial failed.
        KeyboardInterrupt: the sweep was stopped. Once trials have been started, the message says where the finished
            ones are kept.
    """
    sweep = settings.load(file, axes)
    return run_points(
        sweep,
        points.base(sweep, overrides),
        dry=dry,
        out=out,
        workers=workers,
        executor=executor,
        address=address,
        keep_going=keep_going,
        ledger=ledger,
        force=force,
        console=console,
    )


def run_points(
    sweep: settings.Sweep,
    base: Scenario,
    *,
    dry: bool = False,
    out: Path | None = None,
    workers: int | None = None,
    executor: str = "local",
    address: str | None = None,
    keep_going: bool = False,
    ledger: bool = True,
    force: bool = False,
    console: Console | None = None,
    report: bool = True,
) -> Path:
    """Run the missing trials of a sweep that was read already, and return its folder.

    Args:
        sweep: the sweep.
        base: its base scenario.
        dry, out, workers, executor, address, keep_going, ledger, force, console: as for ``run_sweep``.
        report: draw the figures and the report, and print what is done and the verdict.

    Raises:
        ScenarioError: as ``run_sweep``.
        KeyboardInterrupt: as ``run_sweep``.
    """
    console = console or standard_console()
    with status(console, "Checking all points"):
        plan = points.plan(sweep, base, dry)
    invalid = problems.invalid(plan)
    if invalid and not keep_going:
        raise problems.refusal(plan, invalid, "; with --keep-going the others are run")
    store, device = Store(out or Path("runs") / sweep.name), torch_device(base, dry)
    threads = _threads(plan.trials.values())
    remote = chosen(executor, workers=workers, threads=threads, address=address, gpus=device == "cuda")
    with store.opened(sweep, base, dry, device, force):
        points_before = store.points
        for key, problem in plan.problems.items():
            if isinstance(key, str) and not store.done(key):
                store.fail(key, problem)
        missing = [trial for key, trial in plan.trials.items() if not store.done(key, ledger)]
        store.write_points(plan, sweep.keys)
        if missing or store.points != points_before:
            (store.folder / REPORT).unlink(missing_ok=True)  # it shows other points
        try:
            local = _workers(missing, device, workers, 1 if dry else _threads(missing))
            at_once = workers if remote else local
            watch = Watch(console, at_once, lambda: store.write_points(plan, sweep.keys))
            if missing and not (
                dry or remote
            ):  # once, though axes may change it: reading each point's texts takes long
                for line in (*strange_tokenizer(base), *cut_off(base)):
                    console.print(f"Base scenario: {line}", soft_wrap=True, highlight=False, markup=False)
            place = remote or executor_for(len(missing), _threads(missing), device, local)
            results = place.map(Run(store, device, ledger), missing)
            failed = _run(results, len(missing), watch)
        except BrokenProcessPool:
            raise ScenarioError(
                "a worker process was killed, perhaps for lack of memory: try fewer --workers. "
                f"{_how_to_continue(store)}"
            ) from None
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_how_to_continue(store)) from None
        finally:
            store.write_points(plan, sweep.keys)
    failures = problems.grouped((named(plan.first[key], trial=True), problem) for key, problem in failed.items())
    for line in problems.at_most_shown([*invalid, *failures]):
        console.print(f"Failed: {line}", soft_wrap=True, highlight=False, markup=False)
    done, now = len(plan.trials) - len(failed), len(missing) - len(failed)
    if report:
        count = f"{done} of {plan.count} trials are done, {now} of them now"
        console.print(f"{count}: {store.folder / POINTS}", soft_wrap=True, markup=False)
        tell_results(store.folder, Target.of(base.target_accuracy, base.target_loss), console)
    if failed and not keep_going:
        raise ScenarioError(f"{len(failed)} of {plan.count} trials failed: the same command tries them again")
    return store.folder


def validate_sweep(file: Path, overrides: Sequence[str] = ()) -> str:
    """Check a sweep except for its memory, and return a line about its points and trials.

    Raises:
        ScenarioError: the sweep, or one of its points or trials, is not valid.
    """
    sweep = settings.load(file)
    plan = points.plan(sweep, points.base(sweep, overrides), dry=False)
    if invalid := problems.invalid(plan):
        raise problems.refusal(plan, invalid)
    labels = ", ".join(dict.fromkeys(row.label for row in plan.rows))
    return f"{file} is a valid sweep: {len({row.point for row in plan.rows})} points, {plan.count} trials ({labels})"


def _run(results: Generator[Done, None, None], of: int, watch: Watch) -> dict[str, str]:
    """Consume the results as they come; return the problems of failed trials, by hash."""
    with closing(results):  # closing stops the trials that still run
        return {done.hash: done.problem for done in watch(results, of) if done.problem}


def _workers(missing: Sequence[Trial], device: str, wanted: int | None, threads: int) -> int:
    """Return how many trials run at once, as memory and cores allow, of which each keeps ``threads`` busy."""
    if wanted is None:
        wanted = 1 if device == "cuda" else workers_that_fit(threads)
    return min(wanted, len(missing))


def _threads(trials: Iterable[Trial]) -> int:
    return max((trial.scenario.threads for trial in trials), default=1)


def _how_to_continue(store: Store) -> str:
    return f"Finished trials are kept in {store.folder}: run the same command to continue"

"""Run a search: suggest points, evaluate those that are not in its folder, and end with the front."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from simulator.experiments.executors.choose import chosen
from simulator.experiments.executors.drawn import Drawn
from simulator.experiments.executors.local import workers_that_fit
from simulator.experiments.executors.sequential import Sequential
from simulator.experiments.run.consoles import bars, shows_bars, standard_console, status
from simulator.experiments.search.evaluate import Evaluate, Evaluated
from simulator.experiments.search.folder import Folder
from simulator.experiments.search.journal import Journal, need_optuna
from simulator.experiments.search.points import points_of
from simulator.experiments.search.report import Results, tell_results
from simulator.experiments.search.search import Loop
from simulator.experiments.search.settings import load
from simulator.experiments.sweep.store import Store
from simulator.experiments.trial.model import cut_off, strange_tokenizer, torch_device
from simulator.settings.errors import ScenarioError
from simulator.settings.humanize import human

EVERY = 10.0
"""Seconds between two lines of progress without a terminal, and between two updates of the table of suggestions."""


def run_search(
    file: Path,
    overrides: Sequence[str] = (),
    *,
    dry: bool = False,
    out: Path | None = None,
    workers: int | None = None,
    ledger: bool = False,
    force: bool = False,
    executor: str = "local",
    address: str | None = None,
    console: Console | None = None,
) -> Path:
    """Run a search, or go on with one, and return its folder.

    Args:
        file: the search file.
        overrides: overrides of the base scenario, each "KEY=VALUE".
        dry: simulate without training.
        out: the search's folder; None: ``runs/<name>``.
        workers: the number of processes; with one, trials run in this process, and the same seed gives the same
            suggestions. None: one on a GPU and for dry runs; otherwise as many as cores and memory allow with the
            scenario's number of threads in each.
        ledger: store the ledger of every trial; timelines and traces need it.
        force: use a folder that holds another search or something else.
        executor: where points are evaluated: "local", "ray" or "slurm". All machines must share the folder.
        address: which Ray or Slurm that is, as for ``chosen``.
        console: where progress is printed; None: standard output.

    Raises:
        ScenarioError: the search cannot be run, or no point has what it looks for.
        KeyboardInterrupt: the search was stopped. The message says how to go on.
    """
    console = console or standard_console()
    search = load(file)
    need_optuna()
    with status(console, "Checking the space"):
        points = points_of(search, overrides, dry)
    folder, device = Folder(out or Path("runs") / search.name), torch_device(points.base, dry)
    at_once = workers or (workers_that_fit(points.base.threads) if device == "cpu" else 1)
    threads, gpus = points.base.threads, device == "cuda"
    remote = chosen(executor, workers=workers, threads=threads, address=address, gpus=gpus)
    with folder.opened(points, device, force):
        journal = Journal(folder.path, search, points.distributions())
        loop = Loop(points, journal, folder.store, ledger)
        results = Results(points, folder, journal)
        if loop.before < loop.wanted and not (dry or remote):
            for line in (*strange_tokenizer(points.base), *cut_off(points.base)):
                console.print(f"Base scenario: {line}", soft_wrap=True, highlight=False, markup=False)
        try:
            function = Evaluate(Store(folder.path.absolute()), device, ledger, search.pruning)
            where = remote or (Drawn(at_once, threads) if at_once > 1 else Sequential())
            with closing(where.map(function, loop.items())) as evaluated:  # closing stops what still runs
                _Watch(loop, None if remote else at_once, results.write, console)(evaluated)
        except BrokenProcessPool:
            how = _how_to_continue(folder)
            problem = "a worker process was killed, perhaps for lack of memory: try fewer --workers"
            raise ScenarioError(f"{problem}. {how}") from None
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_how_to_continue(folder)) from None
        finally:
            results.write()
        tell_results(results, loop, console)
    return folder.path


def validate_search(file: Path, overrides: Sequence[str] = ()) -> str:
    """Check a search, and return a line about its space.

    Raises:
        ScenarioError: the search or its base scenario is not valid.
    """
    search = load(file)
    points = points_of(search, overrides, dry=False)
    space = f"{points.size:,} points" if points.size else "an endless space"
    figures, labels = (", ".join(names) for names in ([each.figure for each in search.objectives], points.labels))
    return f"{file} is a valid search: {search.trials} trials in {space} ({labels}), for {figures}"


@dataclass
class _Watch:
    """Tells the search what became of points, and shows progress: a bar on a terminal, a line now and then elsewhere.

    Attributes:
        loop: the search.
        at_once: how many points are evaluated at once; None: that is for a cluster to say.
        write: updates the table of suggestions.
        console: where progress is printed.
    """

    loop: Loop
    at_once: int | None
    write: Callable[[], None]
    console: Console

    def __call__(self, evaluated: Iterable[Evaluated]) -> None:
        loop, quiet, statuses = self.loop, not shows_bars(self.console), Counter[str]()
        if quiet:
            known = f", of which {loop.before} are known" if loop.before else ""
            at_once = "" if self.at_once is None else f", {self.at_once} at once"
            self.console.print(f"{loop.wanted} points to look at{known}{at_once}", highlight=False)
        began = last = time.monotonic()
        with bars(self.console, state=True) as progress:
            bar = progress.add_task("points", total=loop.wanted, completed=loop.before, state="")
            for number, each in enumerate(evaluated, 1):
                statuses[loop.tell(each).status] += 1
                state = ", ".join(f"{count} {status}" for status, count in statuses.items())
                done = loop.found - len(loop.running)
                progress.update(bar, completed=done, state=state)
                now = time.monotonic()
                if now - last > EVERY:
                    last = now
                    self.write()
                    left = human("seconds", (now - began) / number * (loop.wanted - done))
                    if quiet:
                        self.console.print(
                            f"{done} of {loop.wanted} points, {state}, about {left} left", highlight=False
                        )


def _how_to_continue(folder: Folder) -> str:
    return f"What was found is kept in {folder.path}: run the same command to continue"

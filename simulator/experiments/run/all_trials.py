"""All trials of a run: those that are done, and those that are missing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from simulator.experiments.executors.local import executor_for
from simulator.experiments.run.consoles import status
from simulator.experiments.run.parts import Part
from simulator.experiments.run.trials import Finished, Job, run_jobs
from simulator.experiments.trial.identity import identity
from simulator.experiments.trial.memory_check import Tell, devices_left_out
from simulator.experiments.trial.model import torch_device
from simulator.settings.errors import ScenarioError

if TYPE_CHECKING:
    from simulator.experiments.executors.base import Executor
    from simulator.experiments.run.digest import Digest
    from simulator.experiments.run.folders import RunFolder
    from simulator.scenario.scenario import Scenario

BETWEEN_TABLES = 5.0
"""Seconds between two updates of the tables while trials go on."""


class AllTrials:
    """The trials of a run, in the order of the scenario.

    Args:
        run: the folder of the run, which is claimed.
        scenario: what is run.
        dry: whether it is simulated without training.
    """

    def __init__(self, run: RunFolder, scenario: Scenario, dry: bool) -> None:
        self._run, self._scenario, self._dry = run, scenario, dry
        data = scenario.model_dump(mode="json")
        self._places = {
            Part(identity(scenario, index, seed, dry, data), entry.label, seed): index
            for index, entry in enumerate(scenario.algorithms)
            for seed in scenario.seeds
        }
        self._done = {part.key: digest for part in self._places if (digest := run.parts.digest(part.key))}
        self._joined = 0
        self._last = time.monotonic()

    @property
    def digests(self) -> dict[Part, Digest]:
        """What is said of each trial that is done."""
        return {part: self._done[part.key] for part in self._places if part.key in self._done}

    def run_missing(self, console: Console, tell: Tell, jobs: int | None, executor: Executor | None) -> None:
        """Run the trials that are missing; each is kept when it is done.

        Args:
            console: where progress is shown.
            tell: called with each line that the user should read.
            jobs: how many run at once; None: as many as cores, threads and memory allow.
            executor: where they are computed; None: on this machine.

        Raises:
            ScenarioError: a trial cannot be run as it is, or a process was killed.
            RuntimeError: a trial failed in another process.
        """
        scenario, dry = self._scenario, self._dry
        missing = [part for part in self._places if part.key not in self._done]
        if self._done:
            tell(f"{len(self._done)} of {len(self._places)} trials are done already")
        fits: Mapping[tuple[str, int], frozenset[str]] = {}
        if missing and not dry:
            with status(console, "Does it fit into memory?"):
                fits = devices_left_out(scenario, tell)
        work = [
            Job(part.key, scenario, self._places[part], part.seed, dry, fits.get((part.label, part.seed), frozenset()))
            for part in missing
        ]
        device = torch_device(scenario, dry)
        try:
            executor = executor or executor_for(len(work), scenario.threads, device, jobs)
            run_jobs(work, self._run, executor, device, console, tell, self._keep)
        except BrokenProcessPool:
            problem = "a worker process was killed, perhaps for lack of memory: try fewer --jobs"
            raise ScenarioError(problem) from None
        finally:
            with suppress(OSError):  # of the disk, which has been told already, or will be when the run is completed
                self._join()

    def kept(self, named: Path) -> str:
        """Say what an interruption leaves, and how to go on; empty if it leaves nothing.

        Args:
            named: the folder, as the user named it.
        """
        if not self._run.work.exists():
            return f"the results are complete, and sfsim report {named} draws what is missing"
        if self._run.is_empty:
            return ""
        done = f"{len(self._done)} of {len(self._places)} trials are done" if self._done else "a trial has a checkpoint"
        return f"{done}: go on with --resume --out {named}"

    def _keep(self, finished: Finished) -> None:
        assert finished.digest is not None
        self._done[finished.key] = finished.digest
        if time.monotonic() - self._last > BETWEEN_TABLES:
            self._join()

    def _join(self) -> None:
        """Bring the tables up to date, if there are new trials."""
        self._last = time.monotonic()
        if len(self._done) > self._joined:
            self._run.join(list(self.digests))
            self._joined = len(self._done)

"""Jobs of Slurm, an array of them for a map, through submitit."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.experiments.executors.base import R, T
from simulator.experiments.executors.folders import WritesFolders
from simulator.experiments.executors.plugins import with_plugins
from simulator.settings.errors import ScenarioError

MOST_JOBS = 256
"""Jobs in an array; more items share them, as Slurm limits the length of an array."""
MINUTES = 24 * 60
"""The time limit of a job, unless the variable SBATCH_TIMELIMIT says another."""
CANCELLED_WITHIN = 10.0
"""Seconds to wait for jobs that were cancelled."""


@dataclass(frozen=True)
class Slurm:
    """Runs items in an array of Slurm jobs, whose machines share the folder of the results.

    What jobs say is in the folder ``.slurm`` there; it goes away when all is done.

    Attributes:
        workers: how many jobs run at once; None: as many as Slurm lets.
        threads: the processors of each.
        cluster: "slurm", or "local" for processes on this machine, to try it without Slurm.
        gpus: whether each is given a GPU.
    """

    workers: int | None
    threads: int
    cluster: str = "slurm"
    gpus: bool = False

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        """As ``Executor.map``, except that the results of items that share a job come together.

        Raises:
            ScenarioError: a job ended before its items were done.
        """
        import submitit

        every: list[Any] = list(items)
        if not every:
            return
        logs = Path(".slurm").absolute()
        if isinstance(function, WritesFolders):
            function = function.at(function.root.absolute())
            logs = function.root / ".slurm"
        executor = submitit.AutoExecutor(folder=logs, cluster=self.cluster)
        executor.update_parameters(name="sfsim", cpus_per_task=self.threads, timeout_min=MINUTES)
        if self.gpus:
            executor.update_parameters(gpus_per_node=1)
        if self.cluster == "slurm" and self.workers:
            executor.update_parameters(slurm_array_parallelism=self.workers)
        count = min(len(every), MOST_JOBS if self.cluster == "slurm" else self.workers or 1)
        jobs: list[Any] = []
        try:
            shares = [every[start::count] for start in range(count)]
            jobs += executor.map_array(with_plugins(_Share(function, self.gpus)), shares)
            while jobs:
                done = [job for job in jobs if job.done()]
                jobs = [job for job in jobs if job not in done]
                for job in done:
                    try:
                        yield from job.result()
                    except submitit.core.utils.UncompletedJobError as error:
                        why = _reason(str(error))
                        raise ScenarioError(f"job {job.job_id} of Slurm failed: {why}; see {logs}") from None
                time.sleep(0 if done else 0.5)
            shutil.rmtree(logs, ignore_errors=True)
        finally:
            for job in jobs:
                job.cancel()
            last = time.monotonic() + CANCELLED_WITHIN
            while not all(job.done() for job in jobs) and time.monotonic() < last:
                time.sleep(0.1)


@dataclass(frozen=True)
class _Share:
    """A function of several items, one after the other."""

    function: Callable[[Any], Any]
    gpus: bool

    def __call__(self, items: list[Any]) -> list[Any]:
        if not self.gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what torch finds must not depend on the machine
        return [self.function(item) for item in items]


def _reason(said: str) -> str:
    """Return the last line of the error that submitit quotes between two lines of dashes, or else its first one."""
    parts = re.split(r"^-{5,}$", said, flags=re.MULTILINE)
    quoted = parts[1].strip() if len(parts) > 2 else ""
    return quoted.rpartition("\n")[2] or said.strip().partition("\n")[0]


def check_there(cluster: str) -> None:
    """Raise ``ScenarioError`` if Slurm or submitit is not there."""
    if importlib.util.find_spec("submitit") is None:
        raise ScenarioError("--executor slurm needs submitit: pip install 'sfsim[slurm]'")
    if cluster == "slurm" and shutil.which("srun") is None:
        raise ScenarioError("--executor slurm: there is no srun here; start it on a machine from which jobs are sent")

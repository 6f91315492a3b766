"""Worker processes on this machine."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from simulator.experiments.executors.base import Executor, R, T
from simulator.experiments.executors.plugins import with_plugins
from simulator.experiments.executors.sequential import Sequential
from simulator.experiments.executors.worker_memory import lean, settle
from simulator.settings.memory import available_memory

MEMORY_OF_A_WORKER = 2_000_000_000
"""Bytes for which there should be room for each process; a small trial takes 1.3 GB, most of it torch itself."""

LOKY = r"joblib\.externals\.loky\."
"""The modules of loky, joblib's processes."""


def executor_for(items: int, threads: int, device: str, wanted: int | None = None) -> Executor:
    """Return an executor of this machine for trials.

    Args:
        items: how many trials there are.
        threads: the threads of torch in each of them.
        device: their torch device: ``meta``, ``cuda`` or ``cpu``.
        wanted: how many run at once; with one, they run in this process. None: one on a GPU and of dry runs, which are
            shorter than a process takes to start; otherwise as many as cores and memory allow.
    """
    workers = min(items, (1 if device != "cpu" else workers_that_fit(threads)) if wanted is None else wanted)
    return Joblib(workers, threads) if workers > 1 else Sequential()


def workers_that_fit(threads: int, nbytes: float = 0.0) -> int:
    """Return how many processes the cores and the memory of this machine allow, at least one.

    Args:
        threads: the threads of each.
        nbytes: the memory of each, if it is known to be more than usual.
    """
    from joblib import cpu_count

    return max(1, min(cpu_count() // threads, int(available_memory() // max(nbytes, MEMORY_OF_A_WORKER))))


@dataclass(frozen=True)
class Joblib:
    """Runs items in worker processes on this machine.

    The workers live until the last item is done, so that they count the costs of a model only once.

    Attributes:
        workers: the number of processes.
        threads: the number of torch threads in each process.
    """

    workers: int
    threads: int

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        from joblib import Parallel, delayed, parallel_config

        backend = {"initializer": _end_with, "initargs": (os.getpid(),), "inner_max_num_threads": self.threads}
        with parallel_config(backend="loky", **backend):
            parallel = Parallel(n_jobs=self.workers, return_as="generator_unordered")
        # loky replaces a worker whose memory has grown, as that of real trials does; nobody need know. The filter
        # stays, for this warning of loky alone: it comes from a thread of its own, which may outlive the loop.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning, LOKY)
        mapped = delayed(_watched(with_plugins(function), os.getpid()))
        results: Generator[R, None, None] = parallel(mapped(item) for item in items)
        try:
            for result in results:  # noqa: UP028 - `yield from` would close the results before warnings are off
                yield result
        finally:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # joblib warns of abandoned work, which is intended here
                results.close()


@dataclass(frozen=True)
class _Watched:
    """A function for worker processes, which makes its worker end when the parent process does."""

    function: Callable[..., object]
    parent: int

    def __call__(self, item: object) -> object:
        _end_with(self.parent)  # where another sweep's initializer has started this worker
        settle()
        return lean(self.function, item)


def _watched(function: Callable[[T], R], parent: int) -> Callable[[T], R]:
    return _Watched(function, parent)  # type: ignore[return-value]


_watching = set[int]()


def _end_with(parent: int) -> None:
    """Make this process exit when its parent does; else a worker would first finish its trial, which may take hours."""
    if parent in _watching:
        return
    _watching.add(parent)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

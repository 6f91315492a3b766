"""Worker processes on this machine."""

from __future__ import annotations

import atexit
import gc
import os
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from simulator.experiments.executors.base import R, T
from simulator.experiments.executors.plugins import with_plugins


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

        with parallel_config(backend="loky", inner_max_num_threads=self.threads):
            parallel = Parallel(n_jobs=self.workers, return_as="generator_unordered")
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
        if self.parent not in _watching and os.getppid() == self.parent:
            _end_with(self.parent)
            atexit.register(gc.unfreeze)  # otherwise libraries report leaks at exit
            # Imported objects stay, so they need no garbage collection: it took 7 % of a dry trial's time, and
            # collecting every 700 objects took another 4 %.
            gc.freeze()
            gc.set_threshold(10_000, 10, 10)
        return self.function(item)


def _watched(function: Callable[[T], R], parent: int) -> Callable[[T], R]:
    return _Watched(function, parent)  # type: ignore[return-value]


_watching = set[int]()


def _end_with(parent: int) -> None:
    """Make this process exit when its parent does; else a worker would first finish its trial, which may take hours."""
    _watching.add(parent)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

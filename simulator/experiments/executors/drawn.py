"""Worker processes on this machine that take an item only when one of them is free."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from simulator.experiments.executors.base import R, T
from simulator.experiments.executors.local import _end_with, _watched
from simulator.experiments.executors.plugins import with_plugins

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Drawn:
    """Runs items in worker processes on this machine, and draws the next item only when a worker is free.

    So what an item is may depend on all results before it, as the suggestions of a search do. ``Joblib`` draws ahead.

    Attributes:
        workers: the number of processes.
        threads: the number of torch threads in each process.
    """

    workers: int
    threads: int

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        from concurrent.futures import FIRST_COMPLETED, Future, wait

        from joblib.externals.loky import get_reusable_executor

        pool = get_reusable_executor(
            max_workers=self.workers,
            env=dict.fromkeys(_THREADS, str(self.threads)),
            initializer=_end_with,
            initargs=(os.getpid(),),
        )
        call, left = _watched(with_plugins(function), os.getpid()), iter(items)
        running: set[Future[R]] = set()
        complete = False
        try:
            while not complete:
                for item in left:
                    running.add(pool.submit(call, item))
                    if len(running) == self.workers:
                        break
                done, running = wait(running, return_when=FIRST_COMPLETED) if running else (set(), running)
                for future in done:
                    yield future.result()
                complete = not done
        finally:
            pool.shutdown(wait=True, kill_workers=not complete)

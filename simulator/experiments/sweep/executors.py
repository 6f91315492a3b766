"""Who runs the trials of a sweep: a function, mapped over items."""

from __future__ import annotations

import atexit
import gc
import os
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Where work is done. Another machine, or many, need another class with this method."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        """The results of a function, as they come. What it takes and gives can be pickled."""
        ...


class Sequential:
    """Here, one after the other."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        yield from map(function, items)


@dataclass(frozen=True)
class Joblib:
    """In processes of this machine, which stay for all items and remember what they have learned of models.

    Attributes:
        workers: how many.
        threads: of torch, in each of them.
    """

    workers: int
    threads: int

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        from joblib import Parallel, delayed, parallel_config

        with parallel_config(backend="loky", inner_max_num_threads=self.threads):
            parallel = Parallel(n_jobs=self.workers, return_as="generator_unordered")
        mapped = delayed(_watched(function, os.getpid()))
        results: Generator[R, None, None] = parallel(mapped(item) for item in items)
        try:
            for result in results:  # noqa: UP028 - `yield from` would close them before warnings are off
                yield result
        finally:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # that work was given up, which is what was wanted
                results.close()


@dataclass(frozen=True)
class _Watched:
    """A function of a worker that ends with the process that it works for."""

    function: Callable[..., object]
    parent: int

    def __call__(self, item: object) -> object:
        if self.parent not in _watching and os.getppid() == self.parent:
            _end_with(self.parent)
            atexit.register(gc.unfreeze)  # else libraries complain at the end of what they see as leaks
            gc.freeze()  # what was imported stays: to look for garbage there took 7 % of a dry trial's time,
            gc.set_threshold(10_000, 10, 10)  # and to do so every 700 objects 4 % more
        return self.function(item)


def _watched(function: Callable[[T], R], parent: int) -> Callable[[T], R]:
    return _Watched(function, parent)  # type: ignore[return-value]


_watching = set[int]()


def _end_with(parent: int) -> None:
    """From now on: without this a worker goes on when its parent is killed, for hours if a trial takes hours."""
    _watching.add(parent)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

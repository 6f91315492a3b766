"""One item after the other, in this process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

from simulator.experiments.executors.base import R, T
from simulator.experiments.executors.worker_memory import lean


class Sequential:
    """Runs items in this process, one after the other."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        for item in items:
            yield lean(function, item)

"""The contract of an executor: it maps a function over items, here or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Maps a function over items, here or elsewhere. To use other machines, write another class with this method."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        """Yield the function's results in the order in which they are ready; items and results can be pickled.

        Closing the generator stops the items that still run.
        """
        ...

"""Garbage collection, where it only costs time."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage within this context, in which many objects are made that stay.

    Each collection looks at all objects that there are, so that it takes most of the time of making 100,000 devices.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def set_apart() -> bool:
    """Let no collection look at the objects that there are now, until ``take_back``; return whether that is new.

    For very many objects that stay for a while: each collection of the oldest would go through all of them. Where a
    process has set some apart for good already, nothing is changed.
    """
    if gc.get_freeze_count():
        return False
    gc.freeze()
    return True


def take_back() -> None:
    """Let collections look at what was set apart."""
    gc.unfreeze()


def seldom_collected(steps: Generator[T, None, None], thresholds: tuple[int, int, int]) -> Generator[T, None, None]:
    """Yield what a generator yields; while it runs, and not while it is paused, Python seldom looks for cycles.

    Args:
        steps: the generator; it is closed with this one.
        thresholds: when Python looks for cycles, as ``gc.set_threshold`` takes it.
    """
    with closing(steps):
        while True:
            before = gc.get_threshold()
            gc.set_threshold(*thresholds)
            try:
                step = next(steps)
            except StopIteration:
                return
            finally:
                gc.set_threshold(*before)
            yield step

"""The memory of a worker process: when garbage is collected, and when memory goes back to the system."""

from __future__ import annotations

import atexit
import ctypes
import gc
import time
from collections.abc import Callable

from simulator.experiments.executors.base import R, T
from simulator.settings.garbage import take_back

LONG = 1.0
"""Seconds of computing after which memory is given back: that takes up to a fifth of a second."""

_settled = set[bool]()


def settle() -> None:
    """Collect garbage rarely in this process from now on, which is to run trials only; once is enough.

    Imported objects stay, so they need no garbage collection: it took 7 % of a dry trial's time, and collecting every
    700 objects took another 4 %.
    """
    if not _settled:
        _settled.add(True)
        atexit.register(gc.unfreeze)  # otherwise libraries report leaks at exit
        gc.freeze()
        gc.set_threshold(10_000, 10, 10)


def give_back() -> None:
    """Free what finished trials have left, and give the memory back to the system.

    The sites, clients and processes of a world know each other, so that its tensors are freed only when garbage is
    collected. glibc keeps what is freed, by which loky takes a process for one that leaks, and starts another.
    """
    if not _settled:
        take_back()  # what a trial has set apart that was never run
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # another C library
        return


def lean(function: Callable[[T], R], item: T) -> R:
    """Return what a function makes of an item, and give memory back if that took long, as real trials do."""
    began = time.process_time()
    try:
        return function(item)
    finally:
        if time.process_time() - began >= LONG:
            give_back()

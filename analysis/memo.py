"""What was read from a run's ledger once, and is shown several times."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from analysis.runs import Run

P = ParamSpec("P")
R = TypeVar("R")
_KEPT: WeakKeyDictionary[Run, dict[Any, Any]] = WeakKeyDictionary()


def once_a_run(function: Callable[Concatenate[Run, P], R]) -> Callable[Concatenate[Run, P], R]:
    """Return a function of a run that keeps what it returned for as long as the run is in memory.

    A figure and the page show the same, and the ledger of a large run takes its time. What is returned must be small,
    and nobody may change it.
    """

    @wraps(function)
    def remembered(run: Run, *args: P.args, **kwargs: P.kwargs) -> R:
        kept = _KEPT.setdefault(run, {})
        key = function, args, tuple(sorted(kwargs.items()))
        if key not in kept:
            kept[key] = function(run, *args, **kwargs)
        result: R = kept[key]
        return result

    return remembered

"""Grids of parameters of which a few points are tried each time, and the others with the slow tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def grid(*axes: Iterable[Any], often: Callable[..., bool]) -> list[ParameterSet]:
    """Return all points of a grid for ``parametrize``; those that are not tried often are slow.

    Args:
        axes: for each parameter, its values.
        often: whether a point, given as its values, can fail for a reason that no other one has.
    """
    return [pytest.param(*point, marks=() if often(*point) else pytest.mark.slow) for point in product(*axes)]

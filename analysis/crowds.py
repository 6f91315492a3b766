"""From how many devices on figures show groups and quantiles in place of each device, and which quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

MOST_BARS = 40
"""Of more devices than this, figures show groups and samples: as many bars or lines can be told apart."""
MOST_ROWS = 60
"""The most rows of a figure, such as lanes of a timeline or devices of a map, that can be told apart."""
MOST_GROUPS = 12
"""The most groups that a figure shows one by one; the smallest of more groups are one."""
REST = "other groups"


class Spread(NamedTuple):
    """How a quantity is spread over devices: its quantiles, each between two devices where it falls between them.

    Attributes:
        devices: how many devices there are.
        least, most: the smallest and the largest value.
        low, high: 5 % and 95 % of the devices have at most this.
        lower, upper: a quarter and three quarters have at most this.
        median: half have at most this.
    """

    devices: int
    least: float
    low: float
    lower: float
    median: float
    upper: float
    high: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray | pd.Series) -> Spread:
        """Return the spread of values, of which there is at least one."""
        array = np.asarray(values, dtype=float)
        return cls(len(array), *np.percentile(array, (0, 5, 25, 50, 75, 95, 100)).tolist())


def spreads(values: pd.Series, groups: pd.Series) -> dict[str, Spread]:
    """Return the spread of a quantity in each group, groups in the order in which they first appear.

    Args:
        values: the quantity of each device; devices without a value (NaN) are left out.
        groups: the group of each device, in the same order.
    """
    there = values.notna().to_numpy()
    return {
        str(name): Spread.of(own.to_numpy())
        for name, own in values[there].groupby(groups[there].to_numpy(), sort=False)
    }


def few_groups(groups: pd.Series) -> pd.Series:
    """Return the groups of devices, of which the smallest are one (`REST`) if there are more than can be shown."""
    sizes = groups.value_counts()
    if len(sizes) <= MOST_GROUPS:
        return groups
    return groups.astype(object).where(groups.isin(sizes.index[: MOST_GROUPS - 1]), REST)


def sample(groups: Sequence[str], most: int, many: bool = False) -> list[int]:
    """Return the places of the devices that stand for all: the last, the first, and some of each group in between.

    Up to `MOST_BARS` devices are sampled evenly, whatever their groups. Of more, a fifth of the sample is last and a
    tenth is first; the others are spread evenly over each group, which has as many of them as is its share.

    Args:
        groups: the group of each device; devices are in the order in which they are done, stragglers last.
        most: how many to return at most, at least 3.
        many: whether the devices stand for more than `MOST_BARS`, even if they are fewer.
    """
    count = len(groups)
    if count <= most:
        return list(range(count))
    if count <= MOST_BARS and not many:
        even: list[int] = np.linspace(0, count - 1, most).round().astype(int).tolist()
        return even
    last, first = ends(most)
    middle = np.asarray(groups, dtype=object)[first : count - last]
    codes, names = pd.factorize(middle)
    sizes = np.bincount(codes, minlength=len(names))
    chosen = [*range(first), *range(count - last, count)]
    for code, number in enumerate(_shares(sizes, most - last - first)):
        own = np.flatnonzero(codes == code) + first
        chosen += own[((np.arange(number) + 0.5) * len(own) / max(1, number)).astype(int)].tolist()
    return sorted(chosen)


def ends(most: int) -> tuple[int, int]:
    """Return how many devices of a sample of so many are the last ones, and how many the first."""
    return max(2, most // 5), max(1, most // 10)


def _shares(sizes: np.ndarray, most: int) -> list[int]:
    """Return how many of a sample each group has: its share, rounded by the largest remainders; at least 1 if it can.

    >>> _shares(np.array([900, 90, 10]), 10)
    [7, 2, 1]
    """
    least = (np.arange(len(sizes)) < most).astype(int) if len(sizes) > most else np.ones(len(sizes), int)
    exact = sizes / sizes.sum() * (most - least.sum())
    number = np.floor(exact).astype(int)
    order = np.argsort(number - exact, kind="stable")
    number[order[: most - int(least.sum()) - int(number.sum())]] += 1
    result: list[int] = np.minimum(number + least, sizes).tolist()
    return result

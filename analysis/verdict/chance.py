"""How sure a lead is: intervals of paired differences over seeds, which also count the error of the test samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from analysis.settled import sampling_error

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % confidence interval.

    Attributes:
        mean: the mean.
        low, high: the ends of the interval; NaN if there is one value only, which has none.
        pairs: the number of values.
    """

    mean: float
    low: float
    high: float
    pairs: int = 1

    def above(self, bound: float) -> bool:
        """Return whether the whole interval is above a bound; never if it has no ends."""
        return self.low > bound


def interval_of(values: Sequence[float], shared_error: float = 0.0) -> Interval:
    """Return the mean of values with its confidence interval, by Student's t distribution.

    Args:
        values: at least one value.
        shared_error: a standard error that all values have in common, so that their spread does not show it.
    """
    mean, number = fmean(values), len(values)
    if number < 2:
        return Interval(mean, math.nan, math.nan, number)
    from scipy.stats import norm, t

    tail = (1 + CONFIDENCE) / 2
    reach = math.hypot(t.ppf(tail, number - 1) * stdev(values) / math.sqrt(number), norm.ppf(tail) * shared_error)
    return Interval(mean, mean - reach, mean + reach, number)


def ratios(slower: Mapping[int, float], faster: Mapping[int, float]) -> Interval | None:
    """Return the geometric mean ratio of two costs, paired over the seeds that both have; None if there are none.

    Args:
        slower: a cost by seed, more than 0.
        faster: the other one.
    """
    seeds = [seed for seed in slower if slower[seed] > 0 and faster.get(seed, 0) > 0]
    if not seeds:
        return None
    logs = interval_of([math.log(slower[seed] / faster[seed]) for seed in seeds])
    return Interval(math.exp(logs.mean), math.exp(logs.low), math.exp(logs.high), logs.pairs)


def differences(better: Mapping[int, float], other: Mapping[int, float], samples: float | None) -> Interval | None:
    """Return the mean difference of two accuracies, paired over the seeds that both have; None if there are none.

    The error of the test samples is that of independent samples, which overstates it: both algorithms are evaluated on
    the same ones, and find the same ones hard.

    Args:
        better: accuracy by seed, a fraction.
        other: the other one.
        samples: the number of test samples, the same for all; None if it is unknown, and then their error is left out.
    """
    seeds = [seed for seed in better if seed in other]
    if not seeds:
        return None
    means = [fmean(accuracies[seed] for seed in seeds) for accuracies in (better, other)]
    shared = math.hypot(*(sampling_error(mean, samples) for mean in means)) if samples else 0.0
    return interval_of([better[seed] - other[seed] for seed in seeds], shared)

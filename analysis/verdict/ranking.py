"""Who comes first by one figure, when two are level, and how to say so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEVEL = 0.05
"""Costs that differ by less than this part are level: predicted seconds are off by as much (``docs/fidelity.md``)."""


@dataclass(frozen=True)
class Ranking:
    """Labels by a cost, the least first.

    Attributes:
        costs: the cost of each label that has one, the least first (SI).
        level: how far apart costs may be, as a part of the least, and still tie.
    """

    costs: Mapping[str, float]
    level: float = LEVEL

    @classmethod
    def of(cls, costs: Mapping[str, float | None], level: float = LEVEL) -> Ranking:
        """Return the ranking of these costs; labels without one (None or NaN) are left out."""
        known = {label: cost for label, cost in costs.items() if cost is not None and not math.isnan(cost)}
        return cls(dict(sorted(known.items(), key=lambda item: item[1])), level)

    @property
    def first(self) -> tuple[str, ...]:
        """The labels with the least cost, and those that are level with it."""
        least = min(self.costs.values(), default=math.nan)
        return tuple(label for label, cost in self.costs.items() if cost <= least * (1 + self.level))

    @property
    def second(self) -> str | None:
        """The label that follows the first ones; None if all tie."""
        return next((label for label in self.costs if label not in self.first), None)

    @property
    def lead(self) -> float | None:
        """How many times the first label's cost the second one has; None if all tie or the first costs nothing."""
        least = self.costs[self.first[0]] if self.first else 0.0
        return self.costs[self.second] / least if self.second is not None and least else None


def joined(words: Sequence[str]) -> str:
    """Return words as a list in a sentence.

    >>> joined(["FL", "SFL", "SFPrompt"])
    'FL, SFL and SFPrompt'
    """
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part) if words else "none"


def does(labels: Sequence[str], verb: str, verbs: str) -> str:
    """Return labels as the subject of a verb, in the singular or the plural.

    >>> does(["FL", "SFL"], "takes", "take")
    'FL and SFL take'
    """
    return f"{joined(labels)} {verb if len(labels) == 1 else verbs}"


def times(factor: float) -> str:
    """Return a factor as people read it.

    >>> times(1.534), times(12.7), times(2.0), times(331.0)
    ('1.5', '13', '2', '330')
    """
    return f"{float(f'{factor:.2g}'):,.6g}"

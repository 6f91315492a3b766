"""A check and its result, as one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isclose
from typing import Any

CLOSE = 1e-9
"""Figures that differ by no more than this part are the same: sums may be taken in another order."""


@dataclass(frozen=True)
class Check:
    """The result of a check; as text, one line.

    Attributes:
        name: what was checked.
        problems: what differs, and where; empty if nothing does.
        note: what else to say: how much was looked at, or why it was not.
    """

    name: str
    problems: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def of(cls, name: str, problems: Iterable[str], note: str = "") -> Check:
        """Return a check with its problems."""
        return cls(name, tuple(problems), note)

    @property
    def is_left_out(self) -> bool:
        """Whether nothing was checked; the note says why."""
        return self.note.startswith("not ")

    def __str__(self) -> str:
        if not self.problems:
            return f"{self.name}: {self.note if self.is_left_out else 'ok'}{self._more}"
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return f"{self.name}: {self.problems[0]}{more}"

    @property
    def _more(self) -> str:
        return f" ({self.note})" if self.note and not self.is_left_out else ""


def same(one: Any, other: Any) -> bool:
    """Return whether two figures are the same, but for how they were rounded; None and NaN stand for no figure."""
    none = [value is None or value != value or value == "" for value in (one, other)]
    if any(none):
        return all(none)
    try:
        return isclose(float(one), float(other), rel_tol=CLOSE, abs_tol=0.0)
    except (TypeError, ValueError):
        return str(one) == str(other)


def shown(value: Any) -> str:
    """Return a figure as a message shows it, with all its digits."""
    return "nothing" if value is None or value != value or value == "" else str(value)

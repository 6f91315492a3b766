"""What a search looks for: figures to make small or large, and bounds that other figures must keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, PlainValidator, model_validator

from analysis.quantities import kind_of
from simulator.experiments.search.measures import known
from simulator.experiments.sweep.axes import amount_of
from simulator.settings.base import Settings, invalid
from simulator.settings.humanize import human
from simulator.settings.units import DURATION, ENERGY, MEMORY

Figure = Annotated[str, AfterValidator(lambda name: known(name))]
_UNITS = {"seconds": DURATION, "bytes": MEMORY, "joules": ENERGY}


class Objective(Settings):
    """A figure of a trial, or a key of the space with numbers, and whether less or more of it is better.

    One of the two keys is given.

    Attributes:
        minimise: the figure of which less is better.
        maximise: the figure of which more is better.
    """

    minimise: str | None = None
    maximise: str | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.minimise is None) == (self.maximise is None):
            problem = "an objective is either {minimise: FIGURE} or {maximise: FIGURE}"
            raise invalid([((), None, problem, None)])
        return self

    @property
    def figure(self) -> str:
        """The figure."""
        return self.minimise or self.maximise or ""

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """What Optuna calls it."""
        return "minimize" if self.minimise else "maximize"

    @property
    def sign(self) -> int:
        """What a value is multiplied by so that less is better."""
        return 1 if self.minimise else -1


def _number(said: Any) -> Any:
    """Return a number; an amount with a unit, such as "30 MB", as [number, unit] until its figure is known."""
    try:
        number, unit = amount_of(said)
    except ValueError:
        raise ValueError('it is not a number, with or without a unit, such as 0.7 or "30 MB"') from None
    return said if unit else float(number)


class Bound(Settings):
    """Between what a figure must lie; at least one of the two is given.

    Attributes:
        at_least: the smallest value that is allowed, in SI units or with a unit.
        at_most: the largest one.
    """

    at_least: Annotated[float | str | None, PlainValidator(_number)] = None
    at_most: Annotated[float | str | None, PlainValidator(_number)] = None

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise invalid([((), None, "a bound is at_least, at_most or both", None)])
        return self

    def violation(self, figure: str, value: float | None) -> float:
        """Return by how much a value violates the bound, as a share of it; at most 0 where it does not.

        Args:
            figure: the figure.
            value: its value in SI units; None where there is none, which violates by all of the bound.
        """
        if value is None:
            return 1.0
        low, high = self.ends(figure)
        by = [low - value if low is not None else 0.0, value - high if high is not None else 0.0]
        scale = [abs(end) if end else 1.0 for end in (low, high)]
        return max(0.0, *(amount / size for amount, size in zip(by, scale, strict=True)))

    def ends(self, figure: str) -> tuple[float | None, float | None]:
        """Return both ends in SI units.

        Raises:
            ValueError: an end has a unit that is none of the figure's.
        """
        low, high = (_si(figure, end) if end is not None else None for end in (self.at_least, self.at_most))
        return low, high

    def said(self, figure: str) -> str:
        """Return the bound in words, such as "at least 70 %"."""
        parts = zip(("at least", "at most"), self.ends(figure), strict=True)
        return " and ".join(f"{word} {human(kind_of(figure), end)}" for word, end in parts if end is not None)


Constraints = Mapping[str, Bound]


def _si(figure: str, said: float | str) -> float:
    if not isinstance(said, str):
        return said
    quantity = _UNITS.get(kind_of(figure))
    if quantity is None:
        raise ValueError(f"{said} has a unit, and {figure} has none: write a bare number")
    return quantity.parse(said)

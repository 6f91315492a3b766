"""What a search may vary: for each key of the scenario some values, or a span of numbers between two ends."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Protocol

from simulator.experiments.sweep.axes import amount_of, written_amount
from simulator.experiments.sweep.relative import WAYS, Relative, as_said, values_of
from simulator.settings.base import refuse_unknown
from simulator.settings.units import quantity_of

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SPANS = ("integers", "floats")
DIGITS = 4
"""How many significant digits of a number within a span are kept."""


class Dimension(Protocol):
    """What one key may be."""

    @property
    def size(self) -> int | None:
        """The number of its values; None of a span of floats, which has no end of them."""
        ...

    @property
    def unit(self) -> str | None:
        """The unit of its values, empty of bare numbers; None if they are not all numbers in one unit."""
        ...

    @property
    def ends(self) -> tuple[Any, Any]:
        """The first and the last value."""
        ...

    def distribution(self) -> BaseDistribution:
        """Return what Optuna draws from."""
        ...

    def value(self, drawn: Any) -> Any:
        """Return the value of the key, as a sweep would have it, for what Optuna drew."""
        ...

    def said(self) -> Any:
        """Return plain data from which ``dimension_of`` makes this again."""
        ...


@dataclass(frozen=True)
class Choice:
    """Some values. Those that are numbers in order are searched by their places, so that near ones are alike.

    Attributes:
        values: the values, as those of a sweep's axis.
    """

    values: tuple[Any, ...]

    @property
    def size(self) -> int | None:
        return len(self.values)

    @property
    def unit(self) -> str | None:
        try:
            units = {_parsed(value)[1] for value in self.values}
        except ValueError:
            return None
        return units.pop() if len(units) == 1 else None

    @property
    def ends(self) -> tuple[Any, Any]:
        return self.values[0], self.values[-1]

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution, IntDistribution

        places = range(len(self.values))
        return IntDistribution(0, places[-1]) if self._in_order else CategoricalDistribution(places)

    def value(self, drawn: Any) -> Any:
        return self.values[drawn]

    def said(self) -> Any:
        return as_said(list(self.values))

    @property
    def _in_order(self) -> bool:
        """Whether the values are numbers that rise, or fall, in one unit."""
        if self.unit is None:
            return False
        return len({number_of(one) < number_of(other) for one, other in pairwise(self.values)}) < 2


@dataclass(frozen=True)
class Span:
    """The numbers between two ends, which are among them.

    Attributes:
        kind: "integers" or "floats".
        low, high: the ends.
        unit: the unit of both; empty for bare numbers.
        log: whether the logarithm is spread evenly, and not the number itself.
        step: how far integers are apart.
        way: "times" or "plus" if the numbers change the scenario's; None if they replace it.
    """

    kind: Literal["integers", "floats"]
    low: Fraction
    high: Fraction
    unit: str = ""
    log: bool = False
    step: int = 1
    way: Literal["times", "plus"] | None = None

    @property
    def size(self) -> int | None:
        return int(self.high - self.low) // self.step + 1 if self.kind == "integers" else None

    @property
    def ends(self) -> tuple[Any, Any]:
        return self._written(self.low), self._written(self.high)

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.kind == "integers":
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=self.step)
        return FloatDistribution(float(self.low), float(self.high), log=self.log)

    def value(self, drawn: Any) -> Any:
        number = Fraction(drawn) if self.kind == "integers" else Fraction(f"{drawn:.{DIGITS}g}")
        return self._written(min(max(number, self.low), self.high))

    def said(self) -> Any:
        written = [written_amount(end, self.unit, self.kind == "integers") for end in (self.low, self.high)]
        span: dict[str, Any] = {self.kind: written}
        span |= {"log": True} if self.log else {}
        span |= {"step": self.step} if self.step > 1 else {}
        return {self.way: span} if self.way else span

    def _written(self, number: Fraction) -> Any:
        value = written_amount(number, self.unit, self.kind == "integers")
        return Relative(self.way, value) if self.way else value


def dimension_of(said: Any) -> Dimension:
    """Return what a key may be, from what a search file says.

    That is `{integers: [1, 8], step: 1}`, `{floats: [1e-4, 1e-1], log: true}`, an axis as a sweep has it, or one of
    the spans below `times` or `plus`, whose numbers then change the scenario's.

    Raises:
        ValueError: it has none of these forms.
    """
    way = next((way for way in WAYS if isinstance(said, dict) and [*said] == [way]), None)
    inside = said[way] if way else said
    if isinstance(inside, dict) and (kind := next((kind for kind in SPANS if kind in inside), None)):
        return _span(inside, "integers" if kind == "integers" else "floats", way)
    if isinstance(said, dict) and not {"range", "log", *WAYS} & said.keys():
        refuse_unknown(said, (*SPANS, "range", "log", *WAYS))
    if not isinstance(said, dict | list):
        raise ValueError("write {integers: [1, 8]}, {floats: [0.001, 0.1], log: true}, or a list of values")
    return Choice(tuple(values_of(said)))


def _span(said: dict[str, Any], kind: Literal["integers", "floats"], way: Literal["times", "plus"] | None) -> Span:
    refuse_unknown(said, (kind, "log", "step") if kind == "integers" else (kind, "log"))
    ends, log, step = said[kind], said.get("log", False), said.get("step", 1)
    if not isinstance(ends, list) or len(ends) != 2:
        raise ValueError(f"{kind} have two ends, such as {{{kind}: [1, 8]}}")
    (low, unit), (high, other) = map(amount_of, ends)
    if unit != other:
        raise ValueError(f'write both ends in the same unit: one is in "{unit}", the other in "{other}"')
    if low >= high:
        raise ValueError("the second end must be more than the first")
    if not isinstance(log, bool):
        raise ValueError("log is true or false")
    if log and low <= 0:
        raise ValueError("with log, both ends must be more than 0")
    if isinstance(step, bool) or not isinstance(step, int) or step < 1:
        raise ValueError("step must be a whole number of at least 1")
    if kind == "integers" and (unit or low.denominator > 1 or high.denominator > 1):
        raise ValueError("integers have whole ends without a unit: say floats for others")
    if step > 1 and (log or (high - low) % step):
        raise ValueError("step goes without log" if log else "the last step must end at the second end")
    if unit and (way == "times" or (way == "plus" and quantity_of(unit) is None)):
        raise ValueError("times takes numbers without a unit, and plus amounts, such as 5 ms")
    try:
        float(low), float(high)
    except OverflowError:
        raise ValueError("the ends are too large") from None
    return Span(kind, low, high, unit, log, step, way)


def number_of(value: Any) -> float:
    """Return the number of a value, in its own unit; of one that is relative to the scenario, the change.

    Raises:
        ValueError: the value is no number.
    """
    return float(_parsed(value)[0])


def _parsed(value: Any) -> tuple[Fraction, str]:
    return amount_of(value.by if isinstance(value, Relative) else value)

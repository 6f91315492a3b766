"""The values of a sweep's axis, from a list, a range or a logarithmic range."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from simulator.settings.base import refuse_unknown
from simulator.settings.units import amount, quantity_of
from simulator.settings.wording import shown

MOST_VALUES = 10_000


def axis_values(said: Any, also: Sequence[str] = ()) -> list[Any]:
    """Return the values of an axis as a sweep file describes it.

    An axis is a list, `{range: [8, 64], step: 8}`, `{range: [0.1, 1], points: 10}`, or
    `{log: [1 Mbit/s, 100 Mbit/s], points: 5}`. Both ends of a range are among the values.

    Numbers keep their unit. A value is an integer if both ends are integers and it is whole. Between the ends of a
    logarithmic range, values are rounded to six significant digits.

    Args:
        said: the axis as the file has it.
        also: other keys that a message about an unknown key names.

    Raises:
        ValueError: ``said`` has none of these forms, the axis is empty, or a value is listed twice.
    """
    if isinstance(said, dict):
        refuse_unknown(said, ("range", "log", "points", "step", *also))
        values = list(_between(said))
    elif isinstance(said, list):
        values = said
    else:
        raise ValueError("write a list of values, {range: [8, 64], step: 8} or {log: [1, 100], points: 5}")
    if not values:
        raise ValueError("the axis is empty: give it at least one value")
    first: dict[Hashable, Any] = {}
    for value in values:
        key = _known(value)
        if key in first:
            other = first[key]
            raise ValueError(
                f"{shown(value)} is listed twice" if value == other else f"{shown(other)} is {shown(value)}"
            )
        first[key] = value
    return values


def _known(value: Any) -> Hashable:
    """Return what only the same values share, as 1 Mbit/s and 1000 kbit/s do; 1 and 1.0 are different."""
    parsed = amount(value) if isinstance(value, str) else None
    quantity = quantity_of(parsed[1]) if parsed and parsed[1] else None
    if parsed and quantity:
        return quantity.name, parsed[0] * quantity.units[parsed[1]]
    return type(value), json.dumps(value, sort_keys=True, default=str)


def _between(spec: dict[str, Any]) -> Iterator[Any]:
    kind = "log" if "log" in spec else "range"
    ends = spec.get(kind)
    if ("log" in spec and "range" in spec) or not isinstance(ends, list) or len(ends) != 2:
        raise ValueError("a range has two ends: {range: [8, 64], step: 8} or {log: [1, 100], points: 5}")
    (first, unit), (last, other_unit) = map(amount_of, ends)
    if unit != other_unit:
        raise ValueError(f'write both ends in the same unit: one is in "{unit}", the other in "{other_unit}"')
    if kind == "log" and first <= 0:
        raise ValueError("both ends of a logarithmic range must be more than 0")
    if first >= last:
        raise ValueError("the second end must be more than the first")
    whole = all(isinstance(end, int) for end in ends)
    for value in _logarithmic(first, last, spec) if kind == "log" else _even(first, last, unit, spec):
        yield written_amount(value, unit, whole)


def _even(first: Fraction, last: Fraction, unit: str, spec: dict[str, Any]) -> Iterator[Fraction]:
    if ("step" in spec) == ("points" in spec):
        raise ValueError("say either points or step")
    if "step" in spec:
        step, step_unit = amount_of(spec["step"])
        if step_unit != unit or step <= 0:
            raise ValueError("the step must be more than 0, in the unit of the ends")
        if (last - first) % step:
            raise ValueError("the last step must end at the second end")
        steps = int((last - first) / step)
        if steps >= MOST_VALUES:
            raise ValueError(f"these are {steps + 1} values; at most {MOST_VALUES} are allowed")
    else:
        steps = _points(spec) - 1
    for number in range(steps + 1):
        yield first + (last - first) * number / steps


def _logarithmic(first: Fraction, last: Fraction, spec: dict[str, Any]) -> Iterator[Fraction]:
    if "step" in spec:
        raise ValueError("a logarithmic range has points, and no step")
    steps = _points(spec) - 1
    try:
        start, ratio = float(first), float(last / first)
    except OverflowError:
        raise ValueError("the ends of the range are too far apart") from None
    yield first
    for number in range(1, steps):
        yield Fraction(f"{start * ratio ** (number / steps):.6g}")
    yield last


def _points(spec: dict[str, Any]) -> int:
    number = spec.get("points")
    if isinstance(number, bool) or not isinstance(number, int) or not 2 <= number <= MOST_VALUES:
        raise ValueError(f"say how many points it has: a whole number from 2 to {MOST_VALUES}")
    return number


def amount_of(value: Any) -> tuple[Fraction, str]:
    """Split a value into its number and its unit, which is empty for a bare number."""
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        parsed = amount(str(value))
        if parsed:
            return parsed
    raise ValueError(f'{shown(value)} is not a number, with or without a unit, such as 8 or "20 Mbit/s"')


def written_amount(value: Fraction, unit: str, whole: bool) -> Any:
    """Return a number with its unit as a file has it.

    Args:
        value: the number.
        unit: its unit; empty for a bare number.
        whole: whether a bare number that is whole is an integer.
    """
    number: int | float = int(value) if value.denominator == 1 and (whole or unit) else float(value)
    return f"{number} {unit}" if unit else number
